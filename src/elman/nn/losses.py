"""Losses that skip what was not observed."""

from __future__ import annotations

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
