"""Which columns of a table a forecaster may read when the user names none; told by one piece after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from elman.data.pieces import TableFile
from elman.data.series.series import MOST_KINDS, refuse_many
from elman.data.table import Origin, categories, column, count_numbers, numbers, read_table
from elman.data.times import MOST_LOOKED_AT, guess_time_column
from elman.errors import InputError

MOST_TOLD = 1000  # kinds of text that are counted
Pieces = Iterable[tuple[pl.DataFrame, Origin]]


def guess_inputs(
    source: Any, *, taken: Sequence[str], time: str | Sequence[str] | None
) -> tuple[tuple[str, ...], list[str]]:
    """Columns that may help, and in words which were left out and why; ``source`` is a table, or a TableFile on disk.

    Left out: what is taken, the time, row numbers, columns that never change, copies of a taken column, dates, and
    text of more than 20 kinds.
    """
    if isinstance(source, TableFile):
        origin, names, head = Origin(source.path.name), source.names, source.head(MOST_LOOKED_AT)
        pieces: Pieces = source.pieces(*names)
    else:
        origin, frame = Origin.of(source), read_table(source)
        names, head, pieces = frame.columns, frame, [(frame, origin)]
    if time is None:
        time = guess_time_column(head.drop([name for name in taken if name in names]), origin)
    times = (time,) if isinstance(time, str) else tuple(time)
    looked = [Looked(name) for name in names if name not in times]
    same = set(combinations((one.name for one in looked), 2))
    for frame, place in pieces:
        values = {one.name: one.add(frame, place) for one in looked}
        same = {(a, b) for a, b in same if _same(values[a], values[b])}
    found, left = [], []
    copied = [one.name for one in looked if one.name in taken and one.holds_numbers]
    for one in looked:
        if one.name in taken:
            if one.holds_numbers:
                one.refuse_fault()
            continue
        if not one.holds_numbers:
            if one.dated:
                left.append(f"{one.name} (dates)")
                continue
            one.refuse_fault()
            if 1 < len(one.kinds) <= MOST_KINDS:
                found.append(one.name)
            else:
                count = len(one.kinds)
                shown = f"more than {MOST_TOLD:,}" if count > MOST_TOLD else f"{count:,}"
                left.append(f"{one.name} ({shown} kinds of text)")
            continue
        one.refuse_fault()
        if not one.least < one.most:
            left.append(f"{one.name} (never changes)")
        elif one.even and one.step:
            left.append(f"{one.name} (numbers the rows)")
        elif any((a, one.name) in same or (one.name, a) in same for a in copied):
            left.append(f"{one.name} (a copy)")
        else:
            found.append(one.name)
            copied.append(one.name)
    return tuple(found), [f"columns not read: {', '.join(left)}"] if left else []


def told_kinds(file: TableFile, columns: Sequence[str], origin: Origin) -> dict[str, Any]:
    """How each of these columns is read, as ``layout`` of a SeriesSet has it."""
    looked = [Looked(name) for name in columns]
    for frame, place in file.pieces(*columns) if columns else ():
        for one in looked:
            one.add(frame, place)
    layout: dict[str, Any] = {}
    for one in looked:
        layout[one.name] = "number" if one.holds_numbers else sorted(one.kinds)
        if not one.holds_numbers:
            one.refuse_fault()
            refuse_many(one.name, layout[one.name], origin)
    return layout


class Looked:
    """What one column holds, of the pieces that were added."""

    def __init__(self, name: str) -> None:
        self.name, self.kinds, self.dated = name, set[str](), False
        self.least, self.most, self.even = np.inf, -np.inf, True
        self.step: float | None = None
        self._stray = self._present = 0
        self._last = np.empty(0)
        self._faults: dict[bool, InputError] = {}

    def add(self, frame: pl.DataFrame, place: Origin) -> np.ndarray | None:
        """The numbers of the next piece, None where these are none."""
        stray, present = count_numbers(frame, self.name, place)
        self._stray, self._present = self._stray + stray, self._present + present
        cells = column(frame, self.name, place)
        self.dated = cells.dtype.is_temporal()
        if stray or cells.dtype == pl.String:
            self._add_kinds(cells, place)
        try:
            values = numbers(frame, self.name, place) if not self.dated else None
        except InputError as error:
            self._faults.setdefault(True, error)
            return None
        if values is not None and len(values):
            self._add_numbers(values)
        return values

    @property
    def holds_numbers(self) -> bool:
        return 2 * self._stray < max(1, self._present)

    def refuse_fault(self) -> None:
        """Raise what was found wrong when cells were read as what the column holds."""
        if fault := self._faults.get(self.holds_numbers):
            raise fault

    def _add_kinds(self, cells: pl.Series, place: Origin) -> None:
        if len(self.kinds) > MOST_TOLD or self.dated:
            return
        try:
            kinds = categories(pl.DataFrame([cells if cells.dtype.is_nested() else cells.unique()]), self.name, place)
        except InputError as error:
            self._faults.setdefault(False, error)
            return
        self.kinds.update(kind for kind in kinds if kind is not None)

    def _add_numbers(self, values: np.ndarray) -> None:
        present = values[~np.isnan(values)]
        if len(present):
            self.least, self.most = min(self.least, present.min()), max(self.most, present.max())
        if self.even:
            steps = np.diff(np.concatenate([self._last, values]))
            if len(steps):
                self.step = float(steps[0]) if self.step is None else self.step
                self.even = bool((steps == self.step).all())
            self._last = values[-1:]


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None or not np.array_equal(a[:64], b[:64], equal_nan=True):
        return False
    return np.array_equal(a, b, equal_nan=True)
