"""What an answer rests on: integrated gradients and occlusion, of any function from tensors to numbers.

A function takes one tensor with rows first, (N, ...), and gives (N,) numbers, or of occlusion (N, ...) of them; no row
may look at another. Both methods ask what is lost when ``x`` becomes a ``baseline`` that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

TOLERANCE = 0.01  # of the difference that attributions must add up to
POINTS, MOST = 16, 1024  # on a stretch of the path, and on all of it
AT_ONCE = 2**22  # numbers that go through the function together


@dataclass(frozen=True)
class Attribution:
    """``values``, of the shape of x, that add up to ``difference`` = F(x) - F(x') but for the ``error``, a share of it.

    ``points`` is how many gradients this took.
    """

    values: Tensor
    difference: float
    error: float
    points: int


def integrated_gradients(
    function: Function, x: Tensor, baseline: Tensor, *, tolerance: float = TOLERANCE, at_once: int = AT_ONCE
) -> Attribution:
    """How much each number of ``x`` (...) has of F(x) - F(x'), x' the ``baseline`` that broadcasts to it.

        IG_i = (x_i - x'_i) ∫_0^1 ∂F/∂x_i (x' + a (x - x')) da

    The integral is a Gauss-Legendre sum of 16 points. What a stretch of the path should give is known, the difference
    of F at its ends; the stretches that miss it most are halved until Σ IG_i is the difference but for a share of
    ``tolerance``, or there were 1,024 points: where F leaps, ``error`` says how far off it is. Where the difference is
    less than a thousandth of Σ |IG_i|, the error is the share of that thousandth. ``at_once`` numbers of x go through
    the function together.
    Source: Sundararajan et al., Axiomatic attribution for deep networks, arXiv:1703.01365.
    """
    x = x.detach()
    baseline = baseline.detach().expand_as(x)
    step = x - baseline
    nodes, weights = (torch.from_numpy(one).to(x) / 2 for one in np.polynomial.legendre.leggauss(POINTS))
    rows = max(1, at_once // max(1, x.numel()))

    def stretch(begin: float, end: float) -> Stretch:
        with torch.no_grad():
            ends = function(torch.stack([baseline + a * step for a in (begin, end)]))
        total = torch.zeros_like(x)
        for at, weight in zip(nodes.split(rows), weights.split(rows), strict=True):
            a = (begin + (end - begin) * (at + 0.5)).reshape(-1, *[1] * x.ndim)
            given = (baseline + a * step).requires_grad_()
            with torch.enable_grad():
                (gradient,) = torch.autograd.grad(function(given).sum(), given)
            total += (gradient * (end - begin) * weight.reshape(a.shape)).sum(0)
        return Stretch(begin, end, step * total, float(ends[1] - ends[0]))

    path, points = [stretch(0.0, 1.0)], POINTS
    difference = path[0].difference
    while True:
        values = torch.stack([one.values for one in path]).sum(0)
        floor = 1e-3 * float(values.abs().sum())
        error = abs(float(values.sum()) - difference) / max(abs(difference), floor, 1e-12)
        if error < tolerance or points >= MOST:
            return Attribution(values, difference, error, points)
        worst = max(path, key=lambda one: one.error)
        path.remove(worst)
        middle = (worst.begin + worst.end) / 2
        path += [stretch(worst.begin, middle), stretch(middle, worst.end)]
        points += 2 * POINTS


@dataclass(frozen=True, eq=False)
class Stretch:
    """What a part of the path gives, and the difference of F at its ends, which the values should add up to."""

    begin: float
    end: float
    values: Tensor
    difference: float

    @property
    def error(self) -> float:
        return abs(float(self.values.sum()) - self.difference)


def occlusion(function: Function, x: Tensor, baseline: Tensor, pieces: Tensor, *, at_once: int = AT_ONCE) -> Tensor:
    """F(x) - F(x with one piece replaced by the ``baseline``), (M, ...) for M pieces.

    ``pieces`` (M, ...) are booleans that broadcast to the shape of x: which of its numbers make up each piece.
    Source: Zeiler and Fergus, Visualizing and understanding convolutional networks, arXiv:1311.2901.
    """
    with torch.no_grad():
        whole = function(x[None])
        parts = pieces.split(max(1, at_once // max(1, x.numel())))
        return torch.cat([whole - function(torch.where(part, baseline, x)) for part in parts])
