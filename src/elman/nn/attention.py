"""Attention as a pool: which steps of a row matter, learnt."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from elman.nn.pool import outside


def masked_softmax(scores: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Softmax over the time of scores (T, B) or (T, B, K), exactly 0 past each row's end; lengths (B,) in 1..T.

    Raises: ValueError for lengths that do not fit.
    """
    past = outside(scores, lengths)
    if past is not None:
        scores = scores.masked_fill(past if scores.dim() == 2 else past[..., None], -math.inf)
    return scores.softmax(0)


class AttentionPool(nn.Module):
    """A weighted mean of a row's steps, the weights made of the steps themselves; y_t (H,), K = heads.

        a_t = softmax over t of  v · tanh(W y_t + b)    "additive", W (H, H)
                             or  q · y_t / √(H/K)       "dot"
        pooled = Σ_t a_t y_t

    Each head has its own v or q and pools its own H/K columns of y.

    Raises: ValueError for another kind, or heads that do not divide the size.
    Source: Bahdanau et al., arXiv:1409.0473; Luong et al., arXiv:1508.04025; as a pool Yang et al. (NAACL 2016).
    """

    def __init__(self, size: int, kind: Literal["additive", "dot"] = "additive", heads: int = 1) -> None:
        super().__init__()
        if kind not in ("additive", "dot"):
            raise ValueError(f"kind is {kind!r}, but it must be 'additive' or 'dot': choose one of these")
        if heads < 1 or size % heads:
            raise ValueError(f"heads is {heads}, but it must divide size={size}: change one of the two")
        self.size, self.kind, self.heads = size, kind, heads
        self.inner = nn.Linear(size, size) if kind == "additive" else None
        # With queries of 0 every step weighs the same: the pool starts as the mean.
        self.query = nn.Parameter(torch.zeros(heads, size if kind == "additive" else size // heads))

    def extra_repr(self) -> str:
        return f"{self.size}, kind={self.kind!r}, heads={self.heads}"

    def forward(self, y: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """y (T, B, H) and lengths (B,) in 1..T, T everywhere without it, to (B, H) and weights (T, B).

        The weights of a row sum to 1 and are 0 past its end; with several heads they are the mean of the heads'.
        """
        parts = y.unflatten(-1, (self.heads, self.size // self.heads))
        if self.inner is not None:
            scores = self.inner(y).tanh() @ self.query.T
        else:
            scores = (parts * self.query).sum(-1) / math.sqrt(self.size // self.heads)
        weights = masked_softmax(scores, lengths)
        # 0 times what lies past the end is not 0 where that is infinite, but no layer here leaves anything there.
        pooled = torch.einsum("tbk,tbkh->bkh", weights, parts)
        return pooled.flatten(1), weights.mean(-1)
