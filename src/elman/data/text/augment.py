"""Text made a little different each time it is learnt from: words hidden, neighbours swapped."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.data.text.tokens import UNKNOWN


def drop_words(x: Tensor, lengths: Tensor, chance: float, generator: torch.Generator | None = None) -> Tensor:
    """x (T, B) with each step before its row's end made the unknown symbol by ``chance``."""
    hidden = torch.rand(x.shape, generator=generator) < chance
    return x.masked_fill(hidden & _inside(x, lengths), UNKNOWN)


def swap_words(x: Tensor, lengths: Tensor, chance: float, generator: torch.Generator | None = None) -> Tensor:
    """x (T, B) with each step swapped with the next one by ``chance``; no symbol moves further than one step, and none
    past its row's end."""
    swap = (torch.rand(x.shape, generator=generator) < chance) & _inside(x, lengths - 1)
    # A second swap right after the first would carry a symbol on.
    for t in range(1, len(swap)):
        swap[t] &= ~swap[t - 1]
    steps = torch.arange(len(x))[:, None] + swap.long()
    steps[1:] -= swap[:-1].long()
    return x.gather(0, steps)


def _inside(x: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(len(x))[:, None] < lengths
