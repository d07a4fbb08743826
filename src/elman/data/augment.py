"""Sequences of numbers made a little different each time they are learnt from: jitter, scaling, warp and slice.

Each of the four is a `Change` of x (T, B, F), scaled so that 0 is the mean, and lengths (B,); what is padded stays 0.
The arithmetic is apart, for windows of series and for sounds: `between` reads at any time, `bent` and
`warped` give times, `factors` sizes. A deviation, a bend or a share of 0 changes nothing.

Sources: Um et al., Data augmentation of wearable sensor data, 2017, arXiv:1706.00527 (jitter, scaling, time warping);
Le Guennec, Malinowski & Tavenard, Data augmentation for time series classification using convolutional neural networks,
2016 (window slicing); Iwana & Uchida, An empirical survey of data augmentation for time series classification with
neural networks, 2021, arXiv:2007.15951, whose names these are. Um et al. warp by a cubic spline through random knots;
here one smooth bend does, which keeps order and ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from elman.data.sequences import Change

Way = Literal["jitter", "scaling", "warp", "slice"]
WAYS: tuple[Way, ...] = get_args(Way)
JITTER, SCALING, WARP, SLICE = 0.03, 0.1, 0.3, 0.2  # deviations, the largest bend, the largest share that is cut off


def chain(*changes: Change) -> Change:
    """One change after the other."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        for one in changes:
            x, lengths = one(x, lengths, generator)
        return x, lengths

    return change


def chosen(ways: Sequence[Way]) -> Change:
    """The changes of these names, in the order of WAYS whatever theirs is."""
    every = {"jitter": jitter(), "scaling": scaling(), "warp": warp(), "slice": slices()}
    return chain(*(every[way] for way in reversed(WAYS) if way in ways))


def jitter(deviation: float = JITTER) -> Change:
    """x' = x + deviation ε, ε normal, another for each number."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        return (x + deviation * torch.randn(x.shape, generator=generator)) * _inside(x, lengths), lengths

    return change


def scaling(deviation: float = SCALING) -> Change:
    """x' = s_b x, s_b = 1 + deviation ε_b: one size for all of a row, so that its features keep their proportions."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        return x * factors(x.shape[1], deviation, generator)[:, None], lengths

    return change


def warp(most: float = WARP) -> Change:
    """x'(s) = x(s + a_b sin(π s) / π), s in 0 .. 1 of a row's own length, a_b uniform from -most to most, below 1."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        at = warped(len(x), lengths, uniform(x.shape[1], most, generator))
        return between(x, at) * _inside(x, lengths), lengths

    return change


def slices(most: float = SLICE) -> Change:
    """x'_t = x_{t + c_b}, t = 0 ... n_b - 1: a stretch of a row, n_b = (1 - u_b) T steps of it, u_b uniform to most."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        share, place = torch.rand(2, x.shape[1], generator=generator)
        kept = (lengths * (1 - most * share)).ceil().long().clamp(min=1)
        first = (place * (lengths - kept + 1)).long().minimum(lengths - kept)
        rows = (torch.arange(int(kept.max()))[:, None] + first).clamp(max=len(x) - 1)
        found = x.gather(0, rows[..., None].expand(-1, -1, x.shape[2]))
        return found * _inside(found, kept), kept

    return change


def factors(rows: int, deviation: float, generator: Generator) -> Tensor:
    """(B,) sizes about 1, never below 0."""
    return (1 + deviation * torch.randn(rows, generator=generator)).clamp(min=0)


def bent(s: Tensor, amount: Tensor) -> Tensor:
    """s + a sin(π s) / π: times that keep 0 and 1 and, for |a| < 1, their order; past 1 s itself."""
    return s + amount * torch.sin(math.pi * s.clamp(max=1)) / math.pi


def warped(steps: int, lengths: Tensor, amount: Tensor) -> Tensor:
    """(steps, B): for each step of rows of the ``lengths`` (B,) the place in its row where `bent` reads it."""
    t, last = torch.arange(steps)[:, None], lengths - 1
    s = t / last.clamp(min=1)
    return (t + last * (bent(s, amount) - s)).clamp(min=0).minimum(last)


def between(x: Tensor, at: Tensor, dim: int = 0) -> Tensor:
    """x read at the places ``at``, whole or not, along ``dim``: linear between its neighbours.

    Along dimension 0 of x (T, B, F) ``at`` is (U, B), along another of x's shape there and before. What lies beside NaN
    is NaN, but not what is read at a whole place.
    """
    below = at.floor()
    share = at - below
    low, high = below.long(), (below.long() + 1).clamp(max=x.shape[dim] - 1)
    if dim == 0:
        share = share[..., None]
        low, high = (i[..., None].expand(-1, -1, x.shape[2]) for i in (low, high))
    exact = x.gather(dim, low)
    return torch.where(share > 0, torch.lerp(exact, x.gather(dim, high), share), exact)


def uniform(rows: int, most: float, generator: Generator) -> Tensor:
    """(B,) from -most to most."""
    return most * (2 * torch.rand(rows, generator=generator) - 1)


def _inside(x: Tensor, lengths: Tensor) -> Tensor:
    return (torch.arange(len(x))[:, None] < lengths)[..., None]
