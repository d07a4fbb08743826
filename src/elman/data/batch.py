"""What the training loop is fed: examples by number, batches by name.

An ``Examples`` is anything with a length and ``batch(rows)``; a forecaster's windows, a classifier's sentences and a
recommender's sessions each build a whole batch at once from tensors, so no Python runs per item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

LOT = 1 << 22  # examples whose order is drawn at once: of a hundred million it would take gigabytes


@dataclass(frozen=True)
class Batch:
    """Inputs by the name of the network's argument, what to compare the outputs with, and which examples these are.

    ``inputs`` holds for a forecaster ``x (B, T, F)``, ``known (B, K, F')`` and ``group (B,)``; a padded batch carries
    its ``lengths (B,)`` there too. ``y`` is None where there is nothing to compare with; NaN in it is not scored.
    """

    inputs: dict[str, Tensor]
    y: Tensor | None
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device | str) -> Batch:
        return replace(
            self,
            inputs={name: value.to(device) for name, value in self.inputs.items()},
            y=None if self.y is None else self.y.to(device),
            rows=self.rows.to(device),
        )


NO_LABEL = -100  # in y, what torch's losses leave out
ALL = slice(None)
NOTHING = Batch({}, None, torch.empty(0, dtype=torch.int64))  # the part of a process when rows are few
Piece = Callable[[slice], Batch]  # builds a batch of so many of its rows: all of them, or every second from the first


class Examples(Protocol):
    def __len__(self) -> int: ...

    def batch(self, rows: Tensor) -> Batch:
        """The examples with these numbers, as one batch."""
        ...


def batches(examples: Examples, size: int) -> int:
    """How many batches an epoch has; examples that bring their own order are batches already."""
    return len(examples) if hasattr(examples, "order") else -(-len(examples) // size)


def scored(batch: Batch) -> int:
    """How many values a batch is learnt from: those of y that are neither NaN nor padding; without y all rows."""
    if batch.y is None:
        return len(batch)
    return int((~batch.y.isnan() if batch.y.is_floating_point() else batch.y != NO_LABEL).sum())


def in_order(examples: Examples, size: int) -> Iterator[Batch]:
    """Every example once: in order, or from the shortest to the longest where their lengths differ (see ``rows``)."""
    lengths = getattr(examples, "lengths", None)
    for rows in torch.arange(len(examples)).split(size) if lengths is None else by_length(lengths, size):
        yield examples.batch(rows)


def by_length(lengths: Tensor, size: int) -> Iterator[Tensor]:
    """The numbers of all rows, from the shortest to the longest, at most ``size`` at a time.

    Of long rows fewer come together, so that a batch stays as small as one of ``size`` rows of 64 steps.
    """
    order = lengths.argsort(stable=True)
    begin = 0
    while begin < len(order):
        # The last row of a batch is its longest; the next rows are at least as long as this batch's first.
        rows = order[begin : begin + size]
        fits = int((lengths[rows] * torch.arange(1, len(rows) + 1) <= 64 * size).sum())
        rows = rows[: max(1, fits)]
        yield rows
        begin += len(rows)


def shuffled(examples: Examples, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Epoch after epoch without end, each a new permutation; an epoch's last batch may be smaller.

    Rows of like length come together (``bucketed``). Examples whose order matters, a text's chunks, bring their own.
    """
    while True:
        for piece in epoch(examples, size, generator):
            yield piece(ALL)


def epoch(examples: Examples, size: int, generator: torch.Generator) -> Iterator[Piece]:
    """The batches of one pass in a new order, none of them built yet; some that bring their own order never end."""
    own = getattr(examples, "order", None)
    if own is not None:
        yield from own(generator)
        return
    lengths = getattr(examples, "lengths", None)
    for order in orders(len(examples), generator):
        for rows in order.split(size) if lengths is None else bucketed(order, lengths, size, generator):
            yield partial(_built, examples, rows)


def _built(examples: Examples, rows: Tensor, part: slice) -> Batch:
    mine = rows[part]
    return examples.batch(mine) if len(mine) else NOTHING


class Feed:
    """What `shuffled` gives, with a place that can be noted and found again; of each batch one ``part`` of the rows.

    The place is the state of the generator at the beginning of a pass and how many batches of it were taken: nothing is
    built on the way to it.
    """

    def __init__(self, examples: Examples, size: int, seed: int, part: slice = ALL) -> None:
        self.examples, self.size, self.part = examples, size, part
        self.generator = torch.Generator().manual_seed(seed)
        self._begin()

    def _begin(self) -> None:
        self.start, self.taken = self.generator.get_state(), 0
        self._epoch = epoch(self.examples, self.size, self.generator)

    def _next(self) -> Piece:
        piece = next(self._epoch, None)
        if piece is None:
            self._begin()
            piece = next(self._epoch)
        self.taken += 1
        return piece

    def __next__(self) -> Batch:
        return self._next()(self.part)

    def seek(self, start: Tensor, taken: int) -> None:
        """Go on after the ``taken`` batches of the pass that began with ``start``.

        Raises ValueError where it has fewer.
        """
        self.generator.set_state(start)
        self._begin()
        for _ in range(taken):
            if next(self._epoch, None) is None:
                raise ValueError(f"a pass has {self.taken:,} batches, but {taken:,} were taken")
            self.taken += 1


def orders(count: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The numbers of all examples in an order that is drawn, at most four million at a time, evenly spaced ones."""
    lots = -(-count // LOT)
    if lots <= 1:
        yield torch.randperm(count, generator=generator)
        return
    for first in torch.randperm(lots, generator=generator).tolist():
        yield torch.randperm(-(-(count - first) // lots), generator=generator).mul_(lots).add_(first)


def bucketed(order: Tensor, lengths: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The rows of ``order`` in batches of like length: some hundred batches at a time are sorted, cut and shuffled.

    Rows of one length come in the order of the permutation, so that other rows meet in each epoch.
    """
    for lot in order.split(100 * size):
        batches = lot[lengths[lot].argsort(stable=True)].split(size)
        for at in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[at]


def restored(rows: list[Tensor], values: list[Tensor]) -> Tensor:
    """What was computed batch by batch for the given rows, in the order of the examples."""
    found = torch.cat(values)
    return torch.empty_like(found).index_copy_(0, torch.cat(rows).to(found.device), found)
