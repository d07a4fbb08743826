"""What is said of a classifier: its evaluation beside baselines, and the pages of a report that show it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import InputError
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.labels import plots
from elman.evaluate.labels.metrics import by_label, class_metrics, confusion
from elman.evaluate.report import Cell, Figure, Section, Shaded, Table
from elman.evaluate.style import Plot
from elman.evaluate.verdict import mcnemar, share_verdict
from elman.evaluate.wording import cut

WORDS = {
    "majority": "the commonest label",
    "n-grams": "a linear bag of n-grams",
    "summaries": "a linear model of summary statistics",
    "linear pixels": "a linear model of the pixels",
}
WORST = 10  # mistakes in the table


def majority(labels: ArrayLike, classes: int) -> np.ndarray:
    """(C,) probabilities of a classifier that looks at nothing: each label's share of the training part."""
    counts = np.bincount(np.asarray(labels, np.int64), minlength=classes)
    if not counts.sum():
        raise InputError("there are no labels to find the commonest of: give at least one")
    return counts / counts.sum()


def judge(
    truth: ArrayLike,
    probabilities: ArrayLike,
    rivals: Mapping[str, ArrayLike],
    *,
    words: Mapping[str, str] = WORDS,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge probabilities (N, C) of the same rows as truth (N,) beside those of baselines, (N, C) or (C,) each.

    The verdict is by accuracy, against the most accurate baseline, and by McNemar's test; ``words`` name the baselines
    in it. Raises InputError as class_metrics does, and without baselines.
    """
    began = time.perf_counter() if began is None else began
    y, p = np.asarray(truth), np.asarray(probabilities, np.float64)
    beside = {name: np.broadcast_to(np.asarray(rival, np.float64), p.shape) for name, rival in rivals.items()}
    metrics = class_metrics(y, p)
    scores = {name: class_metrics(y, rival) for name, rival in beside.items()}
    best = max(scores, key=lambda name: scores[name]["accuracy"], default=None)
    chance = mcnemar(p.argmax(axis=1) == y, beside[best].argmax(axis=1) == y) if best else None
    said = share_verdict(metrics, {words.get(name, name): found for name, found in scores.items()}, p=chance)
    took = time.perf_counter() - began
    return Evaluation("classify", metrics, scores, said.skill, said.sentence, said.good, len(y), took, notes)


def sections(
    evaluation: Evaluation,
    truth: ArrayLike,
    probabilities: ArrayLike,
    labels: Sequence[str],
    shown: Sequence[str] | None = None,
    shaded: Sequence[Shaded] = (),
    unfolding: Mapping[str, ArrayLike] | None = None,
) -> tuple[tuple[Section, ...], Plot | None]:
    """Sections, and the picture of the confusions (None of more than 12 labels).

    labels: C names; shown: the rows as text, for the table of mistakes; shaded: texts with the attention they got;
    unfolding: of some rows, by their captions, the probabilities (T, C) when the first t steps were read.
    """
    y, p = np.asarray(truth), np.asarray(probabilities, np.float64)
    guess = p.argmax(axis=1)
    table = confusion(y, guess, len(labels))
    pages = [
        evaluation.score_page(f"{evaluation.rows:,} rows judged beside guesses that need no network."),
    ]
    picture = plots.confusion(table, labels) if len(labels) <= plots.MOST_LABELS else None
    figures = [Figure(picture.svg, "Guesses by true label; the shade is the share of its row.")] if picture else []
    figures.append(
        Figure(plots.reliability(y, p).svg, "How often guesses are right, by the probability they were given.")
    )
    recall, precision, f1 = by_label(table)
    each: list[list[Cell]] = [
        [label, float(recall[i]), float(precision[i]), float(f1[i]), int(table[i].sum())]
        for i, label in enumerate(labels)
    ]
    by_label_table = Table(["Label", "recall", "precision", "F1", "rows"], each)
    pages.append(
        Section("Label by label", "", [*figures, by_label_table, *_confusions(table, labels, picture is None)])
    )
    if shown is not None and (guess != y).any():
        pages.append(
            Section(
                "Worst mistakes",
                "Wrong guesses that were given the highest probability: look for wrong labels here first.",
                [_mistakes(y, p, labels, shown)],
            )
        )
    if shaded:
        said = "The stronger a piece of the text is shaded, the more of the attention was on it."
        pages.append(Section("What it looked at", said, shaded))
    if unfolding:
        said = "What was guessed when only the first steps of a row had been read."
        drawn = [Figure(plots.unfolding(p, labels).svg, caption) for caption, p in unfolding.items()]
        pages.append(Section("The guess over time", said, drawn))
    return (*pages, *evaluation.data_page()), picture


def _confusions(table: np.ndarray, labels: Sequence[str], wanted: bool) -> list[Table]:
    """The commonest confusions, where there are too many labels for the picture."""
    off = table - np.diag(np.diag(table))
    if not wanted or not off.any():
        return []
    order = np.argsort(-off.ravel(), kind="stable")[: min(2 * WORST, np.count_nonzero(off))]
    rows = [[labels[at // len(labels)], labels[at % len(labels)], int(off.flat[at])] for at in order]
    return [Table(["True label", "guessed to be", "rows"], rows, "The commonest confusions.")]


def _mistakes(y: np.ndarray, p: np.ndarray, labels: Sequence[str], shown: Sequence[str]) -> Table:
    guess = p.argmax(axis=1)
    wrong = np.flatnonzero(guess != y)
    worst = wrong[np.argsort(-p[wrong, guess[wrong]], kind="stable")[:WORST]]
    hundred = np.rint(100 * p).astype(int)
    rows: list[list[Cell]] = [
        [cut(shown[i]), labels[y[i]], labels[guess[i]], int(hundred[i, guess[i]]), int(hundred[i, y[i]])] for i in worst
    ]
    return Table(["Row", "truth", "guess", "its probability, %", "the truth's, %"], rows)
