"""What a value in an ONNX graph can be while it is walked: data on its way through layers, or something aside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from elman.deploy.imports.imported import Chain
from elman.errors import InputError

DEEPEST = 1000


class Piece(NamedTuple):
    """One layer: its kind, its arguments, its weights."""

    kind: str
    settings: dict[str, Any]
    weights: dict[str, Any]


@dataclass(frozen=True)
class Flow:
    """Data after the layers ``pieces``, with a letter for each of its axes.

    T steps, B rows, F features, D directions; 0, 1, 2 the axes of the graph's input ``root`` before it is known which
    is which. ``ways`` is the size of D.
    """

    root: str
    axes: tuple[str, ...]
    pieces: tuple[Piece, ...] = ()
    ways: int = 1

    def then(self, kind: str, weights: dict[str, Any] | None = None, **settings: Any) -> Flow:
        if len(self.pieces) >= DEEPEST:
            raise InputError(f"the graph has more than {DEEPEST} layers one after the other: use a smaller model")
        return replace(self, pieces=(*self.pieces, Piece(kind, settings, weights or {})))

    @property
    def raw(self) -> bool:
        return not self.pieces

    def chain(self) -> Chain:
        chain = Chain()
        for piece in self.pieces:
            chain.add(piece.kind, piece.weights, **piece.settings)
        return chain


@dataclass(frozen=True)
class States:
    """States at the end of recurrent layers, stacked: each the flow that gives it, and its direction's number."""

    parts: tuple[tuple[Flow, int], ...]


@dataclass(frozen=True)
class Part:
    """One direction of two of a state at the end, (B, F)."""

    flow: Flow
    way: int


@dataclass(frozen=True)
class Given:
    """An input of the graph that is a state to begin from, or lengths: here zeros, or every step."""

    root: str


class Aside:
    """What is computed about shapes alone: nothing of it may reach the data."""


class Zeros:
    """Zeros of any shape: the state before the first step."""


class Cells:
    """An LSTM's c at the end, which may only be handed over."""


def flow(value: Any, name: str) -> Flow:
    if isinstance(value, Part):
        raise InputError(f"{name} reads one direction of two, but both side by side are known: export it so")
    if not isinstance(value, Flow):
        raise InputError(f"{name} reads no output of the layers before it: export a chain of layers from one input")
    return value
