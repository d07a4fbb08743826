"""Sessions from a table with a row an event: a column of sessions, one of items, one of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from elman.data.ragged import Ragged, starts_of
from elman.data.table import Origin, categories, column, holds_numbers, numbers, read_table
from elman.data.times import read_times
from elman.errors import InputError


@dataclass(frozen=True)
class Sessions:
    """S sessions, the one that ended first in front, each with its items in the order of time.

    ``events`` holds codes, ``items[code]`` is an item's name; ``notes`` say what was noticed in reading.
    """

    names: list[str]
    events: Ragged
    items: list[str]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: Tensor) -> Sessions:
        return Sessions([self.names[row] for row in rows.tolist()], self.events.take(rows), self.items)

    def row(self, at: int) -> list[str]:
        """The items of a session, by name."""
        return [self.items[code] for code in self.events.row(at).tolist()]


def read_sessions(source: Any, session: str, item: str, time: str | None = None) -> Sessions:
    """A table (file or frame) with a row an event; without ``time`` events follow each other as the rows do.

    Times are numbers, of which the order alone counts, or anything that `data.times` reads. Rows that lack a session,
    an item or a time are left out, events that are out of order are sorted, and sessions of one event are kept; each
    is counted in the notes. Raises InputError for what cannot be read, and where no row is left.
    """
    origin, frame = Origin.of(source), read_table(source)
    who, what = (pl.Series(categories(frame, name, origin), dtype=pl.String) for name in (session, item))
    told: list[str] = []
    when = np.arange(frame.height, dtype=np.float64) if time is None else _moments(frame, time, origin, told)
    events = pl.DataFrame({"who": who, "what": what, "when": when}).fill_nan(None)
    whole = events.drop_nulls()
    if not whole.height:
        raise InputError(f"no row of {origin.name} has a session, an item and a time: name other columns")
    lacking = events.height - whole.height
    if lacking:
        told.append(f"{lacking:,} of {events.height:,} events lack a session, an item or a time, and are left out")
    last = whole.group_by("who", maintain_order=True).agg(
        pl.col("when").max().alias("end"), (pl.col("when").diff() < 0).any().alias("mixed"), pl.len()
    )
    mixed, single = int(last["mixed"].fill_null(False).sum()), int((last["len"] == 1).sum())
    if mixed:
        told.append(f"{mixed:,} of {last.height:,} sessions have events out of order, which are sorted by time")
    if single:
        told.append(f"{single:,} of {last.height:,} sessions have one event")
    ordered = last.sort("end", maintain_order=True).with_row_index("place")
    rows = whole.join(ordered.select("who", "place"), on="who", maintain_order="left").sort(
        "place", "when", maintain_order=True
    )
    items, codes = np.unique(rows["what"].to_numpy().astype(str), return_inverse=True)
    ragged = Ragged(torch.from_numpy(codes.astype(np.int32)), starts_of(ordered["len"].to_list()))
    return Sessions(ordered["who"].to_list(), ragged, items.tolist(), tuple(told))


def _moments(frame: pl.DataFrame, name: str, origin: Origin, told: list[str]) -> np.ndarray:
    """A number for each row's moment, NaN where it is missing; what was decided in reading them is told."""
    cells = column(frame, name, origin)
    if not cells.dtype.is_temporal() and holds_numbers(frame, name, origin):
        return numbers(frame, name, origin)
    stamps = read_times(frame, name, origin, told)
    return np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64).astype(np.float64))


def of_names(rows: Sequence[Sequence[str]]) -> Sessions:
    """Sessions given as lists of items' names."""
    flat = [name for row in rows for name in row]
    items, codes = np.unique(np.array(flat, dtype=str), return_inverse=True)
    ragged = Ragged(torch.from_numpy(codes.astype(np.int32)), starts_of([len(row) for row in rows]))
    return Sessions([str(at) for at in range(len(rows))], ragged, items.tolist())


def of_text(items: str) -> Sessions:
    """One session of items parted by commas."""
    return of_names([[name.strip() for name in items.split(",") if name.strip()]])
