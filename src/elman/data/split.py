"""Which rows train, which choose, which judge: never a later row before an earlier one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.data.series import SeriesSet
from elman.errors import InputError


@dataclass(frozen=True)
class Parts:
    """Where the parts of each group end, as rows of the series set, and how that was decided.

    Group g trains on ``start[g]:train_end[g]``, chooses on ``train_end[g]:valid_end[g]`` and is judged on
    ``valid_end[g]:test_end[g]``; rows after ``test_end`` have no target: they are the future.
    """

    train_end: np.ndarray
    valid_end: np.ndarray
    test_end: np.ndarray
    how: str


def observed_ends(series: SeriesSet) -> np.ndarray:
    """For each group the row after its last observed target."""
    ends = []
    for start, end in zip(series.starts[:-1], series.starts[1:], strict=True):
        seen = np.flatnonzero(np.isfinite(series.values[start:end, 0]))
        ends.append(start + (seen[-1] + 1 if len(seen) else 0))
    return np.asarray(ends, dtype=np.int64)


def by_time(series: SeriesSet, valid: float, test: float) -> Parts:
    """Cut at two moments that all groups share: the last ``test`` share of rows judges, the ``valid`` share before chooses.

    Raises InputError unless 0 < valid, 0 <= test and valid + test < 1.
    """
    if not (0 < valid and 0 <= test and valid + test < 1):
        raise InputError(
            f"the parts need shares with 0 < valid, 0 <= test and valid + test < 1, but valid is {valid} and test is {test}"
        )
    ends = observed_ends(series)
    known = np.concatenate([series.times[s:e] for s, e in zip(series.starts[:-1], ends, strict=True)])
    known = np.sort(known)
    first_valid = known[min(int(len(known) * (1 - valid - test)), len(known) - 1)]
    test_row = int(len(known) * (1 - test))
    train_end, valid_end = [], []
    for start, end in zip(series.starts[:-1], ends, strict=True):
        times = series.times[start:end]
        train_end.append(start + np.searchsorted(times, first_valid))
        valid_end.append(end if test_row >= len(known) else start + np.searchsorted(times, known[test_row]))
    return Parts(
        np.asarray(train_end),
        np.asarray(valid_end),
        ends,
        f"split by time: the first {1 - valid - test:.0%} of the rows train, the next {valid:.0%} choose when to stop, "
        f"the last {test:.0%} judge",
    )
