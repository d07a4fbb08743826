"""The field's measures of classification, over truth (N,) and probabilities (N, C).

truth holds column numbers, 0 ... C-1; the guess is the most probable column, of equals the first. A label that the
model never saw is a column of zeros. Every function raises InputError where shapes disagree, nothing is to be scored, a
truth is no column, or a row is no probability.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

Array = NDArray[np.float64]
BINS = 15


def class_metrics(truth: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """accuracy, balanced_accuracy, macro_f1, log_loss (nats) and ece, as defined below."""
    y, p = _checked(truth, probabilities)
    table = confusion(y, p.argmax(axis=1), p.shape[1])
    recall, _, f1 = by_label(table)
    return {
        "accuracy": float(np.trace(table) / len(y)),
        "balanced_accuracy": float(np.nanmean(recall)),
        "macro_f1": float(np.nanmean(f1)),
        "log_loss": log_loss(y, p),
        "ece": expected_calibration_error(y, p),
    }


def confusion(truth: ArrayLike, guess: ArrayLike, classes: int) -> NDArray[np.int64]:
    """(C, C): how many of each true label (row) were guessed to be each label (column)."""
    cells = np.asarray(truth, np.int64) * classes + np.asarray(guess, np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def by_label(table: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Recall, precision and F1 (C,) of a confusion matrix; NaN where recall has no truth and precision no guess.

    recall = right / truths, precision = right / guesses, F1 = 2 right / (truths + guesses). Over what is not NaN, the
    mean recall is balanced accuracy, and the mean F1 is macro F1.
    """
    right, truths, guesses = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    return _share(right, truths), _share(right, guesses), _share(2 * right, truths + guesses)


def log_loss(truth: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean -log p(truth), in nats; a probability counts as at least 2.2e-16, lest one row make it infinite."""
    y, p = _checked(truth, probabilities)
    return float(-np.mean(np.log(np.maximum(p[np.arange(len(y)), y], np.finfo(np.float64).eps))))


def expected_calibration_error(truth: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> float:
    """Σ_b n_b / N |accuracy_b - confidence_b| over bins b of the guess's probability, equally wide, 0 to 1.

    Source: Guo et al., On calibration of modern neural networks, 2017.
    """
    count, accuracy, confidence = reliability(truth, probabilities, bins)
    filled = count > 0
    return float((count * np.abs(accuracy - confidence))[filled].sum() / count.sum())


def reliability(truth: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> tuple[Array, Array, Array]:
    """(bins,) each: rows, share guessed right, mean probability of the guess; NaN in an empty bin."""
    y, p = _checked(truth, probabilities)
    sure = p.max(axis=1)
    # (low, high]: a probability of 1 belongs to the last bin.
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins).astype(np.float64)
    right = np.bincount(place, p.argmax(axis=1) == y, minlength=bins)
    return count, _share(right, count), _share(np.bincount(place, sure, minlength=bins), count)


def _share(part: NDArray, whole: NDArray) -> Array:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _checked(truth: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.int64], Array]:
    y, p = np.asarray(truth), np.asarray(probabilities, np.float64)
    if p.ndim != 2 or y.shape != p.shape[:1]:
        raise InputError(f"truth has shape {y.shape} and probabilities {p.shape}: give (N,) and (N, C)")
    if not p.size:
        raise InputError(f"nothing can be scored: the probabilities have shape {p.shape}, and one row is needed")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= p.shape[1]:
        raise InputError(
            f"the truth runs from {y.min()} to {y.max()}: whole numbers from 0 to {p.shape[1] - 1} are needed"
        )
    sums = p.sum(axis=1)
    if not (p >= 0).all() or not np.allclose(sums, 1, atol=1e-3):
        worst = int(np.argmax(np.where((p >= 0).all(axis=1), np.abs(sums - 1), np.inf)))
        raise InputError(
            f"row {worst} is no distribution: it must be from 0 up and sum to 1, and sums to {sums[worst]:g}"
        )
    return y.astype(np.int64), p
