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


DWELL = 0.9  # below 1, so that positions never stand still

Aligned = tuple[Tensor, Tensor, Tensor]  # contexts (B, T, M), weights (B, T, S), the state after the last query


class MixtureAttention(nn.Module):
    """Attention that only moves on: for queries q_1 ... q_T (Q,) over a row's memory m_1 ... m_S (M,), K components.

        (w, d, s)_t = V tanh(W q_t + b) + b'                  each (K,)
        n_t = n_{t-1} + softplus(d_t),  n_0 = 1/2             half a step before the first
        μ_t = n_t - 0.9 sin(2π n_t) / 2π                      which dwells on whole steps, and hurries between them
        σ_t = width sigmoid(s_t)
        a_ti = Σ_k softmax(w_t)_k (F((i + 1/2 - μ_tk) / σ_tk) - F((i - 1/2 - μ_tk) / σ_tk)),  F the logistic function
        context_t = Σ_i a_ti m_i

    The positions are sums of what the queries say, so that a whole sequence takes no loop. What lies beyond the row's
    ends is lost: the weights of a step sum to 1 at most. ``pace`` is softplus(d) at the start, when the text is passed
    evenly. Without the dwelling and with any σ the weights blur over two or three steps.

    Source: Graves, arXiv:1308.0850, section 5, in the form V2 of Battenberg et al., arXiv:1910.10288; the mixture made
    discrete as in Vasquez and Lewis, arXiv:1906.01083. The dwelling and the limit of σ are elman's.
    """

    def __init__(
        self, queries: int, memory: int, *, size: int = 128, components: int = 1, pace: float = 1.0, width: float = 0.12
    ) -> None:
        super().__init__()
        self.components, self.width = components, width
        self.inner = nn.Linear(queries, size)
        self.outer = nn.Linear(size, 3 * components)
        with torch.no_grad():
            self.outer.weight.mul_(0.1)
            start = torch.tensor([0.0, math.log(math.expm1(pace)), 0.0])
            self.outer.bias.copy_(start.repeat_interleave(components))

    def extra_repr(self) -> str:
        return f"components={self.components}, width={self.width}"

    def keys(self, memory: Tensor) -> Tensor:
        """(B, S, 0): what is attended to is found by its place alone."""
        return memory[..., :0]

    def begin(self, memory: Tensor) -> Tensor:
        """The state before the first query: n_0 (B, K), counted from 0."""
        return memory.new_full((len(memory), self.components), -0.5)

    def forward(self, q: Tensor, memory: Tensor, keys: Tensor, past: Tensor | None, state: Tensor) -> Aligned:
        """q (B, T, Q), memory (B, S, M) with its keys, past (B, S), true beyond a row's end, and the state."""
        weight, move, width = self.outer(self.inner(q).tanh()).chunk(3, -1)
        n = state[:, None] + nn.functional.softplus(move).cumsum(1)
        position = n - DWELL * (2 * math.pi * n).sin() / (2 * math.pi)
        scale = self.width * width.sigmoid() + 1e-3
        edges = torch.arange(memory.shape[1] + 1, device=q.device, dtype=q.dtype)[:, None] - 0.5
        below = ((edges - position[:, :, None]) / scale[:, :, None]).sigmoid()  # (B, T, S + 1, K)
        weights = (below.diff(dim=2) * weight.softmax(-1)[:, :, None]).sum(-1)
        if past is not None:
            weights = weights.masked_fill(past[:, None], 0)
        return weights @ memory, weights, n[:, -1]


class LocationAttention(nn.Module):
    """Attention that sees where it has been: for queries q_1 ... q_T (Q,), memory m_1 ... m_S (M,), k_i = K m_i.

        f_ti = U (C * [a_{t-1}, Σ_{u<t} a_u])_i               C a convolution over the row
        a_ti = softmax over i of  v · tanh(W q_t + k_i + f_ti)
        context_t = Σ_i a_ti m_i

    Source: Chorowski et al., arXiv:1506.07503; with the cumulative weights of Shen et al., arXiv:1712.05884.
    """

    def __init__(self, queries: int, memory: int, *, size: int = 128, channels: int = 16, width: int = 15) -> None:
        super().__init__()
        self.inner = nn.Linear(queries, size)
        self.key = nn.Linear(memory, size, bias=False)
        self.conv = nn.Conv1d(2, channels, width, padding=width // 2, bias=False)
        self.place = nn.Linear(channels, size, bias=False)
        self.v = nn.Parameter(torch.randn(size) / math.sqrt(size))

    def keys(self, memory: Tensor) -> Tensor:
        """k (B, S, A) of memory (B, S, M): made once for all queries."""
        return self.key(memory)

    def begin(self, memory: Tensor) -> Tensor:
        """The state before the first query, (B, 2, S): the last weights, on the row's first step, and their sum, 0."""
        state = memory.new_zeros(len(memory), 2, memory.shape[1])
        state[:, 0, 0] = 1
        return state

    def forward(self, q: Tensor, memory: Tensor, keys: Tensor, past: Tensor | None, state: Tensor) -> Aligned:
        """As `MixtureAttention`; one loop over the queries."""
        weights = []
        for q_t in self.inner(q).unbind(1):
            seen = self.place(self.conv(state).mT)
            scores = (q_t[:, None] + keys + seen).tanh() @ self.v
            if past is not None:
                scores = scores.masked_fill(past, -math.inf)
            now = scores.softmax(-1)
            weights.append(now)
            state = torch.stack([now, state[:, 1] + now], 1)
        found = torch.stack(weights, 1)
        return found @ memory, found, state
