"""Does the doctor find what is wrong, does its advice mend it, and what does watching cost?

    python benchmarks/inside.py [--steps-scale 1.0] [--only adding_50 ...] [--out FILE]

Two problems of long memory, at lags of T = 50 to 500 (Hochreiter and Schmidhuber, 1997):

    adding    the sum of the two numbers of T that are marked, one in each half; the mean as an answer has MSE 0.167
    copy      five symbols of four, to be said again after T steps; guessing is right one time in four

For each a tanh RNN learns first. The doctor looks at it, the settings it advises are put in, and the same steps are
made again. An LSTM as it is by default stands beside. Watching: one fit with and without, by turns.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from machine import DATA, RESULTS, describe

import elman

LAGS = (50, 100, 200, 500)
STEPS = {"adding": dict.fromkeys(LAGS, 2000), "copy": dict(zip(LAGS, (4000, 6000, 8000, 8000), strict=True))}
SYMBOLS, LENGTH = 4, 5
PLAIN = {"hidden": 64, "bidirectional": False, "dropout": 0.0, "weight_decay": 0.0, "patience": 0, "seed": 0}
TURNS = 5


def adding(rows: int, lag: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values, marks, at = rng.random((rows, lag)), np.zeros((rows, lag)), np.arange(rows)
    marks[at, rng.integers(0, lag // 2, rows)] = 1
    marks[at, rng.integers(lag // 2, lag, rows)] = 1
    return np.stack([values, marks], -1).astype(np.float32), (values * marks).sum(1)


def copying(rows: int, lag: int, seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Symbols 1 to 4, then blanks (0), a call (5) after ``lag`` of them, and the symbols to be said again."""
    rng = np.random.default_rng(seed)
    said = rng.integers(1, SYMBOLS + 1, (rows, LENGTH))
    read = np.zeros((rows, lag + 2 * LENGTH), int)
    read[:, :LENGTH], read[:, -LENGTH - 1] = said, SYMBOLS + 1
    told = np.zeros_like(read)
    told[:, -LENGTH:] = said
    return [list(map(str, row)) for row in read], [list(map(str, row)) for row in told]


def fitted(problem: str, lag: int, steps: int, **settings: Any) -> tuple[Any, dict[str, float]]:
    """A model that learnt for so many steps, and its score on rows of its own."""
    if problem == "adding":
        model: Any = elman.Regressor(**PLAIN, pool="last", blend=False, steps=steps, **settings)
        x, y = adding(500, lag, 1)
        model.fit(*adding(20_000, lag, 0))
        return model, {"mse": float(np.mean((model.predict(x) - y) ** 2))}
    model = elman.Tagger(**PLAIN, embedding_dropout=0.0, spelling=False, rarest=1, steps=steps, **settings)
    x, y = copying(500, lag, 1)
    model.fit(*copying(10_000, lag, 0))
    right = np.array([said[-LENGTH:] for said in model.predict(x)]) == np.array([row[-LENGTH:] for row in y])
    return model, {"recalled": float(right.mean())}


def judged(problem: str, lag: int, steps: int, **settings: Any) -> tuple[Any, dict[str, Any]]:
    model, score = fitted(problem, lag, steps, **settings)
    flow = model.looks_[-1]["inside"][0]
    told = {name: flow[name] for name in ("verdict", "memory", "steps", "factor")}
    found = [{"kind": one.kind, "said": str(one), "settings": one.settings} for one in model.diagnose()]
    return model, {"settings": settings, **score, **told, "findings": found, "seconds": round(model.seconds_, 1)}


def workload(problem: str, lag: int, scale: float) -> dict[str, Any]:
    steps = round(STEPS[problem][lag] * scale)
    model, rnn = judged(problem, lag, steps, cell="rnn", learning_rate=1e-3)
    advised: dict[str, Any] = {}
    for finding in model.diagnose():
        advised |= finding.settings if finding.kind == "problem" else {}
    record = {"steps": steps, "rnn": rnn, "lstm": judged(problem, lag, steps, cell="lstm")[1]}
    if advised:
        record["advised"] = judged(problem, lag, steps, **{"cell": "rnn", **advised})[1]
    return record


def watching() -> dict[str, Any]:
    """What looking inside at each validation costs: processor seconds in looks, as a share of those of the training.

    Of the processor, not of the clock, because other work shares the machine.
    """
    shares, looks = [], 0
    for _ in range(TURNS):
        stamps: dict[str, float] = {}
        spent: list[float] = []
        model = elman.Forecaster(target="OT", horizon=24, steps=1000, patience=0, hidden=64)
        look = model.inside

        def timed(*given: Any, look: Any = look, spent: list[float] = spent) -> Any:
            begin = time.process_time()
            seen = look(*given)
            spent.append(time.process_time() - begin)
            return seen

        model.inside = timed
        model.fit(
            DATA / "series" / "etth1.csv",
            look="always",
            watch=lambda event, stamps=stamps: stamps.__setitem__(event["event"], time.process_time()),
        )
        shares.append(sum(spent) / (stamps["end"] - stamps["start"] - sum(spent)))
        looks = max(looks, len(spent))
        print(f"watching: {len(spent)} looks, {100 * shares[-1]:.1f} % of the training", flush=True)
    return {"etth1, 1,000 steps": {"share": median(shares), "shares": shares, "looks": looks}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps-scale", type=float, default=1.0)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--out", type=Path, default=RESULTS / "inside.json")
    options = parser.parse_args()
    record = json.loads(options.out.read_text()) if options.out.exists() else {"workloads": {}}
    record["machine"] = describe()
    for name in options.only or [*(f"{problem}_{lag}" for problem in STEPS for lag in LAGS), "watching"]:
        problem, _, lag = name.partition("_")
        found = watching() if problem == "watching" else workload(problem, int(lag), options.steps_scale)
        record["workloads"][name] = found
        print(name, json.dumps(found)[:1500], flush=True)
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
