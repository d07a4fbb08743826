"""Texts in pairs: what is read and what is to be written, row by row, from a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from elman.data.sequence_pairs import SequencePairs
from elman.data.table import Origin, read_table, text_cells
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


def encoded(pairs: Pairs, source: Tokens, target: Tokens) -> SequencePairs:
    return SequencePairs(source.encode(pairs.sources), target.encode(pairs.targets), target.size)
