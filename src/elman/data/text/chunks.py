"""One long text as the training loop takes it: in chunks that follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from elman.data.batch import ALL, NOTHING, Batch, Piece
from elman.errors import InputError


class Chunks:
    """One text for truncated backpropagation through time: cut in ``streams`` that are read side by side.

    Chunk k holds steps ``[k * steps, (k + 1) * steps)`` of every stream, x (steps, streams), the symbols that follow
    them, y, and ``fresh``, true for the first, which no state is carried into. The last chunk may be shorter. In order
    the text is read once; for training each epoch begins at a random place and goes on from the text's end to its
    beginning, so that the cuts fall elsewhere each time.
    """

    def __init__(self, ids: Tensor, steps: int, streams: int = 1) -> None:
        if len(ids) <= streams:
            raise InputError(
                f"the text holds {len(ids):,} symbols, but {streams:,} streams need {streams + 1:,}: give a longer text"
            )
        self.ids, self.steps, self.streams = ids, steps, streams
        self.length = (len(ids) - 1) // streams  # of a stream; up to streams - 1 symbols at the end are left out

    def __len__(self) -> int:
        return -(-self.length // self.steps)

    def batch(self, rows: Tensor) -> Batch:
        """The chunks with these numbers, which follow each other, as one."""
        return self._cut(rows, 0)

    def order(self, generator: torch.Generator) -> Iterator[Piece]:
        """One epoch of training, whose pieces are some of the streams."""
        shift = int(torch.randint(len(self.ids), (), generator=generator))
        for rows in torch.arange(len(self)).split(1):
            yield partial(self._cut, rows, shift)

    def _cut(self, rows: Tensor, shift: int, part: slice = ALL) -> Batch:
        first, last = int(rows[0]) * self.steps, min((int(rows[-1]) + 1) * self.steps, self.length)
        at = torch.arange(first, last + 1)[:, None] + torch.arange(self.streams)[part] * self.length
        if not at.numel():
            return NOTHING
        x = self.ids[(at + shift) % len(self.ids)].long()
        return Batch({"x": x[:-1], "fresh": torch.tensor(first == 0)}, x[1:], rows)
