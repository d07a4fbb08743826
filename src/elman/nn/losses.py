"""Losses that skip what was not observed, or is not to be scored."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def masked_mean(values: Tensor, observed: Tensor) -> Tensor:
    """The mean of ``values``, finite throughout, where ``observed`` (of one shape); 0 where nothing is."""
    return (values * observed).sum() / observed.sum().clamp(min=1)


def pinball(outputs: Tensor, y: Tensor, quantiles: Tensor) -> Tensor:
    """Mean over quantiles q of 2 max(q e, (q - 1) e), e = y - output; at q = 0.5 alone it is the absolute error.

    Shapes: outputs (B, K, Q), y (B, K) with NaN where unobserved, quantiles (Q,) in 0..1. Returns a scalar.
    Source: Koenker and Bassett, Regression quantiles, 1978.
    """
    observed = ~y.isnan()
    error = torch.where(observed, y, 0.0)[..., None] - outputs
    return masked_mean(2 * torch.maximum(quantiles * error, (quantiles - 1) * error).mean(-1), observed)


def squared(outputs: Tensor, y: Tensor) -> Tensor:
    """Mean squared error of outputs (B, K) where y (B, K) is observed."""
    observed = ~y.isnan()
    return masked_mean((torch.where(observed, y, 0.0) - outputs) ** 2, observed)


def cross_entropy(z: Tensor, y: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean of -(1 - s) log p_y - s/V Σ_v log p_v with p = softmax(z), over the rows whose y is not negative.

    What torch's cross_entropy gives, in half the passes over z: of a wide z these are most of its time.
    Shapes: logits z (N, V), y (N,) whole numbers. Returns a scalar, 0 where no row counts.
    Source of the smoothing: Szegedy et al., arXiv:1512.00567.
    """
    value: Tensor = _CrossEntropy.apply(z, y, smoothing)
    return value


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor, smoothing: float) -> Tensor:
        p, at = z.softmax(-1), y.clamp(min=0)[:, None]
        share = (y >= 0) / (y >= 0).sum().clamp(min=1)
        own = z.gather(1, at)[:, 0]
        # log Σ exp z = z_y - log p_y; where p_y is too small for that, from the largest logit.
        found = p.gather(1, at)[:, 0]
        total = own - found.log()
        rare = found < 1e-30
        if rare.any():
            total[rare] = z[rare].logsumexp(-1)
        loss = total - (1 - smoothing) * own
        if smoothing:
            loss = loss - smoothing * z.mean(-1)
        share = share.to(z.dtype)
        ctx.save_for_backward(p, at, share)
        ctx.smoothing = smoothing
        return torch.where(y >= 0, loss, 0.0) @ share

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        p, at, share = ctx.saved_tensors
        weight = (share * g)[:, None]
        d = p * weight
        if ctx.smoothing:
            d -= weight * (ctx.smoothing / d.shape[1])
        return d.scatter_add_(1, at, (ctx.smoothing - 1) * weight), None, None
