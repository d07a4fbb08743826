"""Labelled rows of different lengths, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from elman.data.batch import NO_LABEL, Batch
from elman.data.ragged import Ragged
from elman.errors import InputError

Change = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]  # (x, lengths, generator) -> (x, lengths)


class Rows(Protocol):
    """Rows of different lengths: a ``Ragged``, or anything that gives the same."""

    @property
    def lengths(self) -> Tensor: ...
    def __len__(self) -> int: ...
    def padded(self, rows: Tensor, /) -> tuple[Tensor, Tensor]: ...
    def inputs(self, x: Tensor, /) -> dict[str, Tensor]: ...


def read(x: Rows, rows: Tensor, change: Change | None) -> dict[str, Tensor]:
    """Some rows as a network reads them, with their ``lengths`` (B,); ``change`` draws from torch's own generator."""
    padded, lengths = x.padded(rows)
    if change is not None:
        padded, lengths = change(padded, lengths, torch.default_generator)
    return {**x.inputs(padded), "lengths": lengths}


class Sequences:
    """Rows with what belongs to them: ``y`` (R,) one value a row, or a Ragged of one label a step, or nothing.

    A batch holds ``x`` (T, B) int64 symbols or (T, B, F) numbers, padded with 0, ``lengths`` (B,), and y (B,), or
    (T, B) padded with -100; of rows that are no Ragged, what their ``inputs`` gives. ``change`` is for training
    alone: it draws from torch's own generator, which the training loop seeds; where labels are those of steps it must
    leave each step in its place.
    """

    def __init__(self, x: Rows, y: Tensor | Ragged | None = None, change: Change | None = None) -> None:
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
        inputs = read(self.x, rows, self.change)
        y = self.y.padded(rows, NO_LABEL)[0] if isinstance(self.y, Ragged) else None if self.y is None else self.y[rows]
        return Batch(inputs, y, rows)
