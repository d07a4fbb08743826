"""What explanations of a real series name, and whether they add up: half-hourly demand for electricity.

    python benchmarks/explain.py [--minutes 2.5] [--seeds 1]

Needs the data folder beside the project (../shared/data); says so where it is absent. The model is that of the
workload vic_electricity of benchmarks/forecast.py. Written to benchmarks/results/explain.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from statistics import mean
from typing import Any

import numpy as np
import torch
from forecast import WORKLOADS
from machine import DATA, RESULTS, describe

import elman
from elman.tasks.explain_forecast import one_forecast

EXPLAINED = 12  # single forecasts, evenly spaced over the rows that judge
DRIVERS = ("time of day", "Temperature", "Demand, last day")  # what is known to drive the demand


def once(minutes: float, seed: int) -> dict[str, Any]:
    options = dict(WORKLOADS["vic_electricity"])
    file, _ = options.pop("data")()
    options.pop("minutes"), options.pop("bar")
    model = elman.Forecaster(minutes=minutes, seed=seed, **options).fit(file)
    start = time.perf_counter()
    explained = model.explain(file)
    seconds = time.perf_counter() - start
    found = explained.to_json()
    rows = np.linspace(42_100, 52_500, EXPLAINED).astype(int).tolist()
    series = model.reader_.read(file)
    singles = [one_forecast(model, series, row).facts for row in rows]
    ranking = list(found["importance"])
    return {
        "seed": seed,
        "mae": found["mae"],
        "sentence": explained.sentence,
        "windows": found["windows"],
        "seconds": round(seconds, 1),
        "importance": found["importance"],
        "ranks_of_drivers": {name: 1 + ranking.index(name) for name in DRIVERS},
        "units_beyond_chance": len(found["units"]),
        "forecasts": [
            {
                "from": one["from"],
                "difference": one["difference"],
                "error": abs(one["total"] - one["difference"]) / max(abs(one["difference"]), 1e-9),
                "points": one["points"],
                "most": list(one["integrated_gradients"])[:3],
            }
            for one in singles
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.5)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"{DATA} is absent: this benchmark needs the series that README names")
    runs = [once(arguments.minutes, seed) for seed in range(arguments.seeds)]
    errors = [one["error"] for run in runs for one in run["forecasts"]]
    summary = {
        "drivers": {name: [run["ranks_of_drivers"][name] for run in runs] for name in DRIVERS},
        "mae": [round(run["mae"], 1) for run in runs],
        "completeness": {"forecasts": len(errors), "mean_error": mean(errors), "largest_error": max(errors)},
        "seconds": [run["seconds"] for run in runs],
    }
    result = {"machine": {**describe(), "threads": torch.get_num_threads()}, "summary": summary, "runs": runs}
    (RESULTS / "explain.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
