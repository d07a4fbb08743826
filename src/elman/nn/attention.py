"""Attention: which steps of a row matter, learnt; to all of the row (a pool), or to each step of another sequence."""

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


class Attention(nn.Module):
    """For each query q_t (Q,) a weighted mean of a row's memory m_1 ... m_S (M,), k_s = K m_s its keys.

        a_ts = softmax over s of  v · tanh(W q_t + k_s)   "additive", W (A, Q), K (A, M)
                              or  q_t · k_s               "multiplicative", K (Q, M)
                              or  q_t · m_s / √Q          "dot", Q = M
        context_t = Σ_s a_ts m_s

    Raises: ValueError for another kind, or for "dot" with other sizes.
    Source: Bahdanau et al., arXiv:1409.0473 ("additive"); Luong et al., arXiv:1508.04025 ("general" and "dot" there).
    """

    def __init__(
        self, queries: int, memory: int, kind: Literal["additive", "multiplicative", "dot"] = "additive", size: int = 0
    ) -> None:
        super().__init__()
        if kind not in ("additive", "multiplicative", "dot"):
            raise ValueError(f"kind is {kind!r}, but additive, multiplicative or dot is needed: choose one of these")
        if kind == "dot" and queries != memory:
            raise ValueError(
                f"queries have {queries} numbers and memory {memory}, but 'dot' needs as many: make them so"
            )
        self.kind = kind
        size = (size or queries) if kind == "additive" else queries
        self.inner = nn.Linear(queries, size) if kind == "additive" else None
        self.key = None if kind == "dot" else nn.Linear(memory, size, bias=False)
        self.v = nn.Parameter(torch.randn(size) / math.sqrt(size)) if kind == "additive" else None

    def extra_repr(self) -> str:
        return f"kind={self.kind!r}"

    def keys(self, memory: Tensor) -> Tensor:
        """k (B, S, A) of memory (B, S, M): made once for all queries."""
        return memory / math.sqrt(memory.shape[-1]) if self.key is None else self.key(memory)

    def forward(self, q: Tensor, memory: Tensor, keys: Tensor, past: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q (B, T, Q), memory (B, S, M), its keys, and past (B, S), true beyond a row's end.

        Returns contexts (B, T, M) and weights (B, T, S), exactly 0 beyond the end.
        """
        if self.inner is not None and self.v is not None:
            scores = (self.inner(q)[:, :, None] + keys[:, None]).tanh() @ self.v
        else:
            scores = q @ keys.mT
        if past is not None:
            scores = scores.masked_fill(past[:, None], -math.inf)
        weights = scores.softmax(-1)
        return weights @ memory, weights
