"""Pictures of a few levels of grey or colour, as a pixel RNN learns them."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from elman.data.batch import Batch

MOST = 4096  # pixels of a picture: steps that errors are propagated back over


def levelled(values: Tensor, levels: int, generator: Generator | None = None) -> Tensor:
    """(..., ) bytes to whole numbers below ``levels``: of 2 drawn, 1 with the chance v / 255, of more rounded.

    Source of the drawing: Salakhutdinov & Murray, On the quantitative analysis of deep belief networks, 2008.
    """
    if levels == 2:
        return torch.bernoulli(values.float() / 255, generator=generator).long()
    return (values.float() * ((levels - 1) / 255)).round().long()


class LevelPictures:
    """Pictures for training and judging: ``batch`` gives x and y, both the levels (B, Y, X, C).

    Of two levels those that are learnt from are drawn anew each time, by torch's own generator; those that choose and
    judge once, by ``seed``.
    """

    def __init__(self, values: Tensor, levels: int, seed: int | None = None) -> None:
        self.values, self.levels = values, levels
        self.drawn = None
        if seed is not None:
            self.drawn = levelled(values, levels, torch.Generator().manual_seed(seed)).to(torch.uint8)

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, rows: Tensor) -> Batch:
        x = levelled(self.values[rows], self.levels) if self.drawn is None else self.drawn[rows].long()
        return Batch({"x": x}, x, rows)
