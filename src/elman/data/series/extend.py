"""Series set beside series set: parts that follow each other, the steps still to come, the last rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from elman.data.series.encoder import carried_forward
from elman.data.series.on_disk import SeriesOnDisk
from elman.data.series.series import SeriesSet
from elman.errors import InputError


def join(parts: Sequence[SeriesSet], names: Sequence[str]) -> tuple[SeriesSet, list[np.ndarray]]:
    """The parts' rows of each group one after another; also, for each part, the row after its last in each group.

    Steps missing between parts on a regular clock are inserted as missing values; without times, rows simply go on.
    Raises InputError where a part does not lie after the one before it, or lies between its steps.
    """
    first = parts[0]
    groups = tuple(dict.fromkeys(group for part in parts for group in part.groups))
    clock = first.clock
    values, times, rows, starts = [], [], [], [0]
    ends: list[list[int]] = [[] for _ in parts]
    size = 0
    for group in groups:
        last, before = None, ""
        for at, part in enumerate(parts):
            if group in part.groups:
                g = part.groups.index(group)
                here = slice(int(part.starts[g]), int(part.starts[g + 1]))
                block, when, numbered = part.values[here], part.times[here], part.rows[here]
                if clock.step == "row":
                    when = when + (0 if last is None else int(last) + 1)
                elif last is not None:
                    if when[0] <= last:
                        raise InputError(
                            f"{names[at]} begins at {when[0]}, but {before} ends at {last}"
                            f"{f' for {group}' if group else ''}: each part must lie after the one before"
                        )
                    steps = int(clock.positions(np.array([last, when[0]]))[1])
                    if steps < 1:
                        raise InputError(
                            f"{names[at]} begins at {when[0]}, which no whole number of steps of {clock.step} after "
                            f"{last}, the end of {before}, reaches: correct its times"
                        )
                    between = clock.future(last, steps - 1)
                    if len(between):
                        values.append(np.full((len(between), block.shape[1]), np.nan))
                        times.append(between)
                        rows.append(np.zeros(len(between), np.int64))
                        size += len(between)
                values.append(block)
                times.append(when)
                rows.append(numbered)
                size += len(block)
                last, before = when[-1], names[at]
            ends[at].append(size)
        starts.append(size)
    joined = replace(
        first,
        values=np.concatenate(values),
        times=np.concatenate(times),
        rows=np.concatenate(rows),
        starts=np.asarray(starts),
        groups=groups,
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )
    return joined, [np.asarray(end) for end in ends]


def with_future(series: SeriesSet, ends: np.ndarray, horizon: int) -> SeriesSet:
    """Each group cut or continued to ``horizon`` steps after its end: rows the file already has, then missing ones."""
    values, times, rows, starts = [], [], [], [0]
    for (begin, stop), end in zip(pairwise(series.starts.tolist()), ends.tolist(), strict=True):
        have = min(stop, end + horizon)
        lack = end + horizon - have
        values += [series.values[begin:have], np.full((lack, series.values.shape[1]), np.nan)]
        times += [series.times[begin:have], series.clock.future(series.times[have - 1], lack)]
        rows += [series.rows[begin:have], np.zeros(lack, np.int64)]
        starts.append(starts[-1] + have + lack - begin)
    return replace(
        series,
        values=np.concatenate(values),
        times=np.concatenate(times),
        rows=np.concatenate(rows),
        starts=np.asarray(starts),
    )


def tail(series: SeriesSet, ends: np.ndarray, history: int) -> SeriesSet:
    """The last ``history`` rows of each group before its end, and whatever lies after it."""
    first = np.maximum(series.starts[:-1], ends - history)
    keep = np.concatenate([np.arange(a, b) for a, b in zip(first, series.starts[1:], strict=True)])
    sizes = series.starts[1:] - first
    return replace(
        series,
        values=series.values[keep],
        times=series.times[keep],
        rows=series.rows[keep],
        starts=np.concatenate([[0], np.cumsum(sizes)]),
    )


def context(series: SeriesSet | SeriesOnDisk, ends: np.ndarray, reach: int) -> SeriesSet:
    """The last ``reach`` rows of each group, which a forecast reads, after one that holds what was last seen before."""
    if isinstance(series, SeriesOnDisk):
        return series.context(max(0, int(ends[0]) - reach - 1))
    found = tail(series, ends, reach + 1)
    first = np.maximum(series.starts[:-1], ends - reach - 1)
    for j, column in enumerate(series.values.T):
        found.values[found.starts[:-1], j] = carried_forward(column, series.starts)[first]
    return found
