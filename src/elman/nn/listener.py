"""Networks that listen: frames of sound to fewer steps, and from these to symbols by CTC, by attention, or both."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from elman.nn.ctc import BLANK
from elman.nn.dropout import VariationalDropout
from elman.nn.dropout import weight_drop as drop_weights
from elman.nn.initialise import initialise
from elman.nn.pool import outside, pool
from elman.nn.seq2seq import Decoder, Memory, States
from elman.nn.sequence import CELLS, Cell

BLANK_BIAS = -1.0  # at the start, so that the way out of saying nothing but blanks is short


def joined(x: Tensor, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Every ``count`` steps of x (T, B, F) as one (⌈T / count⌉, B, count F), 0 past the rows' ends, and the lengths."""
    past = outside(x, lengths)
    if past is not None:
        x = x.masked_fill(past[..., None], 0)
    x = nn.functional.pad(x, (0, 0, 0, 0, 0, -len(x) % count))
    return x.unflatten(0, (-1, count)).transpose(1, 2).flatten(2), steps_left(lengths, count)


def steps_left(lengths: Tensor, count: int) -> Tensor:
    """⌈lengths / count⌉"""
    return (lengths + count - 1) // count


class Listener(nn.Module):
    """Recurrent layers both ways over stacked frames.

        s_1 ... s_S = [x_1 ... x_k], [x_k+1 ... x_2k], ...          k frames a step, ``stack``
        y = layer_L(... layer_2(layer_1(s)))                        each both ways, with ``causal`` one way

    With ``join`` j > 1 a layer above the first reads j steps of the one below as one.
    Attributes: ``outputs`` = D H, the size of a step of y; ``shrink``, how many frames it stands for.
    Source: Chan et al., Listen, Attend and Spell, arXiv:1508.01211 (``join`` is its pyramid).
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        layers: int = 2,
        *,
        cell: Cell = "lstm",
        stack: int = 3,
        join: int = 1,
        causal: bool = False,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.stack, self.join, self.outputs = stack, join, hidden if causal else 2 * hidden
        self.shrink = stack * join ** (layers - 1)
        self.dropout = VariationalDropout(dropout)
        self.layers = nn.ModuleList(
            CELLS[cell](self.outputs * join if at else features * stack, hidden, 1, bidirectional=not causal)
            for at in range(layers)
        )
        initialise(self)
        for layer in self.layers:
            drop_weights(layer, weight_drop)

    def lengths(self, lengths: Tensor) -> Tensor:
        """How many steps come of so many frames."""
        lengths = steps_left(lengths, self.stack)
        for _ in self.layers[1:]:
            lengths = steps_left(lengths, self.join)
        return lengths

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """x (T, B, F) and lengths (B,) in 1..T to y (S, B, 2H), 0 past the rows' ends, and its lengths."""
        y, lengths = joined(x, lengths, self.stack)
        for at, layer in enumerate(self.layers):
            if at:
                y = self.dropout(y)
                if self.join > 1:
                    y, lengths = joined(y, lengths, self.join)
            y = layer(y, lengths=lengths)[0]
        return y, lengths


class Listened(NamedTuple):
    """Log probabilities of symbols and blank, ``said`` (S, B, V), ``lengths`` (B,), a decoder's ``logits`` (T, B, V').

    What the network has no head for is None.
    """

    said: Tensor | None
    lengths: Tensor
    logits: Tensor | None


class SpeechNetwork(nn.Module):
    """A `Listener`, with a head for CTC, or a `Decoder` that attends to it, or both over the same steps.

        said_s = log softmax(W dropout(y_s) + b)          of ``symbols`` symbols, 0 the blank
        z_t = decoder(symbols before t, y_1 ... y_S)

    Source: Graves et al., 2006; Bahdanau et al., arXiv:1508.04395; both: Kim, Hori, Watanabe, arXiv:1609.06773.
    """

    def __init__(
        self, listener: Listener, *, symbols: int = 0, decoder: Decoder | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if not symbols and decoder is None:
            raise ValueError("symbols is 0 and decoder None, but one head is needed: give one of the two")
        self.listener, self.decoder = listener, decoder
        self.dropout = VariationalDropout(dropout)
        self.head = nn.Linear(listener.outputs, symbols) if symbols else None
        if self.head is not None:
            initialise(self.head)
            with torch.no_grad():
                self.head.bias[BLANK] = BLANK_BIAS

    def hear(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """x (T, B, F) and lengths (B,) to steps (S, B, M) and their lengths."""
        y, lengths = self.listener(x, lengths)
        return self.dropout(y), lengths

    def said(self, y: Tensor) -> Tensor:
        """Log probabilities (S, B, V) of the steps y."""
        assert self.head is not None
        found: Tensor = self.head(y).log_softmax(-1)
        return found

    def remembered(self, y: Tensor, lengths: Tensor) -> tuple[Memory, States]:
        """What the decoder attends to, and its first states, of the steps y."""
        assert self.decoder is not None
        past = torch.arange(len(y), device=y.device) >= lengths.to(y.device)[:, None]
        summary = pool(y, lengths, "last", bidirectional=True)
        return self.decoder.remember(y.transpose(0, 1), past), self.decoder.begin(summary)

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Memory, States]:
        return self.remembered(*self.hear(x, lengths))

    def forward(self, x: Tensor, lengths: Tensor, before: Tensor) -> Listened:
        """x, lengths (B,), and for the decoder the symbols before each of the target's, (T, B)."""
        y, lengths = self.hear(x, lengths)
        said = None if self.head is None else self.said(y)
        logits = None if self.decoder is None else self.decoder(before, *self.remembered(y, lengths))[0]
        return Listened(said, lengths, logits)
