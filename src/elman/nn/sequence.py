"""Networks that read a sequence: one answer for all of it, or one for each step."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from elman.nn.attention import AttentionPool
from elman.nn.classic import GRU, LSTM, RNN
from elman.nn.conv import Conv
from elman.nn.dropout import Embedding, VariationalDropout, checked_chance
from elman.nn.dropout import weight_drop as drop_weights
from elman.nn.frame_encoder import FrameEncoder, Kind
from elman.nn.initialise import initialise
from elman.nn.pool import pool

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
Cell = Literal["rnn", "lstm", "gru"]
Pooling = Literal["attention", "dot", "last", "mean", "max", "concat"]


class SequenceNetwork(nn.Module):
    """A row's steps, each seen in its row: embedding, convolution, recurrent stack.

        e_t = dropout(E x_t)                      symbols, with ``vocabulary``; else e_t = x_t, numbers
        e_t = dropout(E w_t + Σ_g G g / √n)       words and their n n-grams each, with ``grams``, how many there are
        e_t = look(x_1 ... x_t)                   frames, with ``picture``, (Y, X, C): a `FrameEncoder`
        e_t = [e_t, P_t]                          with ``position``, the size of P_t, learnt for each of ``steps``
        c_t = relu(W * e_{t-k ... t+k} + b)       with ``conv``, the width; else c_t = e_t; up to e_t with ``causal``
        y_1 ... y_T = stack(c_1 ... c_T)          L layers, both ways with ``bidirectional``

    ``dropout`` acts on a symbol's e, one mask for all steps of a row, and between layers; ``embedding_dropout`` takes
    whole symbols away (`Embedding`), words with their n-grams; ``weight_drop`` recurrent weights (`weight_drop`).
    ``residual`` and ``layer_norm`` are the stack's. ``scale`` is the deviation of E and G at the start.

    Attributes: ``outputs`` = D*H, the size of y_t; ``embedding``, ``grams``, ``conv`` (None where absent), ``stack``.
    Raises: ValueError unless exactly one of ``features``, ``vocabulary`` and ``picture`` is given, or for what the
    layers refuse.
    Source of the n-grams: Bojanowski et al., arXiv:1607.04606.
    """

    def __init__(
        self,
        *,
        features: int = 0,
        vocabulary: int = 0,
        embedding: int = 0,
        grams: int = 0,
        picture: tuple[int, int, int] | None = None,
        frame_encoder: Kind = "conv",
        position: int = 0,
        steps: int = 0,
        conv: int = 0,
        causal: bool = False,
        cell: Cell = "lstm",
        hidden: int,
        layers: int = 1,
        bidirectional: bool = True,
        residual: bool = False,
        layer_norm: bool = False,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        weight_drop: float = 0.0,
        scale: float = 0.1,
    ) -> None:
        super().__init__()
        if bool(features) + bool(vocabulary) + bool(picture) != 1:
            raise ValueError(
                f"features is {features}, vocabulary is {vocabulary} and picture is {picture}, but one of the three is "
                "needed: give one"
            )
        if grams and not vocabulary:
            raise ValueError(f"grams is {grams}, but without a vocabulary there are no words to spell: give one")
        self.embedding: Embedding | None = None
        self.grams: nn.EmbeddingBag | None = None
        if vocabulary:
            self.embedding = Embedding(vocabulary, embedding, dropout=0 if grams else embedding_dropout, scale=scale)
        if grams:
            self.word_dropout = checked_chance("embedding_dropout", embedding_dropout)
            start = torch.randn(grams + 1, embedding) * scale
            self.grams = nn.EmbeddingBag.from_pretrained(start, False, mode="sum", include_last_offset=True)
        self.look = FrameEncoder(picture, frame_encoder) if picture else None
        width = (self.look.outputs if self.look else embedding if vocabulary else features) + position
        # Of the size of scaled numbers, so that a place is heard beside what is read there.
        self.position = nn.Parameter(torch.randn(steps, position)) if position else None
        self.dropout = VariationalDropout(dropout)
        self.conv = Conv(width, hidden, conv, causal=causal) if conv else None
        self.stack = CELLS[cell](
            hidden if conv else width,
            hidden,
            layers,
            dropout=dropout if layers > 1 else 0.0,
            bidirectional=bidirectional,
            residual=residual,
            layer_norm=layer_norm,
        )
        self.bidirectional = bidirectional
        self.outputs = hidden * (2 if bidirectional else 1)
        initialise(self)
        drop_weights(self.stack, weight_drop)

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        words: Tensor | None = None,
        grams: Tensor | None = None,
        bags: Tensor | None = None,
    ) -> Tensor:
        """x (T, B) whole numbers, or (T, B, F) numbers, and lengths (B,) in 1..T, to y (T, B, D*H), 0 past the ends.

        With n-grams x holds places in ``words`` (U,), the batch's distinct ones, each a number of the vocabulary; the
        n-grams of word u are ``grams[bags[u] : bags[u + 1]]``, counted from 1.
        """
        e = x
        if self.embedding is not None:
            e = self.dropout(
                self.embedding(x)
                if self.grams is None
                else nn.functional.embedding(x, self.spelled(words, grams, bags))
            )
        if self.look is not None:
            e = self.look(e, lengths)
        if self.position is not None:
            if len(e) > len(self.position):
                raise ValueError(f"x has {len(e)} steps, but {len(self.position)} have a place: give fewer")
            e = torch.cat([e, self.position[: len(e), None].expand(-1, e.shape[1], -1)], -1)
        if self.conv is not None:
            e = self.conv(e, lengths).relu()
        y: Tensor = self.stack(e, lengths=lengths)[0]
        return y

    def spelled(self, words: Tensor | None, grams: Tensor | None, bags: Tensor | None) -> Tensor:
        """(U, E): the vector of each word of the batch, made once however often it occurs."""
        assert self.embedding is not None and self.grams is not None
        if words is None or grams is None or bags is None:
            raise ValueError("words, grams or bags are missing, but this network spells its words: pass all three")
        count = bags.diff().clamp(min=1)[:, None]
        e: Tensor = self.embedding(words) + self.grams(grams, bags) / count.sqrt()
        if self.training and self.word_dropout:
            e = e * nn.functional.dropout(e.new_ones(len(e), 1), self.word_dropout)
        return e


class ClassifierNetwork(nn.Module):
    """One answer a row: the steps of a `SequenceNetwork`, pooled, and a linear head; for numbers as for classes.

        z = W dropout(pool(y_1 ... y_T)) + b

    ``pooling``: "attention" (additive) or "dot", over ``heads`` heads (`AttentionPool`), or a kind of `pool`.
    Raises: ValueError for another pooling.
    """

    def __init__(
        self,
        body: SequenceNetwork,
        outputs: int,
        *,
        pooling: Pooling = "attention",
        heads: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if pooling not in get_args(Pooling):
            known = ", ".join(get_args(Pooling))
            raise ValueError(f"pooling is {pooling!r}, but it must be one of {known}: choose one of these")
        self.body, self.pooling = body, pooling
        self.attention: AttentionPool | None = None
        if pooling == "attention" or pooling == "dot":
            self.attention = AttentionPool(body.outputs, "dot" if pooling == "dot" else "additive", heads)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(body.outputs * (3 if pooling == "concat" else 1), outputs)
        initialise(self.head)

    def forward(self, x: Tensor, lengths: Tensor | None = None, **spelling: Tensor) -> Tensor:
        """x, and the rest, as in `SequenceNetwork`, to (B, outputs): logits of classes, or numbers."""
        return self.explain(x, lengths, **spelling)[0]

    def explain(self, x: Tensor, lengths: Tensor | None = None, **spelling: Tensor) -> tuple[Tensor, Tensor | None]:
        """The same, and how much each step weighed: (T, B), each row summing to 1; None without attention."""
        y, weights = self.body(x, lengths, **spelling), None
        if self.attention is not None:
            pooled, weights = self.attention(y, lengths)
        else:
            pooled = pool(y, lengths, self.pooling, self.body.bidirectional)
        return self.head(self.dropout(pooled)), weights


class TaggerNetwork(nn.Module):
    """One answer a step: z_t = W dropout(y_t) + b over the steps y_t of a `SequenceNetwork`."""

    def __init__(self, body: SequenceNetwork, outputs: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(body.outputs, outputs)
        initialise(self.head)

    def forward(self, x: Tensor, lengths: Tensor | None = None, **spelling: Tensor) -> Tensor:
        """x, and the rest, as in `SequenceNetwork`, to logits (T, B, outputs); past a row's end they mean nothing."""
        z: Tensor = self.head(self.dropout(self.body(x, lengths, **spelling)))
        return z
