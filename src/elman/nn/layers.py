"""Plain layers one after the other, described by JSON: what files of other libraries hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from elman.nn.plain import ACTIVATIONS, Activation, Dropout, Embedding, Flip, Linear, Masking, Stack, Step
from elman.nn.pool import inside, outside

LARGEST = 1 << 24  # of one size
WEIGHTS = 1 << 30  # of all layers together
DEEPEST = 1000

STACK: dict[str, type] = {"input_size": int, "hidden_size": int, "num_layers": int, "bias": bool, "bidirectional": bool}
STACK |= {"every": bool, "reverse": bool, "hold": bool, "dropout": float, "recurrent_dropout": float, "clip": float}
# Every kind with its arguments; nothing else can be described, so nothing else can be built from a file.
KINDS: dict[str, tuple[type[nn.Module], dict[str, type]]] = {
    "embedding": (Embedding, {"symbols": int, "size": int, "mask": bool}),
    "masking": (Masking, {"value": float}),
    "rnn": (Stack, {**STACK, "nonlinearity": str}),
    "lstm": (Stack, {**STACK, "proj_size": int, "peephole": bool}),
    "gru": (Stack, {**STACK, "reset_after": bool}),
    "step": (Step, {"first": bool}),
    "flip": (Flip, {}),
    "linear": (Linear, {"inputs": int, "outputs": int, "bias": bool, "activation": str}),
    "activation": (Activation, {"activation": str}),
    "dropout": (Dropout, {"p": float, "locked": bool}),
}


class Layers(nn.Sequential):
    """Layers one after the other, time first: x (T, B, F), or whole numbers (T, B) where the first is an embedding.

    Each of ``described`` is a dict with its ``kind`` and that kind's arguments, see KINDS. Steps past a row's end
    (``lengths``), or that an embedding or a masking calls padding, are padding for all layers that follow.

    Attributes: ``described``; ``inputs``, F, or None for symbols; ``outputs``, the size of what is given; ``every``,
    whether that is (T, B, outputs) or (B, outputs).
    Raises: ValueError for a description that cannot be built, and for layers that do not fit together.
    """

    def __init__(self, described: Sequence[Mapping[str, Any]]) -> None:
        if not 1 <= len(described) <= DEEPEST:
            raise ValueError(f"the description has {len(described)} layers, but 1 to {DEEPEST} are built: change it")
        self.described = [_checked(one) for one in described]
        self.inputs, self.outputs, self.every = _sizes(self.described)
        with torch.device("meta"):  # sizes are counted before anything of them is made
            count = sum(p.numel() for one in self.described for p in _built(one).parameters())
        if count > WEIGHTS:
            raise ValueError(
                f"the layers have {count:,} weights, but at most {WEIGHTS:,} are built: use a smaller model"
            )
        super().__init__(*map(_built, self.described))

    @classmethod
    def of(cls, described: Sequence[Mapping[str, Any]], weights: Mapping[str, Tensor]) -> Layers:
        """The layers with these weights, by the names of `state_dict`; in evaluation.

        Raises: ValueError where names or shapes differ from what is described. No memory is taken for a size that the
        weights do not have.
        """
        with torch.device("meta"):
            layers = cls(described)
        own = {name: tuple(weight.shape) for name, weight in layers.state_dict().items()}
        if missing := sorted(own.keys() ^ weights.keys()):
            raise ValueError(f"the weights and the layers differ in {missing[0]!r}: give each layer its own weights")
        for name, weight in weights.items():
            if tuple(weight.shape) != own[name]:
                raise ValueError(f"{name} has the shape {tuple(weight.shape)}, but {own[name]} is needed")
            if weight.dtype != torch.float32:
                raise ValueError(f"{name} is {weight.dtype}, but torch.float32 is needed: convert it")
        layers.load_state_dict(weights, assign=True)
        return layers.requires_grad_().eval()

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """x (T, B, F) or symbols (T, B), and lengths (B,) in 1..T, to (T, B, outputs), or (B, outputs) without `every`.

        Raises: ValueError for another number of dimensions, other features, or lengths that do not fit.
        """
        needed = "(T, B) of whole numbers" if self.inputs is None else f"(T, B, {self.inputs})"
        whole = not (x.is_floating_point() or x.is_complex() or x.dtype == torch.bool)
        if x.dim() != (2 if self.inputs is None else 3) or (
            not whole if self.inputs is None else x.shape[2] != self.inputs
        ):
            raise ValueError(f"x is {x.dtype} of the shape {tuple(x.shape)}, but {needed} is needed: time comes first")
        outside(x, lengths)
        mask = None if lengths is None else inside(len(x), lengths.to(x.device))
        for layer in self:
            x, mask = layer(x, mask)
        return x

    def to_json(self) -> list[dict[str, Any]]:
        """What the constructor takes."""
        return [dict(one) for one in self.described]


def _checked(one: Mapping[str, Any]) -> dict[str, Any]:
    kind = one.get("kind") if isinstance(one, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"the kind of a layer is {kind!r}, but there are {', '.join(KINDS)}: choose one of these")
    takes = KINDS[kind][1]
    for name, value in one.items():
        if name == "kind":
            continue
        if name not in takes:
            raise ValueError(
                f"{name!r} is given for a layer of the kind {kind}, which has {', '.join(takes)}: leave it out"
            )
        needed = takes[name]
        if needed is int and type(value) is int and not (name != "proj_size") <= value <= LARGEST:
            raise ValueError(f"{name} of a layer of the kind {kind} is {value}, but 1 to {LARGEST:,} is possible")
        if type(value) is not needed and not (needed is float and type(value) is int):
            raise ValueError(
                f"{name} of a layer of the kind {kind} is {value!r}, but it must be of type {needed.__name__}"
            )
        if name == "num_layers" and one["num_layers"] > 64:
            raise ValueError(f"num_layers is {value}, but at most 64 are built: use a smaller model")
        if name == "activation" and value not in ACTIVATIONS:
            raise ValueError(f"activation is {value!r}, but there are {', '.join(ACTIVATIONS)}: choose one of these")
    return dict(one)


def _built(one: Mapping[str, Any]) -> nn.Module:
    """Raises ValueError for arguments that are missing or that the module itself refuses."""
    kind, settings = one["kind"], {name: value for name, value in one.items() if name != "kind"}
    home = KINDS[kind][0]
    try:
        return home(kind, **settings) if home is Stack else home(**settings)
    except TypeError as error:
        raise ValueError(f"a layer of the kind {kind} cannot be built: {error}") from None


def _sizes(described: Sequence[Mapping[str, Any]]) -> tuple[int | None, int, bool]:
    """What is read (None: symbols), the size that is given, and whether it is given at every step."""
    first: int | None = None
    size: int | None = None
    every = True
    for at, one in enumerate(described):
        kind = one["kind"]
        where = f"layer {at} ({kind})"
        if kind == "embedding":
            if at:
                raise ValueError(f"{where} reads symbols, so it must be the first: put it there")
            size = cast(int, one.get("size"))
            continue
        if not every and (KINDS[kind][0] is Stack or kind in ("step", "flip", "masking")):
            raise ValueError(f"{where} reads steps, but the layer before it gives one vector a row")
        reads = one.get("input_size" if KINDS[kind][0] is Stack else "inputs")
        if reads is not None:
            if size is not None and reads != size:
                raise ValueError(f"{where} reads {reads} features, but {size} come from the layer before it")
            if size is None:
                first = reads
            size = reads
        if KINDS[kind][0] is Stack:
            size = (one.get("proj_size") or one.get("hidden_size", 0)) * (2 if one.get("bidirectional") else 1)
            every = one.get("every", True)
        elif kind == "linear":
            size = one.get("outputs")
        elif kind == "step":
            every = False
    if size is None:
        raise ValueError("no layer says how many features there are: give a recurrent, linear or embedding layer")
    return first, size, every
