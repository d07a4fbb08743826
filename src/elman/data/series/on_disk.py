"""One series on disk, of a table that has no room in memory: what ``read_series`` gives, in the same numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.disk import OnDisk
from elman.data.pieces import TableFile
from elman.data.series.clock import MOST_LOOKED_AT as MOST_STAMPS
from elman.data.series.clock import Clock
from elman.data.series.inputs import told_kinds
from elman.data.series.series import SeriesSet, follows, known_columns, stamps_of, strange_told, time_columns
from elman.data.table import Origin, numbers
from elman.data.times import MOST_LOOKED_AT, STAMP
from elman.errors import InputError

AT_ONCE = 1 << 15  # rows that are in memory together
MOST_LENGTHS = 1 << 20  # different steps in time that are counted
SORT = "sort the file, or give more --ram"


@dataclass(frozen=True)
class SeriesOnDisk:
    """A SeriesSet of one series without a name, whose rows are on disk."""

    values: OnDisk  # (N, F) float64
    times: OnDisk  # (N,) as of a SeriesSet
    last: OnDisk  # (N,) int64: the last row up to each that holds a target, -1 where none does
    columns: tuple[str, ...]
    clock: Clock
    notes: tuple[str, ...] = ()
    layout: dict[str, Any] = field(default_factory=dict)
    time: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("",)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def starts(self) -> np.ndarray:
        return np.array([0, len(self)])

    def part(self, begin: int, end: int) -> SeriesSet:
        """Rows begin to end, those that there are, in memory."""
        values = self.values.read(begin, end)
        return SeriesSet(
            values, self.columns, self.times.read(begin, end), np.zeros(len(values), np.int64),
            np.array([0, len(values)]), self.groups, self.clock, self.notes, self.layout, self.time,
        )  # fmt: skip

    def context(self, row: int) -> SeriesSet:
        """The rows from ``row`` on in memory, the first of which holds what was last seen up to it."""
        found = self.part(row, len(self))
        lacking = np.isnan(found.values[0])
        end = row
        while lacking.any() and end > 0:
            block = self.values.read(end - AT_ONCE, end)
            for j in np.flatnonzero(lacking & ~np.isnan(block).all(axis=0)):
                found.values[0, j] = block[~np.isnan(block[:, j]), j][-1]
            lacking, end = np.isnan(found.values[0]), end - AT_ONCE
        return found

    @property
    def target(self) -> TargetOnDisk:
        return TargetOnDisk(self)


@dataclass(frozen=True)
class TargetOnDisk:
    """The target of a series on disk, as what is judged beside looks at it (evaluate/forecast/history.py)."""

    series: SeriesOnDisk

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, rows: Any) -> Any:
        return self.series.values[rows][..., 0]

    def last_known(self, rows: np.ndarray, m: int) -> np.ndarray:
        """Of rows i, i - m, i - 2m, ..., the first that holds a target; -1 where none does."""
        if m == 1:
            return self.series.last[rows]
        found = np.array(rows, np.int64)
        while (left := found >= 0).any():
            missing = np.zeros(found.shape, bool)
            missing[left] = np.isnan(self[found[left]])
            if not missing.any():
                break
            found[missing] = np.maximum(found[missing] - m, -1)
        return found

    def first_known(self, begin: np.ndarray) -> np.ndarray:
        """The first row from each on that holds a target; as many as there are rows where none does."""
        found = {row: self._first_known(row) for row in set(begin.ravel().tolist())}
        return np.vectorize(found.__getitem__, otypes=[np.int64])(begin) if begin.size else begin

    def _first_known(self, begin: int) -> int:
        for at in range(begin, len(self), AT_ONCE):
            seen = np.flatnonzero(~np.isnan(self[at : at + AT_ONCE]))
            if len(seen):
                return at + int(seen[0])
        return len(self)


def read_on_disk(
    path: Path,
    file: TableFile,
    *,
    target: str,
    columns: Sequence[str],
    time: str | Sequence[str] | None,
    timezone: str | None,
    clock: Clock | None = None,
    layout: Mapping[str, Any] | None = None,
) -> SeriesOnDisk:
    """The rows of a file that come one after another in time, piece by piece onto the disk.

    Raises InputError as ``read_series`` does, and for rows that are not in order of time, which takes them all to mend.
    """
    origin = Origin(path.name)
    stamped = time_of(file, time, {target, *columns}, origin)
    named = [target, *columns, *stamped]
    if twice := [name for at, name in enumerate(named) if name in named[:at]]:
        raise InputError(f"column {twice[0]!r} is named twice as target, column, time or group: name it once")
    if clock is not None and (clock.step == "row") == bool(stamped):
        learnt, held = ("rows", "times") if clock.step == "row" else (f"steps of {clock.step}", "no time column")
        raise InputError(
            f"the model was trained on {learnt}, but {origin.name} is read with {held}: name the time "
            "column, or none (time=()), as in training"
        )
    layout = dict(layout) if layout else told_kinds(file, columns, origin)
    values, steps, strange = None, Steps(path.name), Counter[str]()
    times = OnDisk((), STAMP if stamped else np.int64)
    notes: list[str] | None = None
    heads: list[str] = []
    for frame, place in file.pieces(*named):
        said: list[str] = []
        y = numbers(frame, target, place)
        heads, x, _, odd = known_columns(frame, columns, layout, place)
        strange.update(odd)
        rows = np.column_stack([y, x])
        stamps = stamps_of(frame, stamped, place, said)
        if stamps is None:
            stamps = np.arange(len(times), len(times) + len(y))
        else:
            steps.add(stamps, place)
            if notes is not None and said != notes:
                raise InputError(
                    f"the times of {path.name} are written in several ways, {' '.join(notes) or 'plainly'} and "
                    f"{' '.join(said) or 'plainly'}: write them like 2020-01-31 13:30, or give more --ram"
                )
        notes = said
        values = values or OnDisk(rows.shape[1:], np.float64)
        values.append(rows)
        times.append(stamps)
    assert values is not None and notes is not None
    notes = [*strange_told(strange), *notes]
    if stamped:
        clock = steps.clock(times, clock, timezone)
        values, times = _gaps_filled(values, times, clock, path.name, notes)
    else:
        clock = clock or Clock(timezone=timezone)
    notes.append(str(clock))
    last = _last_known(values)
    return SeriesOnDisk(
        values, times, last, (target, *heads), clock, tuple(notes), layout, stamped
    )  # fmt: skip


def time_of(file: TableFile, time: str | Sequence[str] | None, taken: set[str], origin: Origin) -> tuple[str, ...]:
    """The columns of the time: those named, or those that the first rows tell."""
    return time_columns(file.head(MOST_LOOKED_AT), time, {*taken}, origin)


class Steps:
    """The differences of stamps that come piece by piece, and whether they rise."""

    def __init__(self, file: str) -> None:
        self.file, self.counts, self.before = file, Counter[int](), np.empty(0, STAMP)

    def add(self, stamps: np.ndarray, place: Origin) -> None:
        steps = np.diff(np.concatenate([self.before, stamps]).astype(np.int64))
        if len(steps) and steps.min() <= 0:
            at = int((steps <= 0).argmax())
            row = place.row(at + 2 - len(self.before))
            if steps[at] < 0:
                raise InputError(f"{row} of {self.file} lies before the row above it in time: {SORT}")
            raise InputError(
                f"{row} of {self.file} has the time of the row above it, which a file read from disk must not have: "
                "leave one of them out, or give more --ram"
            )
        lengths, counts = np.unique(steps, return_counts=True)
        self.counts.update(dict(zip(lengths.tolist(), counts.tolist(), strict=True)))
        self.before = stamps[-1:]
        if len(self.counts) > MOST_LENGTHS:
            raise InputError(
                f"the rows of {self.file} lie {MOST_LENGTHS:,} different steps of time apart: give times on a clock, "
                "or --time none, for which rows are the steps"
            )

    def clock(self, times: OnDisk, clock: Clock | None, timezone: str | None) -> Clock:
        """As a table in memory gets it."""
        if not self.counts:
            return clock or Clock.infer(times[:], None, timezone)
        lengths = np.array(sorted(self.counts))
        counts = np.array([self.counts[length] for length in lengths.tolist()])
        zone = timezone if clock is None else clock.timezone
        head = times[:MOST_STAMPS]
        # Steps of months are long, so that there are not many.
        months = len(head) == len(times) and lengths[0] >= 25 * 86400 * 10**6
        found = Clock.infer(head, None, zone) if months else Clock.of_steps(lengths, counts, [head], zone)
        if clock is None or found.step == clock.step:
            return clock or found
        few = head[:100]
        if follows(clock, found, few, np.array([0, len(few)])):
            return clock
        raise InputError(
            f"{self.file} has a step of {found.step}, but the model was trained on steps of {clock.step}: "
            f"give rows {clock.step} apart"
        )


def _gaps_filled(values: OnDisk, times: OnDisk, clock: Clock, file: str, notes: list[str]) -> tuple[OnDisk, OnDisk]:
    """Every step of a regular clock as a row, those that were not there as NaN."""
    first = times[:1]
    size = 0
    for at in range(0, len(times), AT_ONCE):
        steps = clock.positions(np.concatenate([first, times[at : at + AT_ONCE]]))[1:] if clock.regular else None
        if steps is None:
            return values, times
        before = size - 1
        if (bad := (np.diff(steps, prepend=before) < 1) | (steps < 0)).any():
            row = at + int(bad.argmax())
            raise InputError(
                f"row {row + 1} of {file} is at {times[row].item()}, but the steps of {clock.step} from "
                f"{first[0].item()} on do not meet that time: correct it"
            )
        size = int(steps[-1]) + 1
    if size == len(times):
        return values, times
    notes.append(f"{clock.count(size - len(times)).replace(' ', ' missing ', 1)} inserted as missing values")
    filled, stamped = OnDisk(values.shape, np.float64), OnDisk((), STAMP)
    for at in range(0, len(times), AT_ONCE):
        here, rows = times[at : at + AT_ONCE], values[at : at + AT_ONCE]
        places = clock.positions(np.concatenate([first, here]))[1:]
        for begin in range(len(filled), int(places[-1]) + 1, AT_ONCE):
            end = min(begin + AT_ONCE, int(places[-1]) + 1)
            block, stamps = np.full((end - begin, *values.shape), np.nan), _stamps(clock, first, begin, end)
            met = (places >= begin) & (places < end)
            block[places[met] - begin], stamps[places[met] - begin] = rows[met], here[met]
            filled.append(block)
            stamped.append(stamps)
    return filled, stamped


def _stamps(clock: Clock, first: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Those of the steps begin to end after the first stamp (1,)."""
    if clock.microseconds:
        return first + np.arange(begin, end) * np.timedelta64(clock.microseconds, "us")
    return np.concatenate([first, clock.future(first[0], end - 1)])[begin:end]


def _last_known(values: OnDisk) -> OnDisk:
    found, before = OnDisk((), np.int64), -1
    for at in range(0, len(values), AT_ONCE):
        y = values[at : at + AT_ONCE][:, 0]
        last = np.maximum.accumulate(np.where(np.isnan(y), before, np.arange(at, at + len(y))))
        found.append(last)
        before = int(last[-1])
    return found
