"""What becomes of fits that die, are stopped, or run out of disk, and of checkpoints that are harmed.

    python benchmarks/crashes.py [--quick] [--seed 0]

Forks its processes: wants Linux, and for the small disk root. Prints the lines as JSON; about 20 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from crashed import deaths, prepared, unfinished
from elman.tasks import store
from elman.tasks.checkpoints import LARGEST, RUN, STATE, Checkpoints
from harmed import harms
from interrupted import OUT, Fit, killed, lasting, often, result, small_disk

PLACES = ("preparing", "sizing", "step", "evaluation", "checkpoint", "judging", "saving")
SOON = 5.0  # seconds from a signal to the end


def lines(seed: int = 0, quick: bool = False) -> list[dict[str, Any]]:
    """One line a kind of trouble: how often it was tried, how often all held, how often something was lost."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        home = prepared(Path(folder) / "origin")
        found = [_deaths(home, 40 if quick else 1), _kills(home, 3 if quick else 60, seed)]
        found += [_stopped(home, number, quick) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)]
        found += [_full_disk(home), _harmed(Path(folder) / "unfinished", 100 if quick else 1000, seed)]
    return found


def _line(name: str, tried: int, lost: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "tried": tried, "held": tried - lost, "lost": lost, **more}


def _deaths(home: Path, every: int) -> dict[str, Any]:
    found = deaths(home, every)
    kinds = dict(sorted(found.tried.items()))
    return _line(
        "killed before a write, half-way through it, before a sync, a rename, a removal",
        found.tried.total(),
        len({sentence.split()[0] for sentence in found.wrong}),
        kinds=kinds,
        resumed=found.resumed,
        left=found.left,
        wrong=found.wrong,
    )


def _kills(home: Path, kills: int, seed: int) -> dict[str, Any]:
    found = killed(home, kills, seed, steps=200)
    return _line("killed at random after new progress", found.kills, found.other, fits=found.chains)


def _stopped(home: Path, number: signal.Signals, quick: bool) -> dict[str, Any]:
    assert Fit(home, "--overwrite").ended().code == 0
    wanted, slowest, wrong = result(home), 0.0, []
    places = PLACES[2:4] if quick else PLACES
    for place in places:
        fit = Fit(home, "--overwrite", around=lasting(place))
        fit.reached()
        ended = fit.send(number)
        slowest = max(slowest, ended.seconds)
        again = Fit(home, "--overwrite", "--resume").ended()
        good = ended.code == 128 + number and ended.seconds < SOON and again.code == 0 and result(home) == wanted
        wrong += [] if good else [f"{place}: {ended.sentence}"]
    return _line(
        f"stopped by {number.name}", len(places), len(wrong), places=places, slowest=round(slowest, 2), wrong=wrong
    )


def _full_disk(home: Path) -> dict[str, Any]:
    """64 KB for all that is written: the model that lies there must stay whole, and the fit end in a sentence."""
    name, place = "a disk of 64 KB that is full", home.with_name("disk")
    place.mkdir()
    try:
        with small_disk(place):
            (place / "text.txt").write_bytes((home / "text.txt").read_bytes())
            store.put(place / OUT, {"config.json": b"{}"})
            (place / "filler").write_bytes(bytes(36 << 10))
            ended = Fit(place, "--overwrite", around=often).ended()
            intact = store.read(place / OUT) == {"config.json": b"{}"}
            told = ended.code == 1 and "No space left on device" in ended.sentence and "Traceback" not in ended.said
            return _line(name, 1, int(not (intact and told)), said=ended.sentence.replace(str(place), "."))
    except PermissionError as error:
        return _line(name, 0, 0, skipped=str(error))


def _harmed(home: Path, count: int, seed: int) -> dict[str, Any]:
    """So many bits flipped and so many ends cut off in the newest checkpoint: the one before must be taken."""
    path = unfinished(home)
    before, newest = sorted(path.iterdir())
    files = store.read(before, LARGEST)
    tried, wrong = 0, []
    for name, raw, what in harms(newest, count, count, seed):
        whole = (newest / name).read_bytes()
        (newest / name).write_bytes(raw)
        told: list[str] = []
        got = Checkpoints(path, resume=True, told=told.append).newest()
        wrong += [] if got == (files[RUN], files[STATE]) and len(told) == 1 else [what]
        (newest / name).write_bytes(whole)
        tried += 1
    return _line("the newest checkpoint harmed, the one before taken", tried, len(wrong), wrong=wrong)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(json.dumps(lines(asked.seed, asked.quick), indent=2))
