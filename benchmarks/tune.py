"""A search of 20 trials within ten minutes on two cores, and RNN, LSTM or GRU: hourly oil temperatures, 24 ahead.

    python benchmarks/tune.py [--minutes 9] [--compare-minutes 3] [--only search compare]

Needs the data folder beside the project (../shared/data); says so where it is absent. One JSON,
benchmarks/results/tune.json, is brought up to date part by part.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from machine import DATA, RESULTS, describe

import elman
from elman.tune import compare, tune

FILE = DATA / "series" / "etth1.csv"
TASK = {"target": "OT", "horizon": 24}
TRIALS, THREADS, BAR_SECONDS = 20, 2, 600


def aside(line: str) -> None:
    print(line, file=sys.stderr)


def searched(minutes: float) -> dict[str, Any]:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        storage = str(Path(folder) / "trials.db")
        task = elman.Forecaster(**TASK)
        found = tune(task, FILE, trials=TRIALS, minutes=minutes, storage=storage, told=aside)
    seconds = time.perf_counter() - began
    told = found.to_json()
    ended = len(told["trials"])
    return {
        "minutes": minutes,
        "wall_seconds": round(seconds, 1),
        "bar": {"trials": TRIALS, "seconds": BAR_SECONDS, "reached": ended >= TRIALS and seconds <= BAR_SECONDS},
        **told,
    }


def compared(minutes: float) -> dict[str, Any]:
    return compare(elman.Forecaster(**TASK), FILE, "cell", minutes=minutes, told=aside).to_json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--compare-minutes", type=float, default=3.0)
    parser.add_argument("--only", nargs="*", choices=["search", "compare"], default=["search", "compare"])
    arguments = parser.parse_args()
    if not FILE.is_file():
        sys.exit(f"{FILE} is absent: this benchmark needs the series that README names")
    torch.set_num_threads(THREADS)
    path = RESULTS / "tune.json"
    result = json.loads(path.read_text()) if path.exists() else {}
    result["machine"] = {**describe(), "threads": THREADS}
    result["data"] = "etth1 (OT, 24 steps ahead; the last fifth judges)"
    for part, measure, minutes in (
        ("search", searched, arguments.minutes),
        ("compare", compared, arguments.compare_minutes),
    ):
        if part in arguments.only:
            result[part] = measure(minutes)
            print(result[part]["verdict"])
            path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
