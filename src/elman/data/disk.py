"""Rows on disk, written once from the first to the last and read in pieces: for what has no room in memory.

Pieces are read, not mapped: a map of the whole counts against a limit of the address space as the rows in memory would.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from elman.errors import ElmanError

NEAR = 1 << 12  # bytes that are read on the way to the next row sooner than by another call
LOT = 1 << 20  # bytes that are read at once on the way from row to row


class OnDisk:
    """Rows (N, *shape) of one type in a file without a name (in $TMPDIR), which is gone with the last who holds it."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype | type | str) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.width = self.dtype.itemsize * int(np.prod(shape, dtype=np.int64))  # bytes of a row
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (held as long as the rows are)
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, rows: Any) -> Any:
        """As of an array: one row, a slice without a step, or rows by their numbers (see ``take``)."""
        if isinstance(rows, slice):
            begin, end, _ = rows.indices(self._rows)
            return self.read(begin, end)
        if isinstance(rows, int | np.integer):
            return self.take(np.array([rows]))[0]
        return self.take(rows)

    def append(self, rows: np.ndarray) -> None:
        """Put rows (n, *shape) at the end. Raises ElmanError where the disk has no room for them."""
        raw = np.ascontiguousarray(rows, self.dtype).reshape(-1).view(np.uint8).data
        try:
            while raw:
                raw = raw[self._file.write(raw) :]
        except OSError as error:
            raise ElmanError(
                f"{tempfile.gettempdir()} has no room for {(self._rows + len(rows)) * self.width:,} bytes of the data "
                f"({error.strerror}): make room there, or name another folder in TMPDIR"
            ) from None
        self._rows += len(rows)

    def read(self, begin: int, end: int) -> np.ndarray:
        """Rows begin to end, those that there are, (n, *shape)."""
        begin, end = max(0, begin), min(end, self._rows)
        found = np.empty((max(0, end - begin), *self.shape), self.dtype)
        self._fill(found, begin)
        return found

    def gather(self, starts: np.ndarray, length: int) -> np.ndarray:
        """So many rows from each start on, (N, length, *shape); all must be there."""
        found = np.empty((len(starts), length, *self.shape), self.dtype)
        for at, start in enumerate(starts.tolist()):
            self._fill(found[at], start)
        return found

    def rows(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """So many rows from each start on, end to end, (N, *shape); all must be there.

        Those that lie end to end on disk as well are read at once.
        """
        ends = starts + lengths
        found = np.empty((int(lengths.sum()), *self.shape), self.dtype)
        begins = np.flatnonzero(np.append(True, starts[1:] != ends[:-1])) if len(starts) else starts
        at = 0
        for first, last in zip(begins.tolist(), [*(begins[1:] - 1).tolist(), len(starts) - 1], strict=False):
            begin, count = int(starts[first]), int(ends[last] - starts[first])
            self._fill(found[at : at + count], begin)
            at += count
        return found

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The rows with these numbers, (*rows.shape, *shape); all must be there. Those that lie near are read at once.

        Raises IndexError for numbers that are not.
        """
        rows = np.asarray(rows)
        wanted, back = np.unique(rows, return_inverse=True)
        if len(wanted) and not 0 <= wanted[0] <= wanted[-1] < self._rows:
            raise IndexError(f"rows {wanted[0]} to {wanted[-1]} are not all among the {self._rows} on disk")
        found = np.empty((len(wanted), *self.shape), self.dtype)
        far = np.diff(wanted) > max(1, NEAR // self.width)
        apart = np.flatnonzero(far | (np.diff(wanted // max(1, LOT // self.width)) > 0)) + 1
        for a, b in pairwise([0, *apart.tolist(), len(wanted)] if len(wanted) else [0]):
            found[a:b] = self.read(int(wanted[a]), int(wanted[b - 1]) + 1)[wanted[a:b] - wanted[a]]
        return found[back.ravel()].reshape(*rows.shape, *self.shape)

    def pieces(self, size: int) -> Iterator[np.ndarray]:
        """All rows in order, at most ``size`` at a time."""
        for begin in range(0, self._rows, size):
            yield self.read(begin, begin + size)

    def _fill(self, into: np.ndarray, begin: int) -> None:
        raw = into.reshape(-1).view(np.uint8).data
        at = begin * self.width
        while raw:
            got = os.preadv(self._file.fileno(), [raw], at)
            if not got:
                raise IndexError(f"row {at // self.width} is not among the {self._rows} on disk")
            raw, at = raw[got:], at + got

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()
