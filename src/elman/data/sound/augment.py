"""What is done to frames of sound that are learnt from, anew each time and for each row: a `Change` of sequences.

Each function gives a change of x (T, B, F), already scaled so that 0 is the mean, and lengths (B,). Where a frame holds
several groups of bands (deltas, stacked frames), ``bands`` is the size of a group, and all groups change alike.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from elman.data.augment import between
from elman.data.sequences import Change
from elman.data.sound.features import mel_edges, to_mel


def spec_augment(
    bands: int, *, times: int = 2, time_share: float = 0.15, bars: int = 2, band_share: float = 0.2
) -> Change:
    """``times`` stretches of a row's steps and ``bars`` of its bands set to 0, the mean.

    A stretch has up to ``time_share`` of the row's steps, a bar up to ``band_share`` of the bands.
    Source: Park et al., SpecAugment, arXiv:1904.08779.
    """

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        steps, rows, features = x.shape
        in_time = _stretches(steps, lengths[:, None].expand(-1, times), time_share, generator)
        in_bands = _stretches(bands, torch.full((rows, bars), bands), band_share, generator)
        in_bands = in_bands.repeat(features // bands, 1)
        return x.masked_fill(in_time[:, :, None] | in_bands.T[None], 0.0), lengths

    return change


def noise(most: float = 0.3) -> Change:
    """x + a ε, ε normal; a row's a is uniform from 0 to ``most``."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        amount = most * torch.rand(x.shape[1], 1, generator=generator)
        return x + amount * torch.randn(x.shape, generator=generator), lengths

    return change


def speed(slowest: float = 0.9, quickest: float = 1.1) -> Change:
    """Row b read a_b times as quick: x'_t lies between the steps beside a_b t; a_b uniform between the two."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        rows = x.shape[1]
        factor = slowest + (quickest - slowest) * torch.rand(rows, generator=generator)
        new = (lengths / factor).round().long().clamp(min=1)
        at = torch.arange(int(new.max()))[:, None] * factor
        read = between(x, at.minimum(lengths - 1.0), dim=0)
        return read.masked_fill((torch.arange(len(read))[:, None] >= new)[..., None], 0.0), new

    return change


def warp(rate: int, bands: int, low: float, spread: float = 0.1) -> Change:
    """Mel band at frequency f read at a_b f, as of a speaker with a vocal tract so much longer or shorter.

    a_b is uniform from 1 - ``spread`` to 1 + ``spread``; past the ends the outermost band is read.
    Source: Jaitly & Hinton, Vocal tract length perturbation (VTLP) improves speech recognition, 2013.
    """
    centres = mel_edges(bands, low, rate / 2)[1:-1]
    first, step = to_mel(centres[0]), to_mel(centres[1]) - to_mel(centres[0])

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        steps, rows, features = x.shape
        factor = 1 - spread + 2 * spread * torch.rand(rows, 1, generator=generator)
        at = ((to_mel(centres * factor) - first) / step).clamp(0, bands - 1).float()
        groups = x.reshape(steps, rows, features // bands, bands)
        where = at[None, :, None].expand(groups.shape)
        return between(groups, where, dim=3).reshape(x.shape), lengths

    return change


def _stretches(size: int, lengths: Tensor, share: float, generator: Generator) -> Tensor:
    """(size, B) booleans: the K stretches of each row, of up to ``share`` of its length, (B, K), each."""
    wide = (torch.rand(lengths.shape, generator=generator) * ((share * lengths).floor() + 1)).long()
    begin = (torch.rand(lengths.shape, generator=generator) * (lengths - wide + 1)).long()
    at = torch.arange(size)[:, None, None]
    return ((at >= begin) & (at < begin + wide)).any(-1)
