"""Rows of different lengths laid end to end in one tensor; any batch of them is one gather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Ragged:
    """R rows: row r is ``values[starts[r] : starts[r + 1]]``.

    ``values`` is (N,) int32 symbols, or (N, F) float32 numbers; ``starts`` is (R + 1,) int64.
    """

    values: Tensor
    starts: Tensor

    @classmethod
    def of(cls, rows: Sequence[np.ndarray | Tensor | list[int]]) -> Ragged:
        """From arrays (T,) of whole numbers or (T, F) of numbers."""
        arrays = [np.asarray(row) for row in rows]
        values = np.concatenate(arrays) if arrays else np.zeros(0, np.int32)
        whole = values.ndim == 1 and (values.dtype.kind in "iub" or not values.size)
        return cls(
            torch.from_numpy(values.astype(np.int32 if whole else np.float32)), starts_of([len(row) for row in arrays])
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Tensor:
        """(R,) int64"""
        return self.starts.diff()

    def row(self, at: int) -> Tensor:
        return self.values[self.starts[at] : self.starts[at + 1]]

    def take(self, rows: Tensor) -> Ragged:
        """The rows with these numbers, in this order."""
        return self._parts(self.starts[rows], self.lengths[rows])

    def cut(self, longest: int, end: Literal["head", "tail"] = "head") -> Ragged:
        """Of rows with more than ``longest`` steps their head, or their tail, alone."""
        lengths = self.lengths.clamp(max=longest)
        return self._parts(self.starts[:-1] if end == "head" else self.starts[1:] - lengths, lengths)

    def heads(self, lengths: Tensor) -> Ragged:
        """Of each row its first steps, so many."""
        return self._parts(self.starts[:-1], lengths)

    def padded(self, rows: Tensor, fill: float = 0) -> tuple[Tensor, Tensor]:
        """The rows side by side, time first, and their lengths (B,): symbols (T, B) int64 or numbers (T, B, F).

        T is the longest row's; the steps after a row's end hold ``fill``.
        """
        first = self.starts[rows]
        lengths = self.starts[rows + 1] - first
        steps = torch.arange(int(lengths.max()) if len(rows) else 0)[:, None]
        inside = steps < lengths
        # A step past the end reads the first value there is, and is then overwritten.
        x = self.values[torch.where(inside, first + steps, 0)]
        if x.ndim == 2:
            return x.long().masked_fill_(~inside, int(fill)), lengths
        return x.masked_fill_(~inside[..., None], fill), lengths

    def inputs(self, x: Tensor) -> dict[str, Tensor]:
        """Padded rows as a network reads them."""
        return {"x": x}

    def _parts(self, first: Tensor, lengths: Tensor) -> Ragged:
        """Row r of the result is the ``lengths[r]`` values from ``first[r]``."""
        starts = starts_of(lengths)
        # torch's repeat_interleave wakes all threads however little there is to do.
        at = np.arange(int(starts[-1])) + np.repeat((first - starts[:-1]).numpy(), lengths.numpy())
        return Ragged(self.values[torch.from_numpy(at)], starts)


def starts_of(lengths: Tensor | np.ndarray | list[int]) -> Tensor:
    """(R + 1,) where rows of these lengths begin, and where the last one ends."""
    lengths = torch.as_tensor(lengths, dtype=torch.int64)
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
