"""A table of series as steps in time that can be cut: at moments that all of its series share."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from elman.data.cut import Ordered
from elman.data.series.series import SeriesSet
from elman.data.series.split import observed_ends
from elman.data.table import Origin, categories, read_table
from elman.data.times import read_times


def in_time(source: Any, series: SeriesSet, time: tuple[str, ...], group: str | None) -> Ordered:
    """The table of ``source``, of which ``series`` was read; rows after the last target belong to the last step."""
    frame, origin = read_table(source), Origin.of(source)
    if time:
        when = read_times(frame, time, origin, [])
    elif group is None:
        when = np.arange(frame.height)
    else:
        when = _places(np.array(categories(frame, group, origin)))
    ends = observed_ends(series)
    last = max(series.times[end - 1] for start, end in zip(series.starts[:-1], ends, strict=True) if end > start)
    moments = np.unique(when[when <= last])

    def between(begin: int, end: int) -> pl.DataFrame:
        kept = np.ones(len(when), bool) if begin == 0 else when >= moments[begin]
        if end < len(moments):
            kept &= when < moments[end]
        return frame.filter(pl.Series(kept))

    return Ordered(len(moments), between)


def _places(names: np.ndarray) -> np.ndarray:
    """(N,): how many rows of the same series lie before each."""
    order = np.argsort(names, kind="stable")
    ranked = names[order]
    first = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    sizes = np.diff(np.r_[first, len(names)])
    places = np.empty(len(names), np.int64)
    places[order] = np.arange(len(names)) - np.repeat(first, sizes)
    return places
