"""How a task's tables are read: decided on the first one, kept to for every later one, saved with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.data.pieces import TableFile
from elman.data.series.clock import Clock
from elman.data.series.inputs import guess_inputs
from elman.data.series.on_disk import SeriesOnDisk, read_on_disk
from elman.data.series.series import SeriesSet, read_series
from elman.errors import InputError

SPLIT = "give a file for each, or more --ram"
ROW, CELL = 1000, 60  # bytes that a fit takes for a row in memory, and for each of its columns


def need(path: Path) -> int:
    """Bytes that a fit to this table would take in memory, about; 0 for a file that cannot be read in pieces."""
    file = TableFile(path)
    try:
        return file.rows() * (ROW + CELL * len(file.names))
    except InputError:
        return 0


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
        on_disk: bool = False,
    ) -> tuple[Self, SeriesSet | SeriesOnDisk, list[str]]:
        """Read the table that is learnt from; returns the reader, the series and what else to tell, in words.

        Inputs that are not named are guessed; with every column a target there are none. What is to stay ``on_disk``
        must be the path of one series, whose rows are in order of time.
        """
        table = _one_series(Path(source), targets, group) if on_disk else source
        notes: list[str] = []
        if inputs is None:
            inputs = ()
            if targets != ("*",):
                taken = [*targets, *known, *([group] if group else [])]
                inputs, notes = guess_inputs(table, taken=taken, time=time)
        columns = tuple(dict.fromkeys([*known, *inputs]))
        series: SeriesSet | SeriesOnDisk
        if isinstance(table, TableFile):
            series = read_on_disk(Path(source), table, target=targets[0], columns=columns, time=time, timezone=timezone)
        else:
            series = read_series(
                source,
                targets=targets,
                columns=columns,
                time=time,
                group=group,
                duplicates=duplicates,
                timezone=timezone,
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

    def read_on_disk(self, path: Path) -> SeriesOnDisk:
        """A later table that has no room in memory."""
        return read_on_disk(
            path,
            _one_series(path, self.targets, self.group),
            target=self.targets[0],
            columns=self.columns,
            time=self.time,
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


def _one_series(path: Path, targets: tuple[str, ...], group: str | None) -> TableFile:
    """The table to be read piece by piece; InputError where it holds several series."""
    if len(targets) > 1 or targets == ("*",) or group is not None:
        raise InputError(f"{path.name} holds several series, of which only one can be read from disk: {SPLIT}")
    return TableFile(path)
