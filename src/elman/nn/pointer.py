"""A decoder that writes a word of its vocabulary or copies one of the source: a pointer-generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from elman.nn.seq2seq import Decoder, Memory, Seq2Seq, States

TINY = 1e-12  # the least probability whose logarithm is taken


@dataclass(frozen=True)
class Source(Memory):
    """A memory whose symbols can be copied: (B, S), those of the decoder's V symbols and V ... V + extra - 1."""

    symbols: Tensor
    extra: int

    def take(self, rows: Tensor) -> Source:
        memory = super().take(rows)
        return Source(memory.values, memory.keys, memory.past, self.symbols[rows], self.extra)


@dataclass(frozen=True)
class Said:
    """Of each of N symbols (N,): log p, its mean over the vocabulary, and the attention that was given before as well.

    ``smooth`` = 1/V Σ_v log softmax(z)_v, ``again`` = Σ_s min(a_ts, Σ_{u<t} a_us), the coverage loss.
    """

    log_p: Tensor
    smooth: Tensor
    again: Tensor


class PointerDecoder(Decoder):
    """A `Decoder` whose symbol is of the vocabulary, or one that it attends to in the source.

        g_t = σ(w · r_t + b)                            the chance that y_t is written, not copied
        p(y_t = v) = g_t softmax(z_t)_v + (1 - g_t) Σ_{s: x_s = v} a_ts

    A symbol of the source from V on is none of the vocabulary's: it can be copied alone, and is read as ``unknown``.
    Its number says which symbol of its row it is, so that rows do not share them.

    Source: See, Liu and Manning, arXiv:1704.04368. The gate there sees state, context and the symbol before; r_t is
    made of these.
    """

    def __init__(self, *, unknown: int, **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        self.unknown = unknown
        self.gate = nn.Linear(self.readout.out_features, 1)

    def known(self, symbols: Tensor) -> Tensor:
        """The symbols, those that can only be copied as ``unknown``."""
        return symbols.masked_fill(symbols >= len(self.bias), self.unknown)

    def forward(self, y: Tensor, memory: Memory, states: States) -> tuple[Tensor, States, Tensor]:
        """y (T, B) to log p (T, B, V + extra), which are logits too, the states after, and the attention (B, T, S)."""
        assert isinstance(memory, Source)
        read, states, weights = self.read(self.known(y), memory, states)
        written = nn.functional.linear(read, self.embedding.weight, self.bias).softmax(-1)
        gate = self.gate(read).sigmoid()
        p = nn.functional.pad(gate * written, (0, memory.extra))
        places = memory.symbols.expand(len(y), -1, -1)
        p = p.scatter_add(-1, places, (1 - gate) * weights.transpose(0, 1))
        return p.clamp_min(TINY).log(), states, weights

    def said(self, before: Tensor, after: Tensor, memory: Source, states: States) -> Said:
        """log p of the symbols ``after`` those ``before``, both (T, B), where ``after`` is not below 0.

        Only what the true symbols need is computed: softmax(z_t) at steps that count, and the attention that falls on
        places of y_t, no distribution of V + extra symbols.
        """
        read, _, weights = self.read(self.known(before), memory, states)
        counts = after >= 0
        read, y = read[counts], after[counts]
        weights = weights.transpose(0, 1)
        copied = (weights * (memory.symbols == after[..., None])).sum(-1)[counts]
        again = torch.minimum(weights, weights.cumsum(0) - weights).sum(-1)[counts]
        absent = y >= len(self.bias)
        E, b = self.embedding.weight, self.bias
        written, whole = _Likely.apply(nn.functional.linear(read, E, b), y.masked_fill(absent, self.unknown))
        gate = self.gate(read)[:, 0]
        log_p = torch.logaddexp(
            nn.functional.logsigmoid(gate) + written.masked_fill(absent, -torch.inf),
            nn.functional.logsigmoid(-gate) + copied.clamp_min(TINY).log(),
        )
        # The mean of E r + b over the vocabulary, without another pass over it for each symbol.
        return Said(log_p, read @ E.mean(0) + b.mean() - whole, again)


class _Likely(torch.autograd.Function):
    """log softmax(z)_y (N,) and log Σ_v exp z_v (N,) of z (N, V), in one pass over z forth and one back."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        p, at = z.softmax(-1), y[:, None]
        found, own = p.gather(1, at)[:, 0], z.gather(1, at)[:, 0]
        log_p = found.log()
        rare = found < 1e-30  # there the logarithm of a rounded p is of no use
        if rare.any():
            log_p[rare] = own[rare] - z[rare].logsumexp(-1)
        ctx.save_for_backward(p, at)
        return log_p, own - log_p

    @staticmethod
    def backward(ctx: Any, g: Tensor, whole: Tensor) -> tuple[Tensor, None]:
        p, at = ctx.saved_tensors
        d = p * (whole - g)[:, None]
        return d.scatter_add_(1, at, g[:, None]), None


class PointerNetwork(Seq2Seq):
    """A `Seq2Seq` that can copy; encoder and decoder share one embedding, so that the encoder reads vectors."""

    decoder: PointerDecoder

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Source, States]:
        """x (S, B), symbols of the vocabulary and those that can only be copied."""
        known = self.decoder.embedding(self.decoder.known(x)) * self.decoder.scale
        memory, states = super().encode(self.decoder.dropout(known), lengths)
        extra = max(0, int(x.max()) + 1 - len(self.decoder.bias))
        return Source(memory.values, memory.keys, memory.past, x.T, extra), states

    def forward(self, x: Tensor, lengths: Tensor, before: Tensor, after: Tensor) -> Said:  # type: ignore[override]
        """What is said of each symbol ``after`` (T, B) those ``before``; none where it is below 0."""
        memory, states = self.encode(x, lengths)
        if self.training and self.scheduled_sampling:
            before = self._sampled(before, memory, states)
        return self.decoder.said(before, after, memory, states)
