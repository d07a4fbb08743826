"""Forecasts of real series, on stated protocols, beside their baselines and the same model in plain torch.

    python benchmarks/forecast.py [--only vic_electricity] [--seeds 3] [--minutes-scale 1.0]

Needs the data folder beside the project (../shared/data); says so where it is absent. One JSON,
benchmarks/results/forecast.json, is brought up to date workload by workload.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from statistics import mean, pstdev
from typing import Any

import polars as pl
from machine import DATA, RESULTS, describe
from plain_forecast import plain_torch

import elman


def beijing() -> tuple[Any, Any]:
    """Its protocol: the first day dropped, missing read as 0, one year to learn from, the rest to judge."""
    frame = pl.read_csv(DATA / "series" / "beijing_pm25.csv", null_values="NA", infer_schema_length=None)[24:]
    frame = frame.with_columns(pl.col("pm2.5").fill_null(0))
    return frame[:8760], frame[8760:]


def file(name: str) -> Any:
    return lambda: (DATA / "series" / name, None)


WORKLOADS: dict[str, dict[str, Any]] = {
    "sp500_1": {"data": file("sp500.csv"), "minutes": 0.3, "target": "Close", "horizon": 1},
    "sp500_5": {"data": file("sp500.csv"), "minutes": 0.3, "target": "Close", "horizon": 5},
    "vic_electricity": {
        "data": file("vic_electricity.csv"),
        "minutes": 2.5,
        "bar": {"mae": 105.0},
        "target": "Demand",
        "horizon": 48,
        "known": ("Temperature", "Holiday"),
        "timezone": "Australia/Melbourne",
        "stride": 48,
    },
    "beijing_pm25": {"data": beijing, "minutes": 0.5, "bar": {"rmse": 26.0}, "target": "pm2.5", "horizon": 1},
    "metro_traffic": {
        "data": file("metro_traffic.csv"),
        "minutes": 0.8,
        "target": "traffic_volume",
        "horizon": 24,
        "duplicates": "first",
    },
    "los_speed_3": {
        "data": file("los_speed.csv"),
        "minutes": 0.6,
        "bar": {"rmse": 5.2},
        "target": "*",
        "horizon": 3,
        "lookback": 12,
    },
    "los_speed_6": {"data": file("los_speed.csv"), "minutes": 0.4, "target": "*", "horizon": 6, "lookback": 12},
    "los_speed_9": {"data": file("los_speed.csv"), "minutes": 0.4, "target": "*", "horizon": 9, "lookback": 12},
    "los_speed_12_median": {
        "data": file("los_speed.csv"),
        "minutes": 0.7,
        "bar": {"rmse": 7.3},
        "target": "*",
        "horizon": 12,
        "lookback": 12,
    },
    "los_speed_12": {
        "data": file("los_speed.csv"),
        "minutes": 0.7,
        "point": "mean",
        "bar": {"rmse": 7.3},
        "target": "*",
        "horizon": 12,
        "lookback": 12,
    },
}


def once(name: str, seed: int, scale: float, peer: bool) -> dict[str, Any]:
    options = dict(WORKLOADS[name])
    minutes, _ = options.pop("minutes") * scale, options.pop("bar", None)
    train, test = options.pop("data")()
    made: dict[str, Any] = {}

    class Watched(elman.Forecaster):
        """Keeps the windows, so that the peer trains on the very same."""

        def finish(self, prepared: Any) -> None:
            made.update(train=prepared.train, valid=prepared.valid, test=prepared.test)
            super().finish(prepared)

    model = Watched(minutes=minutes, seed=seed, **options)
    start = time.perf_counter()
    model.fit(train, test=test)
    seconds = time.perf_counter() - start
    score = model.evaluate()
    found = {
        "seconds": round(seconds, 1),
        "training_seconds": round(model.training_.seconds, 1),
        "steps": model.training_.steps,
        "cell": model.config_.cell,
        "hidden": model.config_.hidden,
        "metrics": score.metrics,
        "baselines": score.baselines,
        "skill": score.skill,
        "verdict": score.verdict,
        "rows": score.rows,
    }
    if peer:
        found["plain_torch"] = plain_torch(model, made, model.training_.seconds, seed)
    return found


def summary(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    best = min(runs[0]["baselines"].items(), key=lambda pair: pair[1]["mae"])
    told: dict[str, Any] = {"seeds": len(runs), "minutes": WORKLOADS[name]["minutes"]}
    for metric in ("mae", "rmse", "mase", "coverage_80", "coverage_95"):
        values = [run["metrics"][metric] for run in runs]
        told[metric] = {"mean": round(mean(values), 4), "sd": round(pstdev(values), 4)}
    told["best_baseline"] = {"name": best[0], "mae": round(best[1]["mae"], 4), "rmse": round(best[1]["rmse"], 4)}
    if "plain_torch" in runs[0]:
        told["plain_torch"] = {
            metric: round(mean(run["plain_torch"][metric] for run in runs), 4) for metric in ("mae", "rmse", "steps")
        }
    told["steps"] = round(mean(run["steps"] for run in runs))
    told["verdict"] = runs[0]["verdict"]
    for metric, bar in WORKLOADS[name].get("bar", {}).items():
        told["bar"] = {metric: bar, "reached": bool(told[metric]["mean"] <= bar)}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(WORKLOADS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes-scale", type=float, default=1.0)
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"{DATA} is absent: this benchmark needs the series that README names")
    path = RESULTS / "forecast.json"
    result = json.loads(path.read_text()) if path.exists() else {"workloads": {}}
    result["machine"] = describe()
    for name in arguments.only or WORKLOADS:
        runs = []
        for seed in range(arguments.seeds):
            runs.append(once(name, seed, arguments.minutes_scale, not arguments.no_peer))
            shown = {k: round(runs[-1]["metrics"][k], 3) for k in ("mae", "rmse")}
            print(name, seed, shown, runs[-1].get("plain_torch"), runs[-1]["seconds"], flush=True)
        result["workloads"][name] = {"summary": summary(name, runs), "runs": runs}
        path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
