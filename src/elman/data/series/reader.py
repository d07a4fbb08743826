"""How a task's tables are read: decided on the first one, kept to for every later one, saved with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from elman.data.series.clock import Clock
from elman.data.series.inputs import guess_inputs
from elman.data.series.series import SeriesSet, read_series


@dataclass(frozen=True)
class SeriesReader:
    """Column names and options of ``read_series``, with the clock and the layout that the first table had."""

    targets: tuple[str, ...]
    columns: tuple[str, ...]
    time: tuple[str, ...]
    group: str | None
    duplicates: str | None
    timezone: str | None
    clock: Clock
    layout: dict[str, Any]

    @classmethod
    def first(
        cls,
        source: Any,
        *,
        targets: tuple[str, ...],
        known: tuple[str, ...],
        inputs: tuple[str, ...] | None,
        time: tuple[str, ...] | None,
        group: str | None,
        duplicates: str | None,
        timezone: str | None,
    ) -> tuple[Self, SeriesSet, list[str]]:
        """Read the table that is learnt from; returns the reader, the series and what else to tell, in words.

        Inputs that are not named are guessed; with every column a target there are none.
        """
        notes: list[str] = []
        if inputs is None:
            inputs = ()
            if targets != ("*",):
                taken = [*targets, *known, *([group] if group else [])]
                inputs, notes = guess_inputs(source, taken=taken, time=time)
        columns = tuple(dict.fromkeys([*known, *inputs]))
        series = read_series(
            source, targets=targets, columns=columns, time=time, group=group, duplicates=duplicates, timezone=timezone
        )
        reader = cls(targets, columns, series.time, group, duplicates, timezone, series.clock, series.layout)
        return reader, series, notes

    def read(self, source: Any) -> SeriesSet:
        """A later table, read as the first one was."""
        return read_series(
            source,
            targets=self.targets,
            columns=self.columns,
            time=self.time,
            group=self.group,
            duplicates=self.duplicates,
            timezone=self.timezone,
            clock=self.clock,
            layout=self.layout,
        )

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "clock": self.clock.to_json()}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        lists: Sequence[str] = ("targets", "columns", "time")
        fixed = {name: tuple(state[name]) for name in lists}
        return cls(**{**state, **fixed, "clock": Clock.from_json(state["clock"])})
