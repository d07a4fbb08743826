"""A file of texts several times larger than the memory left for it, fitted to under a limit of the address space.

python benchmarks/large_text.py [--megabytes 1000] [--room 256] prints a line a question as JSON. What the libraries
take is taken before the limit is set, by a fit to a small file; ``room`` megabytes are left then. The file is written
to the folder for temporary files, which needs room for three times its size.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

WORDS, TELLING = 20_000, 100  # different words; how many of them belong to one mood
LENGTH = 150  # words of a text, half as many to half as many more
SETTINGS = {"text": "review", "label": "mood", "steps": 200, "hidden": 32, "members": 1, "spelling": True}
SHARES = {"valid_share": 0.005, "test_share": 0.01}
SMALL = 20  # megabytes of the file that is fitted to both ways

FIT = """
import json, os, resource, sys, time
import elman

job = json.loads(sys.argv[1])

def told(name, path="/proc/self/status"):
    return int(next(line for line in open(path) if line.startswith(name + ":")).split()[1]) * 1024

shares = {"valid_share": 0.2, "test_share": 0.2}  # so that the largest batches there are have been made
elman.Classifier(**{**job["settings"], **shares, "steps": 2}, ram="1B").fit(job["few"])
before, used = told("VmHWM"), told("VmSize")
if job["room"]:
    resource.setrlimit(resource.RLIMIT_AS, (used + job["room"], used + job["room"]))
began = time.perf_counter()
model = elman.Classifier(**job["settings"], ram=job["ram"]).fit(job["path"])
print(json.dumps({
    "seconds": round(time.perf_counter() - began, 1),
    "seconds_learning": round(model.training_.seconds, 1),
    "resident_megabytes": round(told("VmHWM") / 1e6),
    "resident_before_megabytes": round(before / 1e6),
    "accuracy": model.evaluation_.metrics["accuracy"],
    "log_loss": model.evaluation_.metrics["log_loss"],
    "rows_judged": model.evaluation_.rows,
    "from_disk": any("read from disk" in note for note in model.notes_),
    "weights": sum(float(weight.double().abs().sum()) for weight in model.network_.state_dict().values()),
}))
"""


def write(path: Path, megabytes: float, seed: int = 0) -> int:
    """Texts of made words by Zipf's law, one in thirty of which tells the mood; returns how many rows."""
    draw = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(draw.choice(letters, draw.integers(2, 9))) for _ in range(WORDS)])
    often = 1 / np.arange(1, WORDS + 1)
    rows = 0
    with path.open("w") as file:
        file.write("review,mood\n")
        while file.tell() < megabytes * 1e6:
            moods, lengths = draw.integers(0, 2, 2000), draw.integers(LENGTH // 2, 3 * LENGTH // 2, 2000)
            ids = draw.choice(WORDS, int(lengths.sum()), p=often / often.sum())
            telling = np.flatnonzero(draw.random(len(ids)) < 1 / 30)
            ids[telling] = TELLING * (1 + np.repeat(moods, lengths)[telling]) + draw.integers(0, TELLING, len(telling))
            said = np.split(words[ids], np.cumsum(lengths)[:-1])
            file.writelines(
                f"{' '.join(text)},{('bad', 'good')[mood]}\n" for text, mood in zip(said, moods.tolist(), strict=True)
            )
            rows += len(moods)
    return rows


def fit(path: Path, few: Path, ram: str | None, room: int, shares: dict[str, float]) -> dict[str, Any] | None:
    """What a process that fits to the file tells; None where it ended for want of memory."""
    job = {"path": str(path), "few": str(few), "ram": ram, "room": room, "settings": {**SETTINGS, **shares}}
    done = subprocess.run([sys.executable, "-c", FIT, json.dumps(job)], capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        print(f"  ended with {done.returncode}: {last}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def lines(megabytes: float = 1000, room: float = 256) -> list[dict[str, Any]]:
    """The figures, a dictionary a question: ``tried`` so many fits, ``held`` so many of them as they should."""
    left = int(room * 1e6)
    with tempfile.TemporaryDirectory() as folder:
        large, few, small = (Path(folder) / f"{name}.csv" for name in ("large", "few", "small"))
        rows = write(large, megabytes)
        write(few, 4)
        write(small, SMALL)
        size = {"file_megabytes": round(large.stat().st_size / 1e6), "room_megabytes": round(room), "rows": rows}
        outside = fit(large, few, None, left, SHARES)
        inside = fit(large, few, "100TB", left, SHARES)
        both = [fit(small, few, ram, 0, {}) for ram in ("1MB", "100TB")]
    alike = None not in both and all(
        both[0][name] == both[1][name] for name in ("weights", "accuracy", "log_loss", "rows_judged")
    )
    return [
        {
            "name": "a file of texts larger than the memory left for it is learnt from",
            "tried": 1,
            "held": int(outside is not None and outside["from_disk"]),
            **size,
            **(outside or {}),
        },
        {"name": "the same in memory ends for want of it", "tried": 1, "held": int(inside is None), **size},
        {
            "name": "a small file: the same weights and scores from disk and in memory",
            "tried": 1,
            "held": int(alike),
            "file_megabytes": SMALL,
            "from_disk": both[0],
            "in_memory": both[1],
        },
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=1000)
    parser.add_argument("--room", type=float, default=256)
    given = parser.parse_args()
    for line in lines(given.megabytes, given.room):
        print(json.dumps(line), flush=True)
