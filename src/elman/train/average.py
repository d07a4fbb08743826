"""A running average of the weights: what training circles around is better than where it happens to stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Average:
    """a_n = d a_{n-1} + (1 - d) w_n with d = min(decay, (1 + n) / (10 + n)), so that early weights are soon forgotten.

    Source: Polyak and Juditsky, 1992, with an exponential window; the ramp is that of TensorFlow's moving averages.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.weights = [p for p in module.parameters() if p.requires_grad] if decay else []
        self.decay, self.count = decay, 0
        self.average = [p.detach().clone() for p in self.weights]

    def update(self) -> None:
        if self.weights:
            self.count += 1
            share = 1 - min(self.decay, (1 + self.count) / (10 + self.count))
            torch._foreach_lerp_(self.average, [p.detach() for p in self.weights], share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the module holds the average."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for weight, average in zip(self.weights, self.average, strict=True):
            kept = weight.detach().clone()
            weight.data.copy_(average)
            average.copy_(kept)
