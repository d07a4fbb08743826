"""Rows of different lengths on disk, read batch by batch: a Ragged of symbols that has no room in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from elman.data.disk import OnDisk
from elman.data.ragged import Ragged

LOT = 1 << 18  # symbols that are looked through together


@dataclass(frozen=True)
class RowsOnDisk:
    """R rows: row r is the ``lengths[r]`` values (N,) int32 from ``first[r]`` on; both (R,) int64 are in memory."""

    values: OnDisk
    first: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, parts: Iterable[Ragged]) -> RowsOnDisk:
        """The rows of all parts, which are written as they come."""
        values, lengths = OnDisk((), np.int32), [torch.zeros(0, dtype=torch.int64)]
        for part in parts:
            values.append(part.values.numpy())
            lengths.append(part.lengths)
        every = torch.cat(lengths)
        return cls(values, every.cumsum(0) - every, every)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: Tensor) -> RowsOnDisk:
        """The rows with these numbers, in this order."""
        return replace(self, first=self.first[rows], lengths=self.lengths[rows])

    def cut(self, longest: int, end: Literal["head", "tail"] = "head") -> RowsOnDisk:
        """Of rows with more than ``longest`` steps their head, or their tail, alone."""
        lengths = self.lengths.clamp(max=longest)
        return replace(self, first=self.first + (self.lengths - lengths if end == "tail" else 0), lengths=lengths)

    def padded(self, rows: Tensor, fill: float = 0) -> tuple[Tensor, Tensor]:
        """The rows side by side, time first, and their lengths (B,): (T, B) int64, ``fill`` after a row's end."""
        lengths = self.lengths[rows]
        starts = lengths.cumsum(0) - lengths
        x = torch.full((int(lengths.max()) if len(rows) else 0, len(rows)), int(fill))
        row = torch.from_numpy(np.repeat(np.arange(len(rows)), lengths.numpy()))
        x[torch.arange(len(row)) - starts[row], row] = torch.from_numpy(self._read(rows)).long()
        return x, lengths

    def inputs(self, x: Tensor) -> dict[str, Tensor]:
        """Padded rows as a network reads them."""
        return {"x": x}

    def lots(self) -> Iterator[Tensor]:
        """The values of all rows in their order, (n,) int32 at a time."""
        size = max(1, LOT * len(self) // max(1, int(self.lengths.sum())))
        for rows in torch.arange(len(self)).split(size):
            yield torch.from_numpy(self._read(rows))

    def _read(self, rows: Tensor) -> np.ndarray:
        return self.values.rows(self.first[rows].numpy(), self.lengths[rows].numpy())
