"""Is an interrupted fit the uninterrupted one to the bit, is poison kept out of the weights, is a seed a seed?

python benchmarks/resume.py

matrix    real commands: {sgd, adam} x {constant, cosine, plateau} x {shuffled, bucketed} x {accumulate 1, 3}, with
          dropout, each stopped by SIGTERM and gone on with by --resume; held where weights, log and scores are the same
poison    NaN, infinities, 1e38, rows that are empty or all padding, in batches of fits by each --bad-batch; held
          where the weights stay finite and, but for what no step is refused for, step and rows are named
seeds     two runs, two processes, and folds of a search with the same seed; held where they are the same bits
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import elman
from elman.data.batch import Batch
from elman.errors import ElmanError
from elman.tasks import base
from elman.tune.tuning import tune

MATRIX = list(itertools.product(["sgd", "adam"], ["constant", "cosine", "plateau"], ["shuffled", "bucketed"], [1, 3]))
POISON = {"NaN": np.nan, "inf": np.inf, "-inf": -np.inf, "1e38": 1e38, "empty": None, "padding": None}
WORDS = ["good", "fine", "bad", "poor", "film", "plot", "the", "a", "of", "and", "was", "not", "very"]
KEPT = ("weights.safetensors", "kept.safetensors", "encoders.json")


def series(path: Path) -> Path:
    draw = random.Random(0)
    level, lines = 0.0, ["t,y"]
    for at in range(700):
        level = 0.8 * level + draw.gauss(0, 1)
        lines.append(f"{at},{level:.4f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def reviews(path: Path) -> Path:
    draw = random.Random(0)
    lines = ["text,label"]
    for _ in range(500):
        words = draw.choices(WORDS, k=draw.randint(2, 14))
        lines.append(f"{' '.join(words)},{'up' if sum(w in ('good', 'fine') for w in words) > 1 else 'down'}")
    path.write_text("\n".join(lines) + "\n")
    return path


def command(order: str, file: Path, out: Path, settings: list[str]) -> list[str]:
    what = {
        "shuffled": ["forecast", str(file), "--target", "y", "--time", "none", "--horizon", "2", "--lookback", "12"],
        "bucketed": ["classify", str(file), "--text", "text", "--label", "label"],
    }[order]
    own = ["--hidden", "12", "--steps", "240", "--dropout", "0.3", "--patience", "0", "--batch-size", "16"]
    return [sys.executable, "-m", "elman", "fit", *what, *own, *settings, "--out", str(out)]


def interrupted(line: list[str], after: float) -> bool:
    """Start it, stop it after so many seconds of training; whether it was stopped with a step kept."""
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for told in process.stderr:
        if told.startswith("step "):
            time.sleep(after)
            process.send_signal(signal.SIGTERM)
            break
    rest = process.stderr.read()
    return process.wait() == 143 and "is kept in" in rest


def timeless(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    scores = json.loads((folder / "metrics.json").read_text())
    return [*({k: v for k, v in line.items() if k != "seconds"} for line in lines), scores["metrics"]]


def same(one: Path, other: Path) -> bool:
    files = all((one / name).read_bytes() == (other / name).read_bytes() for name in KEPT)
    return files and timeless(one) == timeless(other)


def matrix(quick: bool = False) -> dict[str, Any]:
    held = stops = 0
    cases = MATRIX[:: 11 if quick else 1]
    with tempfile.TemporaryDirectory() as home_:
        home = Path(home_)
        files = {"shuffled": series(home / "series.csv"), "bucketed": reviews(home / "reviews.csv")}
        for at, (optimizer, schedule, order, accumulate) in enumerate(cases):
            settings = ["--optimizer", optimizer, "--schedule", schedule, "--accumulate", str(accumulate)]
            whole, parted = home / f"whole{at}", home / f"parted{at}"
            subprocess.run(
                command(order, files[order], whole, [*settings, "-q"]), check=True, stderr=subprocess.DEVNULL
            )
            line = command(order, files[order], parted, settings)
            stops += interrupted(line, 0.05 * (at % 4))
            again = [*line, "--resume", "-q"]
            subprocess.run(again, check=True, stderr=subprocess.DEVNULL)
            held += same(whole, parted)
    return {
        "name": "resume: matrix of fits",
        "tried": len(cases),
        "held": held,
        "lost": len(cases) - held,
        "stops": stops,
    }


class Poisoner:
    """Examples some of whose batches are spoilt, drawn anew for each fit."""

    def __init__(self, examples: Any, kind: str, seed: int) -> None:
        self.examples, self.kind, self.draw, self.hit = examples, kind, random.Random(seed), 0
        if hasattr(examples, "lengths"):
            self.lengths = examples.lengths

    def __len__(self) -> int:
        return len(self.examples)

    def batch(self, rows: torch.Tensor) -> Batch:
        batch = self.examples.batch(rows)
        if self.draw.random() > 0.15:
            return batch
        self.hit += 1
        inputs = {name: value.clone() for name, value in batch.inputs.items()}
        y = None if batch.y is None else batch.y.clone()
        at = self.draw.randrange(len(rows))
        if self.kind == "empty":
            return Batch(
                {name: value[:0] if len(value) == len(rows) else value for name, value in inputs.items()},
                y[:0],
                rows[:0],
            )
        if self.kind == "padding":
            y[:] = np.nan if y.is_floating_point() else -100
        else:
            inputs["x"][at] = POISON[self.kind]
        return Batch(inputs, y, batch.rows)


def poisoned(kind: str, policy: str, seed: int, home: Path) -> tuple[bool, int]:
    """Whether a fit on poison ended with finite weights, or stopped with step and rows named; and spoilt batches."""
    real, own = base.train, None

    def train(network: Any, examples: Any, *rest: Any, **options: Any) -> Any:
        nonlocal own
        own = Poisoner(examples, kind, seed)
        return real(network, own, *rest, **options)

    task = elman.Forecaster(
        target="y", time="none", horizon=2, lookback=12, hidden=8, steps=60, batch_size=16, bad_batch=policy, seed=seed
    )
    base.train = train
    try:
        task.fit(home)
    except ElmanError as error:
        named = "step" in str(error) and "of the training part" in str(error)
        return named and (policy == "stop" or "5 steps in a row" in str(error)), own.hit
    finally:
        base.train = real
    finite = all(bool(value.isfinite().all()) for value in task.network_.state_dict().values())
    told = kind == "1e38" or len(task.training_.spoilt) >= own.hit - 1
    return finite and told and (policy != "stop" or not own.hit or kind == "1e38"), own.hit


def poison(quick: bool = False) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as home:
        file = series(Path(home) / "series.csv")
        for kind in POISON:
            held = tried = hits = 0
            for policy, seed in itertools.product(("skip", "stop", "rollback"), range(2 if quick else 10)):
                good, hit = poisoned(kind, policy, seed, file)
                held, tried, hits = held + good, tried + 1, hits + hit
            yield {"name": f"poison: {kind}", "tried": tried, "held": held, "lost": tried - held, "batches": hits}


def digests(home: Path) -> list[str]:
    """A digest of the weights of a forecaster and a classifier, and the scores of a search's folds."""
    from hashlib import sha256

    found = []
    models = [
        elman.Forecaster(target="y", time="none", horizon=2, lookback=12, hidden=16, steps=60).fit(
            series(home / "s.csv")
        ),
        elman.Classifier(text="text", label="label", hidden=16, steps=60).fit(reviews(home / "r.csv")),
    ]
    for model in models:
        raw = b"".join(value.numpy().tobytes() for value in model.network_.state_dict().values())
        found.append(sha256(raw).hexdigest())
    tuned = tune(models[0].set_params(steps=20), home / "s.csv", trials=3, seeds=1, folds=2)
    return [*found, *(repr(trial.folds) for trial in tuned.found.trials)]


def seeds() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home_:
        home = Path(home_)
        first, second = digests(home), digests(home)
        line = [sys.executable, __file__, "--digests", str(home)]
        third = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    pairs = [*zip(first, second, strict=True), *zip(first, third, strict=True)]
    held = sum(a == b for a, b in pairs)
    return {"name": "seeds: runs, processes, folds", "tried": len(pairs), "held": held, "lost": len(pairs) - held}


def lines(quick: bool = False) -> list[dict[str, Any]]:
    return [matrix(quick), *poison(quick), seeds()]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if sys.argv[1:2] == ["--digests"]:
        print(json.dumps(digests(Path(sys.argv[2]))))
    else:
        print(json.dumps(lines("--quick" in sys.argv), indent=1))
