"""What is said of a model of pictures: its cost in nats and bits beside counts, and what it paints."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import InputError
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.grid import grid_plot
from elman.evaluate.report import Figure, Section
from elman.evaluate.verdict import paired_interval, skill, verdict

WORDS = {"places": "each pixel's frequency", "neighbours": "counts after the nearest pixels"}


def picture_metrics(nats: ArrayLike, numbers: int) -> dict[str, float]:
    """nats (a picture) and bits_per_dimension, of costs -log p (N,) of pictures of so many ``numbers`` each.

    bits_per_dimension = mean nats / (numbers log 2), which compares pictures of different sizes.
    Raises InputError for no costs, and one that is NaN, infinite or below 0.
    """
    cost = np.asarray(nats, np.float64)
    if cost.ndim != 1 or not cost.size or not (np.isfinite(cost) & (cost >= 0)).all():
        raise InputError(f"{cost.shape} costs cannot be scored: give one of each picture, finite and from 0 on")
    mean = float(cost.mean())
    return {"nats": mean, "bits_per_dimension": mean / (numbers * math.log(2))}


def judge(
    nats: ArrayLike,
    rivals: Mapping[str, ArrayLike],
    numbers: int,
    *,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge the costs (N,) of held-out pictures beside those of baselines, by bits a dimension."""
    began = time.perf_counter() if began is None else began
    metrics = picture_metrics(nats, numbers)
    scores = {name: picture_metrics(cost, numbers) for name, cost in rivals.items()}
    _, best = skill(metrics, scores, "bits_per_dimension")
    scale = 1 / (numbers * math.log(2))
    low, high = paired_interval(np.asarray(nats) * scale, np.asarray(rivals[best]) * scale, 1)
    named = {WORDS.get(name, name): found for name, found in scores.items()}
    said = verdict(metrics, named, "bits_per_dimension", (low, high))
    rows, took = len(np.asarray(nats)), time.perf_counter() - began
    return Evaluation("paint", metrics, scores, said.skill, said.sentence, said.good, rows, took, notes)


def sections(evaluation: Evaluation, shown: Mapping[str, np.ndarray]) -> tuple[Section, ...]:
    """Sections: the score, and grids of pictures (N, Y, X, C) of bytes by their captions."""
    said = f"{evaluation.rows:,} held-out pictures, each pixel of them to be told from those before it."
    figures = [Figure(grid_plot(pictures, caption).svg, caption) for caption, pictures in shown.items()]
    return (evaluation.score_page(said), Section("Painted", "", figures), *evaluation.data_page())
