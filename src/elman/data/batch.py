"""What the training loop is fed: examples by number, batches by name.

An ``Examples`` is anything with a length and ``batch(rows)``; a forecaster's windows, a classifier's sentences and a
recommender's sessions each build a whole batch at once from tensors, so no Python runs per item.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor


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


class Examples(Protocol):
    def __len__(self) -> int: ...

    def batch(self, rows: Tensor) -> Batch:
        """The examples with these numbers, as one batch."""
        ...


def in_order(examples: Examples, size: int) -> Iterator[Batch]:
    """Every example once, in order."""
    for rows in torch.arange(len(examples)).split(size):
        yield examples.batch(rows)


def shuffled(examples: Examples, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Epoch after epoch without end, each a new permutation; an epoch's last batch may be smaller."""
    while True:
        for rows in torch.randperm(len(examples), generator=generator).split(size):
            yield examples.batch(rows)
