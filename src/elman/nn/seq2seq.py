"""A sequence to another: an encoder that remembers, a decoder that attends to what it remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from elman.nn.attention import Attention
from elman.nn.dropout import Embedding, VariationalDropout, checked_chance
from elman.nn.dropout import weight_drop as drop_weights
from elman.nn.initialise import initialise
from elman.nn.pool import pool
from elman.nn.sequence import CELLS, Cell


@dataclass(frozen=True)
class Memory:
    """What a decoder attends to: values (B, S, M), their keys, and past (B, S), true beyond a row's end."""

    values: Tensor
    keys: Tensor
    past: Tensor | None

    def take(self, rows: Tensor) -> Memory:
        past = None if self.past is None else self.past[rows]
        return Memory(self.values[rows], self.keys[rows], past)


States = tuple[tuple[Tensor, ...], ...]  # of the lower and the upper layer, (1, B, H) each, and what is fed on


class Decoder(nn.Module):
    """Two layers with an attention between them, so that a whole sequence takes one call of each.

        l_t = lower(dropout(E y_{t-1}), l_{t-1})
        c_t = attention(l_t, memory)
        u_t = upper([l_t, c_t], u_{t-1})
        r_t = dropout(tanh(W [u_t, c_t] + b))
        z_t = E r_t + b'                              the logits of y_t; E is the embedding itself

    The first states are tanh(B_i m + b_i), m (M,) the bridge's input. With ``input_feeding`` the lower layer reads
    r_{t-1} as well, 0 at first; then step waits for step, and each layer is called T times.

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
        input_feeding: bool = False,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = Embedding(vocabulary, embedding, dropout=embedding_dropout, scale=embedding**-0.5)
        self.scale = embedding**0.5
        self.dropout = VariationalDropout(dropout)
        self.input_feeding = input_feeding
        self.lower = CELLS[cell](embedding * (2 if input_feeding else 1), hidden, 1)
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
        states: States = tuple(pieces[: self.parts]), tuple(pieces[self.parts :])
        if not self.input_feeding:
            return states
        return *states, (summary.new_zeros(1, len(summary), self.embedding.embedding_dim),)

    def forward(self, y: Tensor, memory: Memory, states: States) -> tuple[Tensor, States, Tensor]:
        """y (T, B), the symbols before, to logits (T, B, V), the states after, and the attention (B, T, S)."""
        read, states, weights = self.read(y, memory, states)
        return nn.functional.linear(read, self.embedding.weight, self.bias), states, weights

    def read(self, y: Tensor, memory: Memory, states: States) -> tuple[Tensor, States, Tensor]:
        """r_t (T, B, E) instead of the logits that are made of it."""
        e = self.dropout(self.embedding(y) * self.scale)
        if self.input_feeding:
            steps = []
            for e_t in e.split(1):
                read, states, weights = self._step(torch.cat([e_t, *states[2]], -1), memory, states)
                states = *states, (read,)
                steps.append((read, weights))
            read, weights = torch.cat([r for r, _ in steps]), torch.cat([w for _, w in steps], 1)
        else:
            read, states, weights = self._step(e, memory, states)
        return self.dropout(read), states, weights

    def _step(self, e: Tensor, memory: Memory, states: States) -> tuple[Tensor, States, Tensor]:
        """r_t before its dropout, for as many steps as e has."""
        below, lower = self.lower(e, _given(states[0]))
        context, weights = self.attention(below.transpose(0, 1), memory.values, memory.keys, memory.past)
        context = context.transpose(0, 1)
        above, upper = self.upper(torch.cat([below, context], -1), _given(states[1]))
        read = self.readout(torch.cat([above, context], -1)).tanh()
        return read, (_taken(lower), _taken(upper)), weights


class Seq2Seq(nn.Module):
    """An encoder, from (S, B) or (S, B, F) and lengths to (S, B, M), both ways, and a `Decoder` that attends to it.

    ``scheduled_sampling`` is the chance that a symbol before is, in training, the network's own likeliest one instead
    of the true one. The guesses are those of a first pass with the true ones, so that no step waits for another.

    Source: Bengio et al., arXiv:1506.03099; in two passes Mihaylova and Martins, arXiv:1906.07651.
    """

    def __init__(
        self, encoder: nn.Module, decoder: Decoder, *, dropout: float = 0.0, scheduled_sampling: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.dropout = VariationalDropout(dropout)
        self.scheduled_sampling = checked_chance("scheduled_sampling", scheduled_sampling)

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Memory, States]:
        """x (S, B) or (S, B, F) and lengths (B,) to what a decoder attends to and its first states."""
        seen = self.dropout(self.encoder(x, lengths))
        past = torch.arange(len(x), device=x.device) >= lengths.to(x.device)[:, None]
        summary = pool(seen, lengths, "last", bidirectional=True)
        return self.decoder.remember(seen.transpose(0, 1), past), self.decoder.begin(summary)

    def forward(self, x: Tensor, lengths: Tensor, before: Tensor) -> Tensor:
        """x, lengths (B,) and the symbols before each of the target's, (T, B), to logits (T, B, V)."""
        memory, states = self.encode(x, lengths)
        if self.training and self.scheduled_sampling:
            before = self._sampled(before, memory, states)
        logits: Tensor = self.decoder(before, memory, states)[0]
        return logits

    @torch.no_grad()
    def _sampled(self, before: Tensor, memory: Memory, states: States) -> Tensor:
        guesses = self.decoder(before, memory, states)[0].argmax(-1)[:-1]
        own = torch.rand_like(guesses, dtype=torch.float32) < self.scheduled_sampling
        # Past a row's end there is padding, which stays: nothing there is scored.
        return torch.cat([before[:1], torch.where(own & (before[1:] > 0), guesses, before[1:])])


def _given(state: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    return state if len(state) > 1 else state[0]


def _taken(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)
