"""Which rows train, which choose, which judge: never a later row before an earlier one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.data.series.extend import join
from elman.data.series.on_disk import SeriesOnDisk
from elman.data.series.series import Series, SeriesSet
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


def observed_ends(series: Series) -> np.ndarray:
    """For each group the row after its last observed target."""
    if isinstance(series, SeriesOnDisk):
        return np.array([series.last[len(series) - 1] + 1])
    ends = []
    for start, end in zip(series.starts[:-1], series.starts[1:], strict=True):
        seen = np.flatnonzero(np.isfinite(series.values[start:end, 0]))
        ends.append(start + (seen[-1] + 1 if len(seen) else 0))
    return np.asarray(ends, dtype=np.int64)


def by_time(series: Series, valid: float, test: float) -> Parts:
    """Cut at two moments that all groups share: the last ``test`` share of rows judges, the ``valid`` share before it
    chooses.

    Raises InputError unless 0 < valid, 0 <= test and valid + test < 1, and where no row holds a target.
    """
    if not (valid > 0 and test >= 0 and valid + test < 1):
        raise InputError(
            "the parts need shares with 0 < valid, 0 <= test and valid + test < 1, "
            f"but valid is {valid} and test is {test}"
        )
    ends = observed_ends(series)
    rows = int((ends - series.starts[:-1]).sum())
    if not rows:
        raise InputError(
            f"target {series.columns[0]!r} holds no value in any of {len(series.times):,} rows: name a column that does"
        )
    valid_row, test_row = min(int(rows * (1 - valid - test)), rows - 1), int(rows * (1 - test))
    if len(ends) == 1:  # its rows are in order of time, each of its own
        train_end, valid_end = [valid_row], [min(test_row, rows)]
    else:
        train_end, valid_end = _at_moments(series, ends, valid_row, test_row)
    return Parts(
        np.asarray(train_end),
        np.asarray(valid_end),
        ends,
        f"split by time: the first {1 - valid - test:.0%} of the rows train, the next {valid:.0%} choose when to stop, "
        f"the last {test:.0%} judge",
    )


def _at_moments(series: Series, ends: np.ndarray, valid_row: int, test_row: int) -> tuple[list[int], list[int]]:
    """Where the parts of each group end, at the times of these rows of all groups together."""
    spans = list(zip(series.starts[:-1], ends, strict=True))
    known = np.sort(np.concatenate([series.times[s:e] for s, e in spans]))
    train_end, valid_end = [], []
    for start, end in spans:
        times = series.times[start:end]
        train_end.append(start + np.searchsorted(times, known[valid_row]))
        valid_end.append(end if test_row >= len(known) else start + np.searchsorted(times, known[test_row]))
    return train_end, valid_end


def as_given(
    train: SeriesSet, valid: SeriesSet | None, test: SeriesSet | None, names: list[str], share: float
) -> tuple[SeriesSet, Parts]:
    """The given parts as one series set and where each ends; without a validation part the last ``share`` of the
    training rows chooses. ``names`` are those of the parts, for messages."""
    given = {"train": train, "valid": valid, "test": test}
    present = {name: part for name, part in given.items() if part is not None}
    joined, ends = join(list(present.values()), [n for n, part in zip(names, given.values(), strict=True) if part])
    end = dict(zip(present, ends, strict=True))
    if valid is None:
        own = by_time(train, share, 0.0)
        # A group that only the test part knows has no rows here.
        sizes = dict(zip(train.groups, own.train_end - train.starts[:-1], strict=True))
        train_end = joined.starts[:-1] + np.array([sizes.get(group, 0) for group in joined.groups])
        how = f"the last {share:.0%} of the training rows choose when to stop; the test part was given"
        return joined, Parts(train_end, end["train"], np.maximum(end["train"], observed_ends(joined)), how)
    how = "the validation part was given; there is no test part" if test is None else "all three parts were given"
    valid_end = end["valid"]
    return joined, Parts(end["train"], valid_end, np.maximum(valid_end, observed_ends(joined)), how)
