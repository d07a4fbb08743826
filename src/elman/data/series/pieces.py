"""What of a window belongs together, in the words of people: a column of the file, the time of day, the last day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elman.data.series.clock import DAY, WEEK, Clock
from elman.data.series.encoder import Column, SeriesEncoder

CALENDAR = {"day": "time of day", "year": "time of year"}
TOGETHER = "all series together"
THIRDS = 3  # that the look-back is parted into where there is no season


@dataclass(frozen=True)
class Pieces:
    """The parts of a window of ``lookback`` past rows and ``horizon`` rows to come, tables of ``encoder``.

    ``seasons`` are the lengths of seasons, the shortest first; ``layout`` says which columns of the series are kinds of
    one column of the file (`SeriesSet.layout`); ``target`` is what the target is called.
    """

    encoder: SeriesEncoder
    lookback: int
    horizon: int
    seasons: Sequence[int]
    layout: dict[str, Any]
    target: str

    def said(self, column: Column) -> str:
        """The name of a table's column for people: one name for all that say the same thing."""
        if column.kind == "factor":
            return TOGETHER
        if column.kind == "calendar":
            return CALENDAR.get(column.of.partition("_")[0], "day of the week")
        if column.of == self.encoder.columns[0]:
            return self.target
        kinds = {f"{name}={kind}": name for name, found in self.layout.items() if found != "number" for kind in found}
        return kinds.get(column.of, column.of)

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """Which numbers of a window each part is: x (T, F) and known (K, F'), booleans; the target's by time."""
        found: dict[str, dict[str, Tensor]] = {}
        tables = {
            "x": (self.encoder.past_columns, range(-self.lookback, 0)),
            "known": (self.encoder.future_columns, range(self.horizon)),
        }
        shapes = {name: (len(steps), len(columns)) for name, (columns, steps) in tables.items()}
        for table, (columns, steps) in tables.items():
            for j, column in enumerate(columns):
                if column.kind == "constant":
                    continue
                own = column.kind in ("value", "observed") and column.of == self.encoder.columns[0]
                for i, step in enumerate(steps):
                    said = self.said(column)
                    name = f"{said}, {self.when(column.lag - step)}" if own else said
                    if name not in found:
                        found[name] = {key: torch.zeros(shape, dtype=torch.bool) for key, shape in shapes.items()}
                    found[name][table][i, j] = True
        return found

    def when(self, ago: int) -> str:
        """In words, when the row lies that is so many steps before the first one to come, 1 the last one seen."""
        season = self.seasons[0] if self.seasons else -(-self.lookback // THIRDS)
        unit = _unit(self.encoder.clock, season) if self.seasons else None
        far = [other for other in self.seasons[1:] if other > 3 * season and ago > other - season]
        if far:
            long = _unit(self.encoder.clock, far[-1])
            return f"a {long} before" if long else f"{far[-1]} steps before"
        place = (ago - 1) // season
        if unit:
            return (f"last {unit}", f"the {unit} before", f"earlier {unit}s")[min(place, 2)]
        return (f"last {season} steps", f"the {season} steps before", "earlier steps")[min(place, 2)]


def _unit(clock: Clock, season: int) -> str | None:
    """What a season of so many steps is called; None where it is no part of a calendar."""
    if clock.months is not None:
        return "year" if clock.months * season == 12 else None
    if clock.microseconds is None:
        return None
    if clock.weekly_slots is not None:
        return "week" if season == len(clock.weekly_slots) else "day" if season in clock.seasons() else None
    length = clock.microseconds * season
    return "day" if length == DAY else "week" if length == WEEK else "year" if 364 * DAY < length < 367 * DAY else None
