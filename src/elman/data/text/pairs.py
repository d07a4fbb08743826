"""Texts in pairs: what is read and what is to be written, row by row, from a table to batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elman.data.batch import Batch
from elman.data.ragged import Ragged
from elman.data.sequences import NO_LABEL
from elman.data.table import Origin, read_table
from elman.data.text.reader import text_cells
from elman.data.text.tokens import Tokens
from elman.errors import InputError


@dataclass(frozen=True)
class Pairs:
    """Sources with a target each (none where only sources were read), and in words what was noticed in reading."""

    sources: list[str]
    targets: list[str]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, rows: Tensor) -> Pairs:
        numbers = rows.tolist()
        return Pairs([self.sources[i] for i in numbers], [self.targets[i] for i in numbers])


def read_pairs(source: Any, source_column: str, target_column: str) -> Pairs:
    """A table (file or frame) with two columns of text; rows with an empty side are left out, counted in the notes.

    Raises InputError for what cannot be read, columns that are not there, and where no row is left.
    """
    origin, frame = Origin.of(source), read_table(source)
    sides = [text_cells(frame, name, origin).fill_null("").to_list() for name in (source_column, target_column)]
    kept = [(a, b) for a, b in zip(*sides, strict=True) if a.strip() and b.strip()]
    if not kept:
        raise InputError(f"no row of {origin.name} has both a {source_column!r} and a {target_column!r}: give some")
    empty = len(sides[0]) - len(kept)
    notes = (f"{empty:,} of {len(sides[0]):,} rows have an empty side and are left out",) if empty else ()
    return Pairs([a for a, _ in kept], [b for _, b in kept], notes)


def read_sources(source: Any, source_column: str) -> list[str]:
    """The texts of one column, empty ones included."""
    return text_cells(read_table(source), source_column, Origin.of(source)).fill_null("").to_list()


class Translations:
    """Pairs as batches: ``x`` (S, B), ``lengths`` (B,), ``before`` (T, B), each target symbol's predecessor, and y.

    ``before`` begins with ``start``, y (T, B) ends with ``end`` and is padded with NO_LABEL. Two numbers after those of
    the target's vocabulary stand for the two.
    """

    def __init__(self, x: Ragged, y: Ragged, vocabulary: int) -> None:
        self.x, self.y = x, y
        self.start, self.end = vocabulary, vocabulary + 1
        self.lengths = x.lengths + y.lengths  # rows of like work come together

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, rows: Tensor) -> Batch:
        x, lengths = self.x.padded(rows)
        target, sizes = self.y.padded(rows, NO_LABEL)
        y = torch.cat([target, target.new_full((1, len(rows)), NO_LABEL)])
        y[sizes, torch.arange(len(rows))] = self.end
        before = torch.cat([target.new_full((1, len(rows)), self.start), target]).masked_fill_(y == NO_LABEL, 0)
        before[0] = self.start
        return Batch({"x": x, "lengths": lengths, "before": before.clamp(min=0)}, y, rows)


def encoded(pairs: Pairs, source: Tokens, target: Tokens) -> Translations:
    return Translations(source.encode(pairs.sources), target.encode(pairs.targets), target.size)
