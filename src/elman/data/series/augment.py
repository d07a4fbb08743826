"""Windows of series made a little different each time they are learnt from: past and future change together.

A window is taken whole, T steps of look-back and K of horizon, and then

    warp      all of it, calendar and known columns too, is read at the times s + a sin(π s) / π of s in 0 .. 1
    scaling   what is in the target's units (itself, its kin, its lags, and what is to be forecast) is s times as large
    slice     the first c steps of the look-back are as its step c: a shorter look-back, c uniform from 0 to T / 2
    jitter    the numbers of the look-back, and they alone, get noise: the truth that is forecast does not

in this order, with the draws and the sources of ``data/augment.py``. The target is scaled by its mean and deviation
(G,), so that a size is one about the series' mean, and a deviation of the noise one of the series' own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from elman.data.augment import JITTER, SCALING, WARP, Way, between, factors, uniform, warped

CUT = 0.5  # the largest share of the look-back that is sliced off


@dataclass(frozen=True)
class WindowChange:
    """What is done to whole windows: past (B, T + K, F), future (B, T + K, F') and target (B, T + K).

    ``numbers`` of the first columns of past are values and no indicators or calendar; the columns ``units`` of past and
    the first ``lags`` of future are in the target's units. ``strength`` multiplies what is drawn: 0 changes nothing.
    """

    ways: tuple[Way, ...]
    lookback: int
    numbers: int
    units: tuple[int, ...]
    lags: int
    strength: float = 1.0

    def __call__(
        self, past: Tensor, future: Tensor, target: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        rows, steps = target.shape
        if "warp" in self.ways:
            at = warped(steps, torch.full((rows,), steps), uniform(rows, WARP * self.strength, generator))
            whole = between(torch.cat([past, future, target[..., None]], -1).transpose(0, 1), at).transpose(0, 1)
            past, future, target = whole.split([past.shape[2], future.shape[2], 1], -1)
            target = target[..., 0]
        if "scaling" in self.ways:
            size = factors(rows, SCALING * self.strength, generator)[:, None]
            target = target * size
            past, future = past.clone(), future.clone()
            past[..., list(self.units)] *= size[..., None]
            future[..., : self.lags] *= size[..., None]
        if "slice" in self.ways:
            cut = (torch.rand(rows, generator=generator) * (CUT * self.strength * self.lookback + 1)).long()
            kept = torch.arange(steps).maximum(cut.clamp(max=self.lookback - 1)[:, None])
            past = past.gather(1, kept[..., None].expand(past.shape))
        if "jitter" in self.ways:
            noise = JITTER * self.strength * torch.randn((rows, self.lookback, self.numbers), generator=generator)
            past = past.clone()
            past[:, : self.lookback, : self.numbers] += noise
        return past, future, target
