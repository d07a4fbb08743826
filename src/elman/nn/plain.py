"""Plain layers as links of a chain: each takes x and the mask of its padding, and hands both on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from elman.nn.classic import GRU, LSTM, RNN
from elman.nn.dropout import VariationalDropout

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: x.softmax(-1),
}


class Embedding(nn.Module):
    """y = E_v for the symbol v; with ``mask`` the steps of symbol 0 are padding. Shapes: (T, B) to (T, B, E)."""

    def __init__(self, symbols: int, size: int, mask: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(symbols, size)))
        self.mask = mask

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return nn.functional.embedding(x, self.weight), _both(mask, x != 0) if self.mask else mask


class Masking(nn.Module):
    """Steps at which every feature is ``value`` are padding, and become 0. Shapes: (T, B, F) to the same."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        here = (x != self.value).any(-1)
        return x * here[..., None], _both(mask, here)


class Stack(nn.Module):
    """A recurrent stack: every step's output (T, B, D*H), or with ``every=False`` the one at the end, (B, D*H).

    The end is the last step read, of a reversed direction step 0. ``reverse`` reads a stack of one direction from the
    end to the start; its outputs stay at their steps. A step in the padding is passed over wherever it is, and its
    output is 0, or with ``hold`` the one before it.
    """

    def __init__(
        self, cell: str, every: bool = True, reverse: bool = False, hold: bool = False, **settings: Any
    ) -> None:
        super().__init__()
        self.stack = {"rnn": RNN, "lstm": LSTM, "gru": GRU}[cell](**settings)
        self.every, self.reverse, self.hold = every, reverse, hold
        if self.stack.bidirectional and (reverse or hold):
            raise ValueError("reverse and hold are for a stack of one direction: leave them out")

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        along = mask
        if self.reverse:
            x, along = x.flip(0), None if mask is None else mask.flip(0)
        y, end = self._masked(x, along) if along is not None else self._run(x)
        if not self.every:
            return end, None
        return y.flip(0) if self.reverse else y, mask

    def _run(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y, state = self.stack(x, lengths=lengths)
        h = state[0] if isinstance(state, tuple) else state
        return y, torch.cat(h[-2 if self.stack.bidirectional else -1 :].unbind(), -1)

    def _masked(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The steps outside the padding are brought together, read, and their outputs put where they belong."""
        lengths = mask.sum(0)
        first = (~mask).byte().argsort(dim=0, stable=True)
        y, end = self._run(x.gather(0, first[..., None].expand_as(x)), lengths.clamp(min=1))
        seen = mask.cumsum(0) - 1
        y = y.gather(0, seen.clamp(min=0)[..., None].expand_as(y))
        shown = seen >= 0 if self.hold else mask
        return y.where(shown[..., None], 0), end.where((lengths > 0)[:, None], 0)


class Step(nn.Module):
    """One step of each row, its last or with ``first`` step 0. Shapes: (T, B, F) to (B, F)."""

    def __init__(self, first: bool = False) -> None:
        super().__init__()
        self.first = first

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if self.first or mask is None:
            return x[0 if self.first else -1], None
        last = len(mask) - 1 - mask.flip(0).byte().argmax(0)
        return x[last, torch.arange(x.shape[1], device=x.device)], None


class Flip(nn.Module):
    """The last step first. Shapes: (T, B, F) to the same."""

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return x.flip(0), None if mask is None else mask.flip(0)


class Linear(nn.Linear):
    """y = f(W x + b), f of ACTIVATIONS. Shapes: (..., F) to (..., O)."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True, activation: str = "linear") -> None:
        super().__init__(inputs, outputs, bias)
        self.activation = activation

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Any:
        return ACTIVATIONS[self.activation](super().forward(x)), mask


class Activation(nn.Module):
    """y = f(x), f of ACTIVATIONS; softmax over the features."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return ACTIVATIONS[self.activation](x), mask


class Dropout(nn.Module):
    """torch's dropout, or with ``locked`` one draw for all steps; nothing in evaluation."""

    def __init__(self, p: float, locked: bool = False) -> None:
        super().__init__()
        self.drop = VariationalDropout(p) if locked else nn.Dropout(p)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.drop(x), mask


def _both(mask: Tensor | None, other: Tensor) -> Tensor:
    return other if mask is None else mask & other
