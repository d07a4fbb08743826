"""Losses that skip what was not observed, or is not to be scored."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


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


def sampled_cross_entropy(own: Tensor, others: Tensor) -> Tensor:
    """Mean of -log(e^s / (e^s + Σ_j e^{z_j})): s (M,) the true items' scores, z (M, N) the others'.

    Where the others were drawn, z_j is j's score - log(its chance to be among them): the sum over them then estimates,
    without bias, the sum over all items, though they were drawn by an uneven law.
    Source: Bengio and Senécal, Adaptive importance sampling, 2008 ("logQ correction"); the weights by the chance to be
    in the sample are Horvitz and Thompson's, 1952.
    """
    return nn.functional.softplus(_LogSumExp.apply(others) - own).mean()


def bpr_max(own: Tensor, others: Tensor, penalty: float = 1.0) -> Tensor:
    """Mean of -log Σ_j p_j σ(s - z_j) + λ Σ_j p_j z_j², p = softmax(z): s (M,), z (M, N), below -1e8 where unused.

    Source: Hidasi and Karatzoglou, arXiv:1706.03847, equations 10 and 11.
    """
    log_p, z = others.log_softmax(-1), others.masked_fill(others < -1e8, 0.0)
    closer = nn.functional.logsigmoid(own[:, None] - z)
    return ((log_p.exp() * z.square()).sum(-1) * penalty - (log_p + closer).logsumexp(-1)).mean()


def top1_max(own: Tensor, others: Tensor) -> Tensor:
    """Mean of Σ_j p_j (σ(z_j - s) + σ(z_j²)), p = softmax(z): s (M,), z (M, N), below -1e8 where unused.

    Source: Hidasi and Karatzoglou, arXiv:1706.03847, equation 8.
    """
    p, z = others.softmax(-1), others.masked_fill(others < -1e8, 0.0)
    return (p * ((z - own[:, None]).sigmoid() + z.square().sigmoid())).sum(-1).mean()


class _LogSumExp(torch.autograd.Function):
    """Over the last dimension, in fewer passes than torch's: log Σ e^z = z_max - log softmax(z)_max."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        p = z.softmax(-1)
        ctx.save_for_backward(p)
        return z.amax(-1) - p.amax(-1).log()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (p,) = ctx.saved_tensors
        return p * g[:, None]


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
