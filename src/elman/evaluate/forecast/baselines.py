"""Forecasts that need no model, which any score is read beside: last value, last season, straight line.

All work on one flat array, or a History that answers as one, and many origins at once. y (R,) float64
holds the rows of all groups one after another, evenly spaced in time, NaN where missing; starts (G,) are
the flat rows where groups begin, the first 0. An origin is the flat row just after its history: its group
is that of row origin - 1, and its forecasts are of rows origin + k, k = 0 ... K-1. A forecast reads only
rows of its group before its origin, and is NaN only where none of them is known. All raise InputError for
starts, origins, K, m or memory that cannot be.

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
PIECE = 1 << 16  # rows that are summed up together
MOST_SEASONS = 100_000  # origins by which a season is chosen, evenly spaced where there are more


class History(Protocol):
    """What is asked of y, which may be on disk."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> Array:
        """The values of rows by number, in any shape, or of a slice."""
        ...

    def last_known(self, rows: Rows, m: int) -> Rows:
        """Of rows i, i - m, i - 2m, ..., the first that is known; -1 where none is."""
        ...

    def first_known(self, begin: Rows) -> Rows:
        """The first known row from each on; as many as there are rows where none is."""
        ...


@dataclass(frozen=True)
class InMemory:
    y: Array

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: Any) -> Array:
        return self.y[rows]

    def last_known(self, rows: Rows, m: int) -> Rows:
        return _last_known(self.y, m)[rows]

    def first_known(self, begin: Rows) -> Rows:
        after = np.where(np.isnan(self.y), len(self.y), np.arange(len(self.y)))
        return np.minimum.accumulate(after[::-1])[::-1][begin]


def naive(y: Array | History, starts: Rows, origins: Rows, K: int) -> Array:
    """(N, K): the last value known before the origin, at every step."""
    past = _history(y)
    first = _group_start(past, starts, origins, K=K)
    return np.repeat(_take(past, past.last_known(origins - 1, 1), first)[:, None], K, axis=1)


def seasonal_naive(y: Array | History, starts: Rows, origins: Rows, K: int, m: int) -> Array:
    """(N, K): the value of the same place in the last season of m rows, y[origin + k - m ceil((k + 1) / m)].

    Where that is missing, the season before it, and so on; where no season has it, the naive forecast.
    """
    past = _history(y)
    first = _group_start(past, starts, origins, K=K, m=m)[:, None]
    rows = origins[:, None] - m + np.arange(K) % m
    known = np.where(rows < 0, -1, past.last_known(np.maximum(rows, 0), m))
    seasonal = _take(past, known, first)
    return np.where(np.isnan(seasonal), naive(past, starts, origins, K), seasonal)


def drift(y: Array | History, starts: Rows, origins: Rows, K: int, memory: int | None = None) -> Array:
    """(N, K): the line through the first and the last known value of the history, carried on.

    memory: how many rows before the origin are the history; None: all from the group's start. With fewer
    than two known values there, the naive forecast.
    """
    past = _history(y)
    first = _group_start(past, starts, origins, K=K, memory=memory)
    begin = first if memory is None else np.maximum(first, origins - memory)
    last = past.last_known(origins - 1, 1)
    early = np.minimum(past.first_known(begin), last)
    slope = (past[np.maximum(last, 0)] - past[np.maximum(early, 0)]) / np.maximum(last - early, 1)
    return _take(past, last, first)[:, None] + slope[:, None] * (origins[:, None] + np.arange(K) - last[:, None])


def future(y: Array | History, starts: Rows, origins: Rows, K: int) -> Array:
    """(N, K): what came, y[origin + k]; NaN where missing and past the end of the group."""
    past = _history(y)
    group = np.searchsorted(starts, _group_start(past, starts, origins, K=K))
    end = np.append(starts[1:], len(past))[group][:, None]
    rows = origins[:, None] + np.arange(K)
    return np.where(rows < end, past[np.minimum(rows, len(past) - 1)], np.nan)


