"""Texts of a table that has no room in memory: what ``reader.read_labelled`` gives, with the texts on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.labelled import NOTHING, Labelled
from elman.data.pieces import TableFile
from elman.data.table import Origin, is_whole
from elman.data.text.reader import empty_told, labels_of, text_column, texts_of
from elman.data.texts import Writer

ROOM = 16  # bytes that a fit takes for each byte of texts that it holds in memory


def need(path: Path) -> int:
    """Bytes that a fit to the texts of this table would take in memory, about."""
    return ROOM * TableFile(path).size()


def in_pieces(path: Path) -> bool:
    """Whether the file is of a kind that can be read in pieces."""
    return TableFile(path).whole is None


def read_large(path: Path, text: str | None, label: str | None, *, number: bool = False) -> Labelled:
    """As ``reader.read_labelled`` reads a table, piece by piece: the labels are in memory, 8 bytes each."""
    file, origin = TableFile(path), Origin(path.name)
    text = text or text_column(file.names, label, origin)
    texts, labels, empty = Writer(), Labels(), 0
    parted = label is not None and not number and _is_parted(file, label)
    for frame, place in file.pieces(text, *([] if label is None else [label])):
        lot = texts_of(frame, text, place, lambda: file.parquet)
        texts.append(lot)
        empty += sum(not one.strip() for one in lot)
        if label is not None:
            frame = frame.with_columns(pl.col(label).fill_nan(None).cast(pl.String)) if parted else frame
            labels.append(labels_of(frame, label, place, number=number))
    found = texts.texts()
    notes = empty_told(empty, len(found), text, origin)
    return Labelled(found, NOTHING if label is None else labels.all(), notes)


def _is_parted(file: TableFile, label: str) -> bool:
    """Whether the labels are numbers and some have a fraction: then all are written with one, else none."""
    columns = (frame[label] for frame, _ in file.pieces(label))
    return file.parquet and any(cells.dtype.is_float() and not is_whole(cells.fill_nan(None)) for cells in columns)


class Labels:
    """Labels as they come, of which equal ones are one object; numbers, as they are."""

    def __init__(self) -> None:
        self._one: dict[str, str] = {}
        self._lots: list[np.ndarray] = []

    def append(self, labels: list[Any]) -> None:
        if isinstance(labels[0], str):
            labels = [self._one.setdefault(one, one) for one in labels]
        self._lots.append(np.array(labels, object if isinstance(labels[0], str) else np.float64))

    def all(self) -> np.ndarray:
        return np.concatenate(self._lots)
