"""Rows on disk, written once from the first to the last and read in pieces: for what has no room in memory.

Pieces are read, not mapped: a map of the whole counts against a limit of the address space as the rows in memory would.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import numpy as np


class OnDisk:
    """Rows (N, *shape) of one type in a file without a name (in $TMPDIR), which is gone with the last who holds it."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype | type | str) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.width = self.dtype.itemsize * int(np.prod(shape, dtype=np.int64))  # bytes of a row
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (held as long as the rows are)
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: np.ndarray) -> None:
        """Put rows (n, *shape) at the end."""
        raw = np.ascontiguousarray(rows, self.dtype).reshape(-1).view(np.uint8).data
        while raw:
            raw = raw[self._file.write(raw) :]
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