def best_season(y: Array | History, starts: Rows, train_origins: Rows, K: int, candidates: Sequence[int]) -> int | None:
    """The season length of candidates with the lowest seasonal-naive MAE; None where none is usable.

    A candidate is usable when some training origin has two of its seasons behind it. All usable ones are
    scored on the same cells, those with a whole season of the longest behind them; of equals, the first
    named wins. Every train_origin + K must lie in the training part: what the origins forecast is looked
    at.
    """
    past = _history(y)
    train_origins = train_origins[:: max(1, -(-len(train_origins) // MOST_SEASONS))]
    history = train_origins - _group_start(past, starts, train_origins, K=K)
    usable = [m for m in candidates if 0 < 2 * m <= max(history, default=0)]
    if not usable:
        return None
    origins = train_origins[history >= max(usable)]
    actual = future(past, starts, origins, K)

    def error(m: int) -> float:
        off = np.abs(seasonal_naive(past, starts, origins, K, m) - actual)
        return float(np.nanmean(off)) if not np.isnan(off).all() else np.inf

    return min(usable, key=error)


def seasonal_scale(y: Array | History, starts: Rows, m: int, ends: Rows | None = None) -> Array:
    """(G,): the scale of MASE, each group's in-sample seasonal-naive MAE, mean |y[t] - y[t - m]|.

    ends: the row after the training part of each group; None: after its last. m: the season, 1 when there is none.
    Always above 0: where no pair is known or all are equal, that of m = 1; then the mean of the other
    groups'; then 1.
    """
    past = _history(y)
    _group_start(past, starts, np.empty(0, np.int64), m=m)
    ends = np.append(starts[1:], len(past)) if ends is None else ends
    scale = _mean_step(past, starts, ends, m)
    scale = np.where(scale > 0, scale, _mean_step(past, starts, ends, 1))
    usable = scale[scale > 0]
    return np.where(scale > 0, scale, usable.mean() if usable.size else 1.0)


def _mean_step(y: History, starts: Rows, ends: Rows, m: int) -> Array:
    """(G,): mean |y[t] - y[t - m]| within each group over known pairs, 0 where there is none."""
    total, count = np.zeros(len(starts)), np.zeros(len(starts), np.int64)
    for begin in range(m, len(y), PIECE):
        end = min(begin + PIECE, len(y))
        rows = np.arange(begin, end)
        group = np.searchsorted(starts, rows, side="right") - 1
        step = np.abs(y[begin:end] - y[begin - m : end - m])
        pairs = (starts[group] <= rows - m) & (rows < ends[group]) & ~np.isnan(step)
        count += np.bincount(group[pairs], minlength=len(starts))
        total += np.bincount(group[pairs], step[pairs], minlength=len(starts))
    return total / np.maximum(count, 1)


def _history(y: Array | History) -> History:
    return InMemory(y) if isinstance(y, np.ndarray) else y


def _last_known(y: Array, m: int) -> Rows:
    """(R,): of rows i, i - m, i - 2m, ..., the first that is known; -1 where none is."""
    rows = np.full(-(-len(y) // m) * m, -1)
    rows[: len(y)] = np.where(np.isnan(y), -1, np.arange(len(y)))
    return np.maximum.accumulate(rows.reshape(-1, m), axis=0).ravel()[: len(y)]


def _take(y: History, rows: Rows, first: Rows) -> Array:
    """y at rows, NaN where the row lies before the group's first."""
    return np.where(rows >= first, y[np.maximum(rows, 0)], np.nan)


def _group_start(y: Array | History, starts: Rows, origins: Rows, **counts: int | None) -> Rows:
    """(N,): the first row of each origin's group, once everything given has been found possible."""
    for name, value in counts.items():
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}: a whole number from 1 up is needed")
    if not len(starts) or starts[0] != 0 or (np.diff(starts) <= 0).any() or starts[-1] >= len(y):
        raise InputError(f"the group starts are {starts}: they must ascend from 0 to below {len(y)} rows")
    if len(origins) and (origins.min() < 1 or origins.max() > len(y)):
        span = f"{origins.min()} to {origins.max()}"
        raise InputError(f"the origins run from {span}: they must lie between 1 and the {len(y)} rows")
    return starts[np.searchsorted(starts, origins - 1, side="right") - 1]
