"""Sequences as the training loop takes them: labelled rows of different lengths, or one long text in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from elman.data.batch import Batch
from elman.data.ragged import Ragged
from elman.data.spelling import Spelled
from elman.errors import InputError

Change = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]  # (x, lengths, generator) -> (x, lengths)

NO_LABEL = -100  # what torch's losses leave out


class Sequences:
    """Rows with what belongs to them: ``y`` (R,) one value a row, or a Ragged of one label a step, or nothing.

    A batch holds ``x`` (T, B) int64 symbols or (T, B, F) numbers, padded with 0, ``lengths`` (B,), and y (B,), or
    (T, B) padded with -100; of spelled words what `Spelled.inputs` gives. ``change`` is for training alone: it draws
    from torch's own generator, which the training loop seeds; where labels are those of steps it must leave each step
    in its place.
    """

    def __init__(self, x: Ragged | Spelled, y: Tensor | Ragged | None = None, change: Change | None = None) -> None:
        if y is not None and len(y) != len(x):
            raise InputError(f"{len(x):,} sequences have {len(y):,} labels: give one label a sequence")
        if isinstance(y, Ragged) and not torch.equal(x.lengths, y.lengths):
            at = int((x.lengths != y.lengths).nonzero()[0])
            raise InputError(
                f"sequence {at} has {x.lengths[at]:,} steps and {y.lengths[at]:,} labels: give one label a step"
            )
        self.x, self.y, self.change = x, y, change
        self.lengths = x.lengths

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, rows: Tensor) -> Batch:
        x, lengths = self.x.padded(rows)
        if self.change is not None:
            x, lengths = self.change(x, lengths, torch.default_generator)
        y = self.y.padded(rows, NO_LABEL)[0] if isinstance(self.y, Ragged) else None if self.y is None else self.y[rows]
        inputs = self.x.inputs(x) if isinstance(self.x, Spelled) else {"x": x}
        return Batch({**inputs, "lengths": lengths}, y, rows)


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

    def order(self, generator: torch.Generator) -> Iterator[Batch]:
        """One epoch of training."""
        shift = int(torch.randint(len(self.ids), (), generator=generator))
        for rows in torch.arange(len(self)).split(1):
            yield self._cut(rows, shift)

    def _cut(self, rows: Tensor, shift: int) -> Batch:
        first, last = int(rows[0]) * self.steps, min((int(rows[-1]) + 1) * self.steps, self.length)
        at = torch.arange(first, last + 1)[:, None] + torch.arange(self.streams) * self.length
        x = self.ids[(at + shift) % len(self.ids)].long()
        return Batch({"x": x[:-1], "fresh": torch.tensor(first == 0)}, x[1:], rows)
