"""``elman tune`` in processes of its own, whose fits take a while, so that it can be ended in the middle of a trial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman.tune.places import ended, places_of, running

PATIENCE = 400  # seconds that any of this may take on a machine that others use as well
SLOW = """
import os, time
from elman.tune import job, search
search.BEATS = 2
fit = job.Job.fit
def slow(self, *arguments, **options):
    time.sleep(float(os.environ["ELMAN_TEST_SLOW"]))
    return fit(self, *arguments, **options)
job.Job.fit = slow
from elman.cli import main
main()
"""
TUNE = (
    "tune forecast prices.csv --target Close --horizon 2 --lookback 8 --hidden 4 --steps 8 --quiet --folds 2 --seeds 1"
)


def prices(folder: Path) -> Path:
    """The folder, made, with a small series in it."""
    folder.mkdir()
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(200) / 7) + np.random.default_rng(0).normal(0, 0.5, 200)
    lines = [f"{np.datetime64('2020-01-01') + at},{value:.3f}" for at, value in enumerate(wave)]
    (folder / "prices.csv").write_text("\n".join(["Date,Close", *lines]) + "\n")
    return folder


def start(folder: Path, storage: str, trials: int, *more: str, within: Sequence[str] = (), slow: float = 1.0) -> Any:
    """One process of the search; ``within`` comes before the command, as that of a namespace."""
    source = str(Path(elman.__file__).parents[1])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    words = [*within, sys.executable, "-c", SLOW, *TUNE.split(), "--trials", str(trials), "--storage", storage, *more]
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "ELMAN_TEST_SLOW": str(slow)}
    return subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def put_away(every: Sequence[Any]) -> None:
    for one in every:
        one.kill()
        one.wait()
        one.stdout.close()
        one.stderr.close()


class Seen:
    """What is in a storage, seen from outside."""

    def __init__(self, url: str) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna, self.storage = optuna, optuna.storages.RDBStorage(url)

    def rows(self) -> list[Any]:
        try:
            return list(self.optuna.load_study(study_name="elman", storage=self.storage).get_trials())
        except KeyError:
            return []

    def at_work(self) -> int:
        return sum(running(one) and "began" in one.user_attrs for one in self.rows())

    def made(self) -> list[int]:
        """How often each place came to its end."""
        return [sum(map(ended, attempts)) for attempts in places_of(self.rows()).values()]

    def close(self) -> None:
        self.storage.engine.dispose()


@dataclass(frozen=True)
class Kills:
    """What a search over kills came to: how often each trial was made, what the ends of its processes were."""

    made: list[int]
    found: dict[str, Any]
    codes: dict[str, int]
    stopped: str
    seconds: float  # from SIGTERM to the end of the process


def over_kills(folder: Path, storage: str, url: str, trials: int) -> Kills:
    """Of three processes one is killed, one asked to end, one left; the one that judges is killed, and comes again."""
    seen, every = Seen(url), []
    try:
        for _ in range(3):
            every.append(start(folder, storage, trials, "--join"))
        killed, asked, left = every
        until(lambda: seen.at_work() == 3, "three processes at work on a trial each")
        killed.kill()
        asked.send_signal(signal.SIGTERM)
        began = time.monotonic()
        stopped = asked.communicate(timeout=PATIENCE)[1]
        seconds = time.monotonic() - began
        main = start(folder, storage, trials, "--json")
        every.append(main)
        until(lambda: seen.at_work() == 2 or all(seen.made()[:trials]), "the process that judges at work")
        main.kill()
        again = start(folder, storage, trials, "--json")
        every.append(again)
        said, _ = again.communicate(timeout=PATIENCE)
        left.communicate(timeout=PATIENCE)
        codes = {"killed": killed.wait(), "asked": asked.returncode, "left": left.returncode, "again": again.returncode}
        return Kills(seen.made()[:trials], json.loads(said or "{}"), codes, stopped, seconds)
    finally:
        seen.close()
        put_away(every)
