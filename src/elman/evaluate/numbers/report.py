"""What is said of a model of numbers: its evaluation beside baselines, and the pages of a report that show it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from elman.evaluate import plots
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.forecast.metrics import mae, rmse
from elman.evaluate.report import Cell, Figure, Section, Table
from elman.evaluate.verdict import paired_interval, skill, verdict
from elman.evaluate.wording import cut

WORDS = {
    "median": "always the median",
    "n-grams": "a linear bag of n-grams",
    "summaries": "a linear model of summary statistics",
}
WORST = 10  # mistakes in the table


def regress_metrics(truth: ArrayLike, guess: ArrayLike) -> dict[str, float]:
    """mae and rmse, in the unit of truth (N,), and r2 = 1 - Σ (y - f)² / Σ (y - mean y)², NaN where truth is constant.

    Raises InputError as the measures of elman.evaluate.forecast.metrics do.
    """
    y, f = np.asarray(truth, np.float64), np.asarray(guess, np.float64)
    error, spread = rmse(y, f), float(np.std(y))
    return {"mae": mae(y, f), "rmse": error, "r2": 1 - (error / spread) ** 2 if spread else np.nan}


def judge(
    truth: ArrayLike,
    guess: ArrayLike,
    rivals: Mapping[str, ArrayLike],
    *,
    words: Mapping[str, str] = WORDS,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge guesses (N,) of numbers beside those of baselines, (N,) or one for all, by mean absolute error.

    Raises InputError as regress_metrics does, and without baselines.
    """
    began = time.perf_counter() if began is None else began
    y, f = np.asarray(truth, np.float64), np.asarray(guess, np.float64)
    beside = {name: np.broadcast_to(np.asarray(rival, np.float64), y.shape) for name, rival in rivals.items()}
    metrics = regress_metrics(y, f)
    scores = {name: regress_metrics(y, rival) for name, rival in beside.items()}
    _, best = skill(metrics, scores)
    interval = paired_interval(np.abs(y - f), np.abs(y - beside[best]), 1)
    said = verdict(metrics, {words.get(name, name): found for name, found in scores.items()}, interval=interval)
    took = time.perf_counter() - began
    return Evaluation("regress", metrics, scores, said.skill, said.sentence, said.good, len(y), took, notes)


def sections(
    evaluation: Evaluation, truth: ArrayLike, guess: ArrayLike, shown: Sequence[str] | None = None
) -> tuple[tuple[Section, ...], plots.Plot]:
    """Sections, and the picture of guesses against truth; shown: the rows as text, for the table of mistakes."""
    y, f = np.asarray(truth, np.float64), np.asarray(guess, np.float64)
    picture = plots.scatter(y, f, title="Answer against truth", kind="answers")
    pages = [
        evaluation.score_page(f"{evaluation.rows:,} rows judged beside guesses that need no network."),
        Section(
            "Guesses and truth",
            "",
            [
                Figure(picture.svg, "Each guess against what was true."),
                Figure(plots.residuals(y, f).svg, "How far off the guesses were."),
            ],
        ),
    ]
    if shown is not None:
        worst = np.argsort(-np.abs(y - f), kind="stable")[:WORST]
        mistakes: list[list[Cell]] = [[cut(shown[i]), float(y[i]), float(f[i])] for i in worst]
        said = "The guesses furthest off: look for wrong numbers here first."
        pages.append(Section("Worst mistakes", said, [Table(["Row", "truth", "guess"], mistakes)]))
    return (*pages, *evaluation.data_page()), picture
