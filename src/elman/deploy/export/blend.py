"""The linear model that a classifier's or regressor's answer is blended with, where a graph can hold it."""

from __future__ import annotations

import math
from copy import copy
from typing import Any

import numpy as np
import torch

from elman.deploy.export.check import Arrays
from elman.deploy.export.graph import Graph, Value, apply, as_float, at_end, concat, inside, total
from elman.evaluate.linear import LONGEST, SLOTS, TOKEN, Ngrams, Values
from elman.tasks.classify import Classifier
from elman.tasks.pooled import PooledTask
from elman.tasks.regress import Regressor

GRAMS = 20  # of a text, in random inputs
TINY = 1e-30  # the length of a text without any


def linear_weight(task: PooledTask) -> float:
    """How much the linear model has to say in the answer."""
    if isinstance(task, Classifier):
        return task.weights_[1]
    assert isinstance(task, Regressor)
    return 1 - task.share_


def linear_inside(task: PooledTask, streaming: bool) -> Ngrams | Values | None:
    """The linear model that the answer is blended with, where it is in the graph: of whole texts, or of numbers.

    Pixels are scaled down for it by another program, and what is streamed has no whole.
    """
    read = task.medium_ is None or task.medium_.kind == "sound"
    return task.linear_ if read and not streaming and linear_weight(task) else None


def without_linear(task: PooledTask) -> PooledTask:
    """The same model with its network alone to answer."""
    found = copy(task)
    if isinstance(found, Classifier):
        found.weights_ = (found.weights_[0], 0.0)
    elif isinstance(found, Regressor):
        found.share_ = 1.0
    return found


def summarised(graph: Graph, linear: Values, x: Value, lengths: Value) -> Value:
    """`Values` of the `summaries` of x (T, B, F)."""
    within = apply("Unsqueeze", inside(x, lengths), [2])
    count = apply("Unsqueeze", as_float(lengths), [1])
    mean = total(apply("Where", within, x, 0.0), 0) / count
    off = apply("Where", within, x - mean, 0.0)
    deviation = apply("Sqrt", total(off * off, 0) / count)
    least = total(apply("Where", within, x, math.inf), 0, "Min")
    greatest = total(apply("Where", within, x, -math.inf), 0, "Max")
    last = apply("Where", apply("Unsqueeze", at_end(x, lengths), [2]), x, 0.0)
    rows = concat([mean, deviation, least, greatest, total(last, 0), apply("Log", count)], 1)
    z = graph.linear(rows, torch.from_numpy(linear.head.weight), torch.from_numpy(linear.head.bias))
    return _said(linear, z)


def counted(graph: Graph, linear: Ngrams) -> Value:
    """`Ngrams` of the inputs ``ngrams`` (B, N), places in its columns, and ``counts`` (B, N), 0 where none is."""
    at = graph.input("ngrams", "int64", ["batch", "ngrams"])
    counts = graph.input("counts", "float32", ["batch", "ngrams"])
    idf = apply("Gather", linear.idf, at)
    values = apply("Where", apply("Greater", counts, 0.0), (apply("Log", apply("Max", counts, 1.0)) + 1.0) * idf, 0.0)
    length = apply("Sqrt", total(values * values, 1, keep=True))
    rows = apply("Gather", np.ascontiguousarray(linear.head.weight.T), at)
    each = apply("Unsqueeze", values / apply("Max", length, TINY), [2]) * rows
    return _said(linear, total(each, 1) + linear.head.bias)


def drawn_counts(linear: Ngrams, rng: np.random.Generator, rows: int) -> tuple[Arrays, np.ndarray]:
    """Random inputs of `counted`, and what `Ngrams` makes of them."""
    some = min(GRAMS, len(linear.columns))
    at = np.stack([rng.choice(len(linear.columns), some, replace=False) for _ in range(rows)])
    counts = rng.integers(0, 4, at.shape).astype(np.float32)
    table = np.zeros((rows, len(linear.columns)), np.float32)
    np.put_along_axis(table, at, np.where(counts > 0, (1 + np.log(np.maximum(counts, 1))) * linear.idf[at], 0), 1)
    lengths = np.sqrt((table**2).sum(1, keepdims=True))
    return {"ngrams": at, "counts": counts}, linear.head(table / np.maximum(lengths, TINY))


def described_linear(linear: Ngrams | Values | None) -> dict[str, Any]:
    """How the inputs of `counted` are made of a text."""
    if not isinstance(linear, Ngrams):
        return {}
    how = (
        "runs of 1 to 3 characters of the text, several blanks as one"
        if linear.characters
        else ("the matches of pattern in the text, and any two that follow each other, a blank between them")
    )
    return {
        "linear": {
            "how": f"the first {LONGEST:,} letters in lower case; of these {how}; each is known by |h| mod {SLOTS}, h "
            "the signed 32-bit MurmurHash3 of its UTF-8 with seed 0; ngrams holds the places of these in columns, "
            "counts how often each occurs, and what is not in columns is left out",
            "characters": linear.characters,
            "pattern": TOKEN,
            "longest": LONGEST,
            "slots": SLOTS,
            "columns": linear.columns.tolist(),
        }
    }


def _said(linear: Ngrams | Values, z: Value) -> Value:
    """Numbers (B,), or probabilities (B, C)."""
    return apply("Squeeze", z, [1]) if linear.head.numbers else apply("Softmax", z, axis=-1)
