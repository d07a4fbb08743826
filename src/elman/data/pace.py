"""The pace of movements changed while learning: some parts quicker, some slower, anew each time."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from elman.data.augment import bent, between
from elman.data.sequences import Change

BENT, STRETCHED = 0.2, 0.1  # shares of a row's length
SCALED, SHAKEN = 0.1, 0.02  # deviations


def paced(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """(T, B, F) read at the times  s + a sin(π s) / π  of s in 0 .. 1, and from a little inside or outside its ends.

    Source: time warping as in Um et al., arXiv:1706.00527, with one smooth bend.
    """
    steps, rows = x.shape[0], x.shape[1]
    bend, stretch = (torch.rand(2, rows, generator=generator) * 2 - 1).unbind(0)
    last = (lengths - 1).clamp(min=1)
    s = torch.arange(steps)[:, None] / last
    s = bent(s, BENT * bend)
    at = ((s - 0.5) * (1 + STRETCHED * stretch) + 0.5).clamp(0, 1) * (lengths - 1)
    inside = torch.arange(steps)[:, None] < lengths
    return between(x, at) * inside[..., None], lengths


def shaken() -> Change:
    """For movements: another pace, all of a row a little larger or smaller, and noise.

    Its features keep their proportions: whether a thumb is up or down is a small difference of two of them.
    """

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        found, lengths = paced(x, lengths, generator)
        inside = torch.arange(len(x))[:, None, None] < lengths[:, None]
        found = found * (1 + SCALED * torch.randn((1, x.shape[1], 1), generator=generator))
        return (found + SHAKEN * torch.randn(x.shape, generator=generator)) * inside, lengths

    return change
