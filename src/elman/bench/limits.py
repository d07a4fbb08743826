"""What a workload costs at least, and what this machine gives: the bound that no implementation can pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

FLOAT = 4  # bytes


class Shape(NamedTuple):
    """B rows of T steps, F features in and H hidden units."""

    rows: int
    steps: int
    features: int
    hidden: int


class Cost(NamedTuple):
    """Floating-point operations of the matrix products, and bytes that must pass through memory."""

    flops: float
    bytes: float

    def both(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.bytes + other.bytes)


class Rates(NamedTuple):
    """What the machine reaches with a number of threads: operations and bytes per second."""

    flops: float
    bytes: float


def forward(shape: Shape, gates: int) -> Cost:
    """One layer's forward pass: 2 (F + H) G H operations a step; x read, y written.

    The weights stay in the cache from call to call and are not counted.
    """
    positions, width = shape.rows * shape.steps, gates * shape.hidden
    return Cost(
        2 * positions * width * (shape.features + shape.hidden), FLOAT * positions * (shape.features + shape.hidden)
    )


def training(
    shape: Shape, gates: int, kept: int, *, blocks: int = 1, directions: int = 1, positions: int | None = None
) -> Cost:
    """One layer forward and backward, to the input and every weight: three times the products of the forward pass.

    `kept` values of each hidden unit and step are written by the forward pass and read by the backward one (an
    LSTM's four gates and its cell: 5). W_hh is cut into `blocks` on its diagonal. `positions` is the number of
    real steps of all rows, B T unless they are ragged. Bytes: x read twice and its gradient written, y written, read
    again as h_{t-1}, its gradient read, `kept` both ways, the gradients of the weights written.
    """
    if positions is None:
        positions = shape.rows * shape.steps
    weights = directions * gates * shape.hidden * (shape.features + shape.hidden / blocks)
    values = positions * (3 * shape.features + directions * shape.hidden * (3 + 2 * kept))
    return Cost(3 * 2 * positions * weights, FLOAT * (values + weights))


def scan(shape: Shape) -> Cost:
    """A linear scan forward and backward: 5 operations and 8 arrays an element (a, b, h; a, h, dh, da, db)."""
    elements = shape.rows * shape.steps * shape.hidden
    return Cost(5 * elements, 8 * FLOAT * elements)


def least_seconds(cost: Cost, rates: Rates) -> float:
    """The time below which the work cannot be done: its products at full rate or its bytes, whichever takes longer."""
    return max(cost.flops / rates.flops, cost.bytes / rates.bytes)


def rates(*, sizes: tuple[int, ...] = (512, 1024, 2048), stream: int = 2**26, repeats: int = 5) -> Rates:
    """Measure both rates with torch's present number of threads, each the best of several.

    The first is torch.mm of square matrices of `sizes` in float32. The second is torch.add(a, b, out=c) on three
    float32 arrays of `stream` elements (805 MB together: more than the last-level caches of today), counted as three
    passes; a workload that fits into a cache may pass it.
    """
    flops = 0.0
    for size in sizes:
        a, b, out = (torch.rand(size, size) for _ in range(3))
        flops = max(flops, 2 * size**3 / _best(partial(torch.mm, a, b, out=out), repeats))
    a, b, out = (torch.ones(stream) for _ in range(3))
    return Rates(flops, 3 * FLOAT * stream / _best(partial(torch.add, a, b, out=out), repeats))


def _best(call: Callable[[], object], repeats: int) -> float:
    call()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
