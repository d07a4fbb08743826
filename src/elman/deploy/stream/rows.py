"""Forecasters along a stream: the next values after each row, from the last rows that the model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from elman.data.frames import columns_of
from elman.data.series.extend import context, join
from elman.data.series.series import SeriesSet
from elman.data.series.split import observed_ends
from elman.deploy.stream.reader import Reader, State
from elman.errors import InputError


class Rows(Reader):
    """A forecast reads a window, scaled as a whole, and so does a stream: it keeps the window's rows, no more.

    ``values`` (N, F) and ``times`` (N,) are those rows, NaN where missing; a series that has none goes on from the
    data of the fit where that was one series. Rows whose target is missing give what is known ahead.
    """

    @staticmethod
    def refusal(model: Any) -> str | None:
        if len(model.reader_.targets) > 1 or model.reader_.targets == ("*",):
            return "this model forecasts several columns, and a stream is of one: fit with one --target"
        return None

    def fresh(self) -> State:
        found = self.model.context_
        if found.groups != ("",):
            found = replace(found, values=found.values[:0], times=found.times[:0])
        return self._state(found, "")

    def check(self, own: State) -> None:
        rows = len(own["times"])
        if own["values"].shape != (rows, len(self.model.encoder_.columns)) or rows > self._most:
            raise ValueError("its rows have another size")

    @property
    def _most(self) -> int:
        return int(self.model.reach + 1 + 2 * self.model.config_.horizon)

    def read(self, slot: int, x: Any) -> SeriesSet:
        given = self.model.reader_.read(_table(x))
        if len(given.groups) > 1:
            raise InputError(f"the rows are of {len(given.groups)} series, but a stream is of one: open one for each")
        before = self._series(slot)
        if before is None:
            return self._kept(given)
        if before.groups != given.groups:
            raise InputError(
                f"this stream is of {before.groups[0]!r}, but a row is of {given.groups[0]!r}: open another"
            )
        if given.clock.step != "row":
            # A row may come again once what it foretold, as what is known ahead, has happened.
            before = _until(before, int(observed_ends(before)[0]), given.times[0])
        both, _ = join([before, given] if len(before.times) else [given], ["the stream", "the new row"])
        return self._kept(both)

    def last(self, slot: int) -> SeriesSet | None:
        return self._series(slot)

    def advance(self, slots: Sequence[int], inputs: Sequence[SeriesSet | None]) -> list[Any]:
        found = []
        for slot, series in zip(slots, inputs, strict=True):
            if series is None:
                found.append({"waiting": self.model.lookback_})
                continue
            self.own[slot] = self._state(series, series.groups[0])
            lacking = self.model.lookback_ - int(observed_ends(series)[0])
            found.append({"waiting": lacking} if lacking > 0 else _plain(self.model.next_values(series)))
        return found

    def _kept(self, series: SeriesSet) -> SeriesSet:
        found = context(series, observed_ends(series), self.model.reach)
        if len(found.times) > self._most:
            raise InputError(
                f"{len(found.times) - self.model.reach - 1:,} rows without a target follow, but the model forecasts "
                f"{self.model.config_.horizon}: give the target"
            )
        return found

    def _series(self, slot: int) -> SeriesSet | None:
        own, clock = self.own[slot], self.model.encoder_.clock
        times = own["times"].numpy()
        if not len(times):
            return None
        return SeriesSet(
            values=own["values"].numpy(),
            columns=self.model.encoder_.columns,
            times=times if clock.step == "row" else times.astype("datetime64[us]"),
            rows=np.zeros(len(times), np.int64),
            starts=np.array([0, len(times)]),
            groups=(bytes(own["group"].tolist()).decode(),),
            clock=clock,
        )

    def _state(self, series: SeriesSet, group: str) -> State:
        return {
            "values": torch.from_numpy(series.values.copy()),
            "times": torch.from_numpy(series.times.astype(np.int64)),
            "group": torch.tensor(list(group.encode()), dtype=torch.uint8),
        }


def _table(x: Any) -> Any:
    """A frame as it is; a row, or a list of rows, as columns."""
    if hasattr(x, "columns"):
        return x
    rows = [x] if isinstance(x, dict) else x
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and row for row in rows):
        raise InputError(f"a row is an object of columns and values, or a frame, but this was given: {str(x)[:60]}")
    if wrong := [name for row in rows for name, value in row.items() if isinstance(value, list | dict)]:
        raise InputError(
            f"{wrong[0]!r} of a row holds a list or an object, but a value is needed: give rows one by one"
        )
    return columns_of(rows)


def _until(series: SeriesSet, end: int, time: np.datetime64) -> SeriesSet:
    """Without the rows from ``time`` on that lie after the last target, which is at ``end``."""
    size = max(end, int(np.searchsorted(series.times, time)))
    return replace(
        series,
        values=series.values[:size],
        times=series.times[:size],
        rows=series.rows[:size],
        starts=np.array([0, size]),
    )


def _plain(columns: dict[str, Any]) -> dict[str, list[Any]]:
    """Lists as JSON has them."""
    return {
        name: np.datetime_as_string(values, unit="s").tolist()
        if isinstance(values, np.ndarray) and values.dtype.kind == "M"
        else list(map(_number, values))
        for name, values in columns.items()
    }


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
