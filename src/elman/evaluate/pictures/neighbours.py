"""What a pixel RNN is read beside: counts of each pixel's level, alone and after its neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

# (rows up, columns to the right) of neighbours, the nearest first.
NEAR = ((0, -1), (1, 0), (1, -1), (1, 1), (0, -2), (2, 0), (1, -2), (1, 2), (2, -1), (2, 1), (0, -3), (2, 2))
BITS = 18  # of a context and its level together: as many counts as some thousand pictures can fill
LEAST = 0.5  # added to each count


@dataclass(frozen=True)
class Neighbours:
    """p(x_t | its ``count`` nearest neighbours before it), by counts (levels**count, levels); 0 outside the picture."""

    counts: NDArray[np.float64]
    count: int

    @classmethod
    def fit(cls, x: NDArray[Any], levels: int, count: int | None = None) -> Self:
        """From pictures (N, Y, X, C) of whole numbers below ``levels``."""
        if count is None:
            count = max(0, min(len(NEAR), int(BITS / math.log2(levels)) - 1))
        places = _contexts(x, levels, count) * levels + x
        counts = np.bincount(places.ravel(), minlength=levels ** (count + 1)).reshape(-1, levels)
        return cls(np.add(counts, LEAST, dtype=np.float64), count)

    def nats(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """(N,): -log p of each picture."""
        levels = self.counts.shape[1]
        p = self.counts / self.counts.sum(1, keepdims=True)
        costs = -np.log(p)[_contexts(x, levels, self.count), x]
        return costs.reshape(len(x), -1).sum(1)


def _contexts(x: NDArray[Any], levels: int, count: int) -> NDArray[np.int64]:
    found = np.zeros(x.shape, np.int64)
    padded = np.pad(x, ((0, 0), (2, 0), (3, 2), (0, 0)))
    tall, wide = x.shape[1:3]
    for up, right in NEAR[:count]:
        found = found * levels + padded[:, 2 - up : 2 - up + tall, 3 + right : 3 + right + wide]
    return found


@dataclass(frozen=True)
class Places:
    """p(x_t) by counts of each place's levels (Y, X, C, levels)."""

    counts: NDArray[np.float64]

    @classmethod
    def fit(cls, x: NDArray[Any], levels: int) -> Self:
        return cls(np.stack([(x == level).sum(0) for level in range(levels)], -1) + LEAST)

    def nats(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """(N,): -log p of each picture."""
        p = self.counts / self.counts.sum(-1, keepdims=True)
        y, x_, c = np.ogrid[: x.shape[1], : x.shape[2], : x.shape[3]]
        return -np.log(p)[y, x_, c, x].reshape(len(x), -1).sum(1)
