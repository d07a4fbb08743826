"""A sequence to another: an encoder that remembers, a decoder that attends to what it remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from elman.nn.attention import Attention
from elman.nn.dropout import Embedding, VariationalDropout
from elman.nn.dropout import weight_drop as drop_weights
from elman.nn.initialise import initialise
from elman.nn.pool import pool
from elman.nn.sequence import CELLS, Cell, SequenceNetwork


@dataclass(frozen=True)
class Memory:
    """What a decoder attends to: values (B, S, M), their keys, and past (B, S), true beyond a row's end."""

    values: Tensor
    keys: Tensor
    past: Tensor | None

    def take(self, rows: Tensor) -> Memory:
        past = None if self.past is None else self.past[rows]
        return Memory(self.values[rows], self.keys[rows], past)


States = tuple[tuple[Tensor, ...], ...]  # of the lower and the upper layer, each (1, B, H)


class Decoder(nn.Module):
    """Two layers with an attention between them, so that a whole sequence takes one call of each.

        l_t = lower(dropout(E y_{t-1}), l_{t-1})
        c_t = attention(l_t, memory)
        u_t = upper([l_t, c_t], u_{t-1})
        r_t = dropout(tanh(W [u_t, c_t] + b))
        z_t = E r_t + b'                              the logits of y_t; E is the embedding itself

    The first states are tanh(B_i m + b_i), m (M,) the bridge's input.

    Source: Luong et al., arXiv:1508.04025; the attention from the lowest layer: Wu et al., arXiv:1609.08144.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        hidden: int,
        memory: int,
        cell: Cell = "lstm",
        attention: Literal["additive", "multiplicative", "dot"] = "additive",
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = Embedding(vocabulary, embedding, dropout=embedding_dropout, scale=embedding**-0.5)
        self.scale = embedding**0.5
        self.dropout = VariationalDropout(dropout)
        self.lower = CELLS[cell](embedding, hidden, 1)
        self.attention = Attention(hidden, memory, attention)
        self.upper = CELLS[cell](hidden + memory, hidden, 1)
        self.readout = nn.Linear(hidden + memory, embedding)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        parts = 2 if cell == "lstm" else 1
        self.bridge = nn.Linear(memory, 2 * parts * hidden)
        self.parts = parts
        initialise(self)
        drop_weights(self.lower, weight_drop)
        drop_weights(self.upper, weight_drop)

    def remember(self, values: Tensor, past: Tensor | None) -> Memory:
        return Memory(values, self.attention.keys(values), past)

    def begin(self, summary: Tensor) -> States:
        """The first states, of a vector (B, M) a row."""
        pieces = [piece.contiguous()[None] for piece in self.bridge(summary).tanh().chunk(2 * self.parts, -1)]
        return tuple(pieces[: self.parts]), tuple(pieces[self.parts :])

    def forward(self, y: Tensor, memory: Memory, states: States) -> tuple[Tensor, States, Tensor]:
        """y (T, B), the symbols before, to logits (T, B, V), the states after, and the attention (B, T, S)."""
        below, lower = self.lower(self.dropout(self.embedding(y) * self.scale), _given(states[0]))
        context, weights = self.attention(below.transpose(0, 1), memory.values, memory.keys, memory.past)
        context = context.transpose(0, 1)
        above, upper = self.upper(torch.cat([below, context], -1), _given(states[1]))
        read = self.dropout(self.readout(torch.cat([above, context], -1)).tanh())
        logits = nn.functional.linear(read, self.embedding.weight, self.bias)
        return logits, (_taken(lower), _taken(upper)), weights


class TranslationNetwork(nn.Module):
    """A bidirectional encoder of symbols and a `Decoder` that attends to its outputs.

    Raises: ValueError for what the layers refuse.
    """

    def __init__(
        self,
        *,
        source: int,
        target: int,
        embedding: int,
        hidden: int,
        layers: int = 1,
        cell: Cell = "lstm",
        attention: Literal["additive", "multiplicative", "dot"] = "additive",
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = SequenceNetwork(
            vocabulary=source,
            embedding=embedding,
            cell=cell,
            hidden=hidden,
            layers=layers,
            dropout=dropout,
            embedding_dropout=embedding_dropout,
            weight_drop=weight_drop,
        )
        self.decoder = Decoder(
            vocabulary=target,
            embedding=embedding,
            hidden=hidden,
            memory=self.encoder.outputs,
            cell=cell,
            attention=attention,
            dropout=dropout,
            embedding_dropout=embedding_dropout,
            weight_drop=weight_drop,
        )
        self.dropout = VariationalDropout(dropout)

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Memory, States]:
        """x (S, B) and lengths (B,) to what a decoder attends to and its first states."""
        seen = self.dropout(self.encoder(x, lengths))
        past = torch.arange(len(x), device=x.device) >= lengths.to(x.device)[:, None]
        summary = pool(seen, lengths, "last", bidirectional=True)
        return self.decoder.remember(seen.transpose(0, 1), past), self.decoder.begin(summary)

    def forward(self, x: Tensor, lengths: Tensor, before: Tensor) -> Tensor:
        """x (S, B), lengths (B,) and the symbols before each of the target's, (T, B), to logits (T, B, V)."""
        memory, states = self.encode(x, lengths)
        logits: Tensor = self.decoder(before, memory, states)[0]
        return logits


def _given(state: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    return state if len(state) > 1 else state[0]


def _taken(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)
