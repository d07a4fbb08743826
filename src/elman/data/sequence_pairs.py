"""Rows that are read, each with the symbols that are to be written, as the training loop takes them."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.data.batch import NO_LABEL, Batch
from elman.data.ragged import Ragged
from elman.data.sequences import Change, Rows, read


class SequencePairs:
    """Pairs as batches: ``x`` (S, B) symbols or (S, B, F) numbers, ``lengths`` (B,), ``before`` (T, B) and y (T, B).

    ``before`` is each target symbol's predecessor: it begins with ``start``. y ends with ``end`` and is padded with
    NO_LABEL. The two are the numbers after those of the target's vocabulary. ``change`` acts on x in training, as in
    `Sequences`.
    """

    def __init__(self, x: Rows, y: Ragged, vocabulary: int, change: Change | None = None) -> None:
        self.x, self.y, self.change = x, y, change
        self.start, self.end = vocabulary, vocabulary + 1
        self.lengths = x.lengths + y.lengths  # rows of like work come together

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Tensor) -> SequencePairs:
        """The pairs with these numbers, in this order, as they are."""
        assert isinstance(self.x, Ragged)
        return SequencePairs(self.x.take(rows), self.y.take(rows), self.start)

    def batch(self, rows: Tensor) -> Batch:
        inputs = read(self.x, rows, self.change)
        target, sizes = self.y.padded(rows, NO_LABEL)
        y = torch.cat([target, target.new_full((1, len(rows)), NO_LABEL)])
        y[sizes, torch.arange(len(rows))] = self.end
        before = torch.cat([target.new_full((1, len(rows)), self.start), target]).clamp_(min=0)
        return Batch({**inputs, "before": before}, y, rows)
