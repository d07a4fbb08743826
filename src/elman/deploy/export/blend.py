"""The linear model that a classifier's or regressor's answer is blended with, where a graph can hold it."""

from __future__ import annotations

import math
from copy import copy

import torch

from elman.deploy.export.graph import Graph, Value, apply, as_float, at_end, concat, inside, total
from elman.evaluate.linear import Values
from elman.tasks.classify import Classifier
from elman.tasks.pooled import PooledTask
from elman.tasks.regress import Regressor


def linear_weight(task: PooledTask) -> float:
    """How much the linear model has to say in the answer."""
    if isinstance(task, Classifier):
        return task.weights_[1]
    assert isinstance(task, Regressor)
    return 1 - task.share_


def linear_inside(task: PooledTask, streaming: bool) -> Values | None:
    """The linear model that the answer is blended with, where it is in the graph: that of a sequence's summaries.

    Hashed n-grams are made of letters, which no graph reads; pixels are scaled down by another program.
    """
    read = task.medium_ is None or task.medium_.kind == "sound"
    held = isinstance(task.linear_, Values) and read and not streaming and linear_weight(task)
    return task.linear_ if held and isinstance(task.linear_, Values) else None


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
    return apply("Squeeze", z, [1]) if linear.head.numbers else apply("Softmax", z, axis=-1)
