"""Pictures, clips and movements on stated protocols, beside the same in plain torch for the same minutes.

    python benchmarks/pictures.py [--only rows permuted ...] [--seeds N] [--no-plain] [--minutes-scale 1.0] [--out FILE]

Needs the data folder beside the project (../shared/data); says so where it is absent.
benchmarks/results/pictures_sessions.json is brought up to date workload by workload.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import DATA, RESULTS
from motion_clips import render
from plain_pictures import plain_classifier, plain_pixels
from workload import Run, Workload, run

import elman
from elman.data.motion import read_motion
from elman.train.pace import threads

MNIST = DATA / "images" / "mnist.npz"
TRAIN, TEST = (DATA / "motion" / f"natops_{part}.ts" for part in ("train", "test"))


def found(model: Any, **plain: Any) -> Run:
    judged = model.evaluate()
    return {
        "metrics": judged.metrics,
        "baselines": judged.baselines,
        "minutes": model.seconds_ / 60,
        "notes": [f"{model.config_.hidden} units", *model.notes_, judged.verdict],
        **plain,
    }


def arrays(part: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(MNIST) as held:
        return held[f"x_{part}"], held[f"y_{part}"]


def rows(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    for seed in range(seeds):
        model = elman.Classifier(hidden=128, conv=5, members=1, minutes=minutes, seed=seed).fit(MNIST)
        peer = {}
        if plain:
            peer["plain"] = peer_of("LSTM", hidden=96, both=True, pool="last", minutes=minutes, seed=seed)
        yield found(model, **peer)


def permuted(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    for seed in range(seeds):
        settings: dict[str, Any] = {"cell": "gru", "hidden": 128, "members": 1, "batch_size": 64, "learning_rate": 4e-3}
        model = elman.Classifier(
            as_="permuted",
            position=32,
            bidirectional=False,
            augment=False,
            blend=False,  # with a linear model of the pixels: this is a test of memory
            dropout=0.0,
            minutes=minutes,
            seed=seed,
            **settings,
        ).fit(MNIST)
        peer = {}
        if plain:
            order = torch.randperm(784, generator=torch.Generator().manual_seed(0)).numpy()
            peer["plain"] = peer_of(
                "GRU",
                hidden=128,
                both=False,
                pool="mean",
                position=True,
                minutes=minutes,
                seed=seed,
                order=order,
            )
        yield found(model, **peer)


def peer_of(cell: str, *, order: np.ndarray | None = None, **settings: Any) -> dict[str, Any]:
    parts = []
    for part in ("train", "test"):
        x, y = arrays(part)
        parts.append((x if order is None else x.reshape(len(x), -1)[:, order, None], y))
    with threads(torch.get_num_threads()):
        return plain_classifier(*parts, cell=cell, **settings)


def pixels(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    for seed in range(seeds):
        model = elman.Painter(minutes=minutes, hidden=192, valid_share=1 / 6, seed=seed).fit(MNIST)
        peer = {}
        if plain:
            x, test = (arrays(part)[0].reshape(-1, 784) for part in ("train", "test"))
            with threads(torch.get_num_threads()):
                peer["plain"] = plain_pixels(x[:50_000], test, hidden=192, minutes=minutes, seed=seed)
        yield found(model, **peer)


def movements(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    for seed in range(seeds):
        model = elman.Classifier(**MOVES, minutes=minutes, seed=seed).fit(TRAIN, test=TEST)
        peer = {}
        if plain:
            parts = [read_motion(file) for file in (TRAIN, TEST)]
            both = [(part.x.values.view(len(part), -1, 24).numpy(), part.y) for part in parts]
            with threads(torch.get_num_threads()):
                used = model.seconds_ / 60
                peer["plain"] = plain_classifier(
                    *both, cell="LSTM", hidden=64, both=True, pool="mean", minutes=used, seed=seed
                )
        yield found(model, **peer)


# Few rows: none are held back to stop by, and all passes are made.
MOVES: dict[str, Any] = {"hidden": 64, "conv": 5, "members": 3, "epochs": 200, "valid_share": 0.0, "dropout": 0.4}


def clips(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    with tempfile.TemporaryDirectory() as folder:
        train, test = (render(file, Path(folder) / file.stem) for file in (TRAIN, TEST))
        for seed in range(seeds):
            model = elman.Classifier(frames=51, members=1, hidden=64, epochs=400, minutes=minutes, seed=seed).fit(
                train, test=test
            )
            yield found(model)


OFFICIAL = "MNIST, official split, a tenth of the training part chooses; {}"
WORKLOADS = {
    "rows": Workload(OFFICIAL.format("a row of a picture a step"), rows, "accuracy", 0.993, 5, seeds=2),
    "permuted": Workload(
        OFFICIAL.format(
            "784 pixels in one order of seed 0, one a step, no augmentation, with a vector learnt for each place"
        ),
        permuted,
        "accuracy",
        0.94,
        30,
        seeds=1,
    ),
    "pixels": Workload(
        "MNIST, a pixel white with the chance of its brightness: 50,000 train, drawn anew each time, 10,000 choose, "
        "the official 10,000 judge, drawn once by seed 0; nats a picture",
        pixels,
        "nats",
        95.0,
        30,
        seeds=1,
    ),
    "movements": Workload(
        "NATOPS, official split, 24 coordinates of 51 steps", movements, "accuracy", 0.95, 3, seeds=5
    ),
    "clips": Workload(
        "NATOPS drawn as stick figures in mp4 clips of 64 x 64 pixels, official split; frames of 32 x 32",
        clips,
        "accuracy",
        None,
        10,
        seeds=1,
    ),
}

if __name__ == "__main__":
    if not MNIST.is_file():
        sys.exit(f"{MNIST} is absent: this benchmark needs the data that README names")
    run(__doc__, WORKLOADS, RESULTS / "pictures_sessions.json")
