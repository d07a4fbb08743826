"""A language model: the next symbol from all before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from elman.nn.dropout import Embedding, VariationalDropout
from elman.nn.dropout import weight_drop as drop_weights
from elman.nn.ensemble import Ensemble
from elman.nn.initialise import initialise
from elman.nn.sequence import CELLS, Cell


class LanguageNetwork(nn.Module):
    """Logits of the next symbol at every step, in B streams that go on from one call to the next.

        e_t = input_dropout(E x_t)
        h_1 ... h_T = stack(e_1 ... e_T; the state that the last call ended with)
        z_t = W dropout(h_t) + b

    With ``tied`` W is E P, and e_t = input_dropout(√D E x_t): P (D, H) is the identity where H is D, the size
    of E's vectors.

    ``input_dropout`` and ``dropout`` are one mask for all steps of a call; between layers there is one for each step.
    ``embedding_dropout`` takes whole symbols away (`Embedding`), ``weight_drop`` recurrent weights (`weight_drop`).

    The state is carried without its gradient: backpropagation through time ends at the call's first step. Training and
    evaluation have a state of their own, which no state_dict holds.

    Raises: ValueError for what the layers refuse.
    Source: Mikolov et al. (Interspeech 2010); the dropouts and tied weights as in Merity et al., arXiv:1708.02182.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        cell: Cell = "lstm",
        hidden: int,
        layers: int = 1,
        residual: bool = False,
        layer_norm: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        weight_drop: float = 0.0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        # Before the head weights must begin small, before the gates with a deviation of 1: smaller ones learn slowly.
        self.scale = embedding**0.5 if tied else 1.0
        self.embedding = Embedding(vocabulary, embedding, dropout=embedding_dropout, scale=1 / self.scale)
        self.input_dropout, self.dropout = VariationalDropout(input_dropout), VariationalDropout(dropout)
        between = dropout if layers > 1 else 0.0
        self.stack = CELLS[cell](embedding, hidden, layers, dropout=between, residual=residual, layer_norm=layer_norm)
        self.inner = nn.Linear(hidden, embedding, bias=False) if tied and hidden != embedding else None
        self.weight = None if tied else nn.Parameter(nn.init.xavier_uniform_(torch.empty(vocabulary, hidden)))
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        initialise(self)
        # A gated cell that begins with a short memory of its own learns sooner what to remember.
        with torch.no_grad():
            for name, parameter in self.stack.named_parameters():
                if name.startswith("weight_hh"):
                    parameter.mul_(0.3)
        drop_weights(self.stack, weight_drop)
        self._states: dict[bool, Any] = {}

    def forward(self, x: Tensor, fresh: Tensor | bool = False) -> Tensor:
        """x (T, B) whole numbers to logits (T, B, V). ``fresh``, a bool or a Tensor of one: start at zero states.

        Raises: ValueError where the state is that of another number of streams.
        """
        before = None if fresh else self._states.get(self.training)
        if before is not None:
            rows = (before[0] if isinstance(before, tuple) else before).shape[1]
            if rows != x.shape[1]:
                raise ValueError(
                    f"x has {x.shape[1]} streams, but the call before had {rows}: pass as many, or fresh=True"
                )
        y, after = self.stack(self.input_dropout(self.embedding(x) * self.scale), before)
        self._states[self.training] = (
            tuple(part.detach() for part in after) if isinstance(after, tuple) else after.detach()
        )
        y = self.dropout(y)
        weight = self.embedding.weight if self.weight is None else self.weight
        return nn.functional.linear(y if self.inner is None else self.inner(y), weight, self.bias)

    def carried(self) -> list[Tensor]:
        """What training carries into its next call; nothing before the first."""
        state = self._states.get(True, ())
        return list(state) if isinstance(state, tuple) else [state]

    def carry(self, state: Sequence[Tensor]) -> None:
        """Carry this into training's next call; of nothing it begins anew."""
        self._states.pop(True, None)
        if state:
            self._states[True] = tuple(state) if len(state) > 1 else state[0]

    def stream(self, banned: Sequence[int] = ()) -> LanguageStream:
        """What runs the network one symbol at a time, as in evaluation; the ``banned`` symbols get logits of -inf."""
        return LanguageStream(self, banned)


class LanguageStream:
    """One stream through a `LanguageNetwork`, symbol by symbol; `LanguageNetwork.stream` makes it.

    The weights are those of the moment it was made.
    """

    @torch.no_grad()
    def __init__(self, network: LanguageNetwork, banned: Sequence[int]) -> None:
        stack, vectors = network.stack, network.embedding.weight.detach() * network.scale
        if len(vectors) < vectors.shape[1] and not stack.residual:
            # W_ih E has a column for each symbol: fewer numbers than W_ih.
            stack = deepcopy(stack)
            stack.weight_ih_l0 = nn.Parameter(stack.weight_ih_l0 @ vectors.T)
            vectors = torch.eye(len(vectors), dtype=vectors.dtype, device=vectors.device)
        self._stepper = stack.stepper()
        self._vectors = vectors.unsqueeze(1).unbind(0)
        weight = network.embedding.weight if network.weight is None else network.weight
        self._weight = weight.detach().clone() if network.inner is None else weight @ network.inner.weight
        self._bias = network.bias.detach().clone()
        self._bias[list(banned)] = -torch.inf
        self._logits = torch.empty_like(self._bias)

    def step(self, symbol: int) -> Tensor:
        """Read one symbol and return the logits (V,) of the next; they are the stream's own, the next call's too.

        Raises: IndexError for a symbol of V or more.
        """
        y = self._stepper.step(self._vectors[symbol])
        return torch.addmv(self._bias, self._weight, y[0], out=self._logits)

    def read(self, symbols: Iterable[int]) -> Tensor:
        """Read one symbol after the other and return the logits after the last.

        Raises: ValueError where there is none.
        """
        logits = None
        for symbol in symbols:
            logits = self.step(symbol)
        if logits is None:
            raise ValueError("symbols has 0 of them, but logits follow a symbol: give one or more")
        return logits

    def reset(self) -> None:
        """Start again with nothing read."""
        self._stepper.reset()


class LanguageEnsemble(Ensemble):
    """Several `LanguageNetwork`: forward gives (M, T, B, V); together they say the mean of their logits."""

    def stream(self, banned: Sequence[int] = ()) -> LanguageStream | JointStream:
        """What runs all of them one symbol at a time; see `LanguageNetwork.stream`."""
        streams = [member.stream(banned) for member in self.members]  # type: ignore[operator]
        return JointStream(streams) if streams[1:] else streams[0]


class JointStream:
    """The streams of an ensemble as one: `LanguageStream`, with the mean of their logits."""

    def __init__(self, streams: Sequence[LanguageStream]) -> None:
        self._streams = streams

    @torch.no_grad()
    def step(self, symbol: int) -> Tensor:
        """The mean logits (V,) of the next symbol."""
        return torch.stack([stream.step(symbol) for stream in self._streams]).mean(0)

    def read(self, symbols: Iterable[int]) -> Tensor:
        """Read one symbol after the other and return the mean logits after the last."""
        symbols = list(symbols)
        return torch.stack([stream.read(symbols) for stream in self._streams]).mean(0)

    def reset(self) -> None:
        """Start again with nothing read."""
        for stream in self._streams:
            stream.reset()
