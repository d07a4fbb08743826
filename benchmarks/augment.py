"""Do more data, or data made anew, help? Fits with and without each augmentation, and with parts of what there is.

    python benchmarks/augment.py [--only natops] [--seeds 3]

Every fit of a workload makes the same number of steps; what differs is what the batches are changed by, and how much
there is to learn from. Given are the mean over the seeds with its 95 % interval (Student's t), and the same of the
difference from the fit without augmentation, seed by seed: where that interval holds 0, nothing is shown. Needs the
data folder beside the project (../shared/data). One JSON, benchmarks/results/augment.json, is brought up to date
workload by workload.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import torch
from machine import DATA, RESULTS, describe
from scipy import stats

import elman
from elman.data.augment import WAYS
from elman.data.motion import read_motion

SHARES = (0.25, 0.5, 1.0)  # of the training part
PLANS: dict[str, Any] = {"none": (), **{way: (way,) for way in WAYS}, "all four": WAYS}


def series(
    file: str, target: str, rows: tuple[int, int, int], *, horizon: int, stride: int, steps: int
) -> Callable[..., float]:
    """Forecasts of a table whose first rows train, the next choose when to stop, and the last judge: MAE.

    Of a smaller share the latest rows train.
    """

    def run(plan: Any, share: float, seed: int) -> float:
        table, (train, valid, test) = pl.read_csv(DATA / "series" / file), np.cumsum(rows)
        model = elman.Forecaster(
            target=target,
            horizon=horizon,
            stride=stride,
            steps=steps,
            hidden=32,
            inputs="none",
            seed=seed,
            augment=plan,
        ).fit(table[int(train * (1 - share)) : train], valid=table[train:valid], test=table[valid:test])
        return model.evaluate().metrics["mae"]

    return run


def motion(name: str, *, steps: int) -> Callable[..., float]:
    """Movements labelled, as their archive parts them: accuracy. Of a smaller share some of each label train."""

    def run(plan: Any, share: float, seed: int) -> float:
        train, test = (read_motion(DATA / "motion" / f"{name}_{part}.ts") for part in ("train", "test"))
        drawn, y = np.random.default_rng(seed).permutation(len(train)), np.asarray(train.y)
        kept = np.concatenate([drawn[y[drawn] == label][: round(share * (y == label).sum())] for label in np.unique(y)])
        x = [train.x.row(int(at)).numpy() for at in kept]
        judged = [test.x.row(at).numpy() for at in range(len(test))]
        settings: dict[str, Any] = {"augment": plan, "steps": steps, "hidden": 64, "blend": False, "seed": seed}
        model = elman.Classifier(**settings).fit(x, y[kept], test=(judged, np.asarray(test.y)))
        return model.evaluate().metrics["accuracy"]

    return run


WORKLOADS: dict[str, dict[str, Any]] = {
    "etth1": {
        "protocol": "oil temperature, 24 hours ahead, every 4th origin; 8,640 rows train, 2,880 choose, 2,880 judge",
        "metric": "mae",
        "steps": 200,
        "plans": PLANS,
        "run": lambda steps: series("etth1.csv", "OT", (8640, 2880, 2880), horizon=24, stride=4, steps=steps),
    },
    "sp500": {
        "protocol": "daily close, 5 steps ahead, every origin; 3,521 days train, 503 choose, 1,007 judge",
        "metric": "mae",
        "steps": 200,
        "plans": PLANS,
        "run": lambda steps: series("sp500.csv", "Close", (3521, 503, 1007), horizon=5, stride=1, steps=steps),
    },
    "natops": {
        "protocol": "24 coordinates of a body, 6 gestures; 180 train (a tenth of them chooses), 180 judge; no blend",
        "metric": "accuracy",
        "steps": 250,
        "plans": {**PLANS, "as --augment": True},
        "run": lambda steps: motion("natops", steps=steps),
    },
}


def interval(values: list[float]) -> dict[str, Any]:
    """Their mean, and how far its 95 % interval reaches to both sides."""
    reach = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return {"mean": round(float(np.mean(values)), 5), "reach": round(float(reach), 5)}


def measure(workload: dict[str, Any], seeds: int) -> dict[str, Any]:
    run, began = workload["run"](workload["steps"]), time.perf_counter()
    curve = {name: workload["plans"][name] for name in ("none", "all four")}
    asked = [(name, plan, 1.0) for name, plan in workload["plans"].items()]
    asked += [(name, plan, share) for share in SHARES if share < 1 for name, plan in curve.items()]
    scores = {(name, share): [run(plan, share, seed) for seed in range(seeds)] for name, plan, share in asked}

    def told(name: str, share: float) -> dict[str, Any]:
        own, plain = scores[name, share], scores["none", share]
        found = {**interval(own), "each": [round(score, 5) for score in own]}
        if name == "none":
            return found
        change = interval([a - b for a, b in zip(own, plain, strict=True)])
        shown, fell = abs(change["mean"]) > change["reach"], change["mean"] < 0
        better = fell == (workload["metric"] == "mae")
        return {**found, "difference": change, "said": ("better" if better else "worse") if shown else "nothing shown"}

    return {
        "protocol": workload["protocol"],
        "metric": workload["metric"],
        "steps": workload["steps"],
        "seeds": seeds,
        "seconds": round(time.perf_counter() - began),
        "augmented": {name: told(name, 1.0) for name in workload["plans"]},
        "share of the training part": {f"{share:.0%}": {name: told(name, share) for name in curve} for share in SHARES},
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", choices=[*WORKLOADS])
    options.add_argument("--seeds", type=int, default=3)
    asked = options.parse_args()
    if not DATA.exists():
        raise SystemExit(f"the data is absent: {DATA}")
    torch.set_num_threads(1)
    path = RESULTS / "augment.json"
    found = json.loads(path.read_text()) if path.exists() else {"workloads": {}}
    for name in [asked.only] if asked.only else WORKLOADS:
        found["workloads"][name] = measure(WORKLOADS[name], asked.seeds)
        found["machine"] = describe()
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        for plan, score in found["workloads"][name]["augmented"].items():
            print(f"{name}  {plan:14} {score['mean']:.4f} ± {score['reach']:.4f}  {score.get('said', '')}", flush=True)


if __name__ == "__main__":
    main()
