"""Each layer of Keras as a description and weights of ours.

Gates come in Keras's order, i f c o and z r h, as columns of kernel (F, G*H) and recurrent kernel (H, G*H); ours are
rows, i f g o and r z n. Source: keras/src/layers/rnn (Keras 3), checked by equal outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from elman.deploy.imports.imported import Chain
from elman.errors import InputError
from elman.nn.plain import ACTIVATIONS

KNOWN = (
    "InputLayer, Embedding, Masking, SimpleRNN, LSTM, GRU, Bidirectional, Dense, TimeDistributed(Dense), Activation, "
    "Dropout and SpatialDropout1D"
)
GATES = {"SimpleRNN": (0,), "LSTM": (0, 1, 2, 3), "GRU": (1, 0, 2)}  # the place of each of our gates in Keras's order
Take = Callable[[str, int, Sequence[int | None]], Tensor]


def chain_of(entries: list[dict[str, Any]], weights: Any, file: str) -> tuple[Chain, list[int | None]]:
    """The layers of ``entries``, and the shape (B, T, ...) that the model reads, None where any size will do."""
    chain, masked = Chain(), False
    shape: list[int | None] = []
    for entry in entries:
        kind, config = entry["class_name"], entry["config"]
        layer = _Layer(kind, config, f"the layer {config.get('name')} ({kind}) of {file}", masked)
        given = config.get("batch_shape") or config.get("batch_input_shape")
        if not shape and isinstance(given, list):
            shape = [size if isinstance(size, int) and 0 < size <= 4096 else None for size in given]
            if len(shape) == 2 and not any(one["class_name"] == "Embedding" for one in entries):
                raise InputError(f"{file} reads rows of {shape[1]} numbers, not sequences: give a model of these")
        if kind == "InputLayer":
            continue
        if kind not in BUILDERS:
            raise InputError(f"{layer.name} has no counterpart here: {KNOWN} can be imported")
        BUILDERS[kind](chain, layer, partial(weights, entry))
        masked = (
            (masked and chain.described[-1].get("every", True)) or kind == "Masking" or bool(config.get("mask_zero"))
        )
    return chain, shape


class _Layer:
    """A layer's settings, each of which is either understood or refused by name."""

    def __init__(self, kind: str, config: dict[str, Any], name: str, masked: bool) -> None:
        self.kind, self.config, self.name, self.masked = kind, config, name, masked

    def flag(self, name: str, usual: bool = False) -> bool:
        return self.value(name, usual, bool)

    def value(self, name: str, usual: Any, kind: type) -> Any:
        value = self.config.get(name, usual)
        if type(value) is int and kind is float:
            return float(value)
        if type(value) is not kind:
            raise InputError(f"{name} of {self.name} is {value!r}, but it must be of type {kind.__name__}")
        return value

    def size(self, name: str) -> int:
        value = self.value(name, None, int)
        if not 0 < value <= 1 << 24:
            raise InputError(f"{name} of {self.name} is {value}, but 1 to {1 << 24:,} is possible")
        return value

    def activation(self, name: str, usual: str, known: Sequence[str]) -> str:
        value = self.config.get(name, usual)
        value = "linear" if value is None else value
        if value not in known:
            raise InputError(
                f"{name} of {self.name} is {value!r}, but {', '.join(known)} can be imported: train with one"
            )
        return value

    def refuse(self, **usual: Any) -> None:
        """Refuse settings that are other than these."""
        for name, value in usual.items():
            if self.config.get(name, value) not in (value, None):
                raise InputError(f"{name} of {self.name} is {self.config[name]!r}, but only {value!r} can be imported")


def _embedding(chain: Chain, layer: _Layer, take: Take) -> None:
    symbols, size = layer.size("input_dim"), layer.size("output_dim")
    weights = {"weight": take("", 0, (symbols, size))}
    chain.add("embedding", weights, symbols=symbols, size=size, mask=layer.flag("mask_zero"))


def _masking(chain: Chain, layer: _Layer, take: Take) -> None:
    chain.add("masking", value=layer.value("mask_value", 0.0, float))


def _dense(chain: Chain, layer: _Layer, take: Take) -> None:
    _add_dense(chain, layer, take, "")


def _add_dense(chain: Chain, layer: _Layer, take: Take, place: str) -> None:
    units, bias = layer.size("units"), layer.flag("use_bias", True)
    activation = layer.activation("activation", "linear", list(ACTIVATIONS))
    kernel = take(place, 0, (None, units))
    weights = {"weight": kernel.T}
    if bias:
        weights["bias"] = take(place, 1, (units,))
    chain.add("linear", weights, inputs=len(kernel), outputs=units, bias=bias, activation=activation)


def _time_distributed(chain: Chain, layer: _Layer, take: Take) -> None:
    inner = _inner(layer, "layer", ("Dense",))
    _add_dense(chain, inner, take, "layer")


def _activation(chain: Chain, layer: _Layer, take: Take) -> None:
    chain.add("activation", activation=layer.activation("activation", "linear", list(ACTIVATIONS)))


def _dropout(chain: Chain, layer: _Layer, take: Take) -> None:
    layer.refuse(noise_shape=None)
    _add_dropout(chain, layer, "rate", locked=layer.kind != "Dropout")


def _add_dropout(chain: Chain, layer: _Layer, name: str, locked: bool) -> None:
    rate = layer.value(name, 0.0, float)
    if not 0 <= rate < 1:
        raise InputError(f"{name} of {layer.name} is {rate}, but a number from 0 to below 1 is needed")
    if rate:
        chain.add("dropout", p=rate, locked=locked)


def _recurrent(chain: Chain, layer: _Layer, take: Take) -> None:
    settings = _cell(layer)
    every = layer.flag("return_sequences")
    backwards = layer.flag("go_backwards")
    zeros = layer.flag("zero_output_for_mask")
    settings |= {"reverse": True} if backwards else {}
    settings |= {"hold": True} if layer.masked and not zeros else {}
    if layer.masked and ((backwards and every) or (zeros and not every)):
        which = "go_backwards with return_sequences" if every else "zero_output_for_mask without return_sequences"
        raise InputError(f"{layer.name} has {which} under a mask, which cannot be imported: change one of the two")
    weights = _direction(layer, take, "cell", "")
    _add_dropout(chain, layer, "dropout", locked=True)
    inputs = weights["stack.weight_ih_l0"].shape[1]
    chain.add(_ours(layer), weights, input_size=inputs, every=every, **settings)
    if backwards and every:  # Keras leaves the steps in the order in which they were read
        chain.add("flip")


def _bidirectional(chain: Chain, layer: _Layer, take: Take) -> None:
    layer.refuse(merge_mode="concat")
    forward = _inner(layer, "layer", tuple(GATES))
    backward = _inner(layer, "backward_layer", tuple(GATES)) if layer.config.get("backward_layer") else forward
    settings = _cell(forward)
    every = forward.flag("return_sequences")
    alike = forward.kind == backward.kind and settings == _cell(backward) and every == backward.flag("return_sequences")
    if not alike or forward.flag("go_backwards"):
        raise InputError(
            f"{layer.name} has two directions that differ in more than their direction: rebuild it with one layer"
        )
    weights = _direction(forward, take, "forward_layer/cell", "")
    weights |= _direction(backward, take, "backward_layer/cell", "_reverse")
    _add_dropout(chain, forward, "dropout", locked=True)
    inputs = weights["stack.weight_ih_l0"].shape[1]
    chain.add(_ours(forward), weights, input_size=inputs, every=every, bidirectional=True, **settings)


def _inner(layer: _Layer, name: str, known: tuple[str, ...]) -> _Layer:
    inner = layer.config.get(name)
    kind = inner.get("class_name") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or kind not in known or not isinstance(inner.get("config"), dict):
        raise InputError(f"{layer.name} wraps a {kind}, but {' or '.join(known)} can be imported: rebuild it with one")
    return _Layer(
        kind, inner["config"], layer.name.replace(f"({layer.kind})", f"({layer.kind} of {kind})"), layer.masked
    )


def _ours(layer: _Layer) -> str:
    return "rnn" if layer.kind == "SimpleRNN" else layer.kind.lower()


def _cell(layer: _Layer) -> dict[str, Any]:
    """What both directions of a layer have in common."""
    layer.refuse(stateful=False, return_state=False, time_major=False)
    settings: dict[str, Any] = {"hidden_size": layer.size("units"), "bias": layer.flag("use_bias", True)}
    if layer.kind == "SimpleRNN":
        settings["nonlinearity"] = layer.activation("activation", "tanh", ("tanh", "relu", "sigmoid"))
    else:
        layer.activation("activation", "tanh", ("tanh",))
        layer.activation("recurrent_activation", "sigmoid", ("sigmoid",))
    if layer.kind == "GRU":
        settings["reset_after"] = layer.flag("reset_after")
    if rate := layer.value("recurrent_dropout", 0.0, float):
        settings["recurrent_dropout"] = rate
    return settings


def _direction(layer: _Layer, take: Take, place: str, way: str) -> dict[str, Tensor]:
    """One direction's weights, by torch's names."""
    order, units = GATES[layer.kind], layer.size("units")
    rows = len(order) * units

    def turned(weight: Tensor) -> Tensor:
        return weight.reshape(len(order), units, -1)[list(order)].reshape(rows, -1)

    weights = {
        "weight_ih": turned(take(place, 0, (None, rows)).T),
        "weight_hh": turned(take(place, 1, (units, rows)).T),
    }
    if layer.flag("use_bias", True):
        after = layer.kind == "GRU" and layer.flag("reset_after")
        bias = take(place, 2, (2, rows) if after else (rows,))
        # Without a reset between them the two biases are one sum.
        both = (bias[0], bias[1]) if after else (bias, torch.zeros_like(bias))
        weights |= {name: turned(one[:, None])[:, 0] for name, one in zip(("bias_ih", "bias_hh"), both, strict=True)}
    return {f"stack.{name}_l0{way}": weight for name, weight in weights.items()}


BUILDERS: dict[str, Callable[[Chain, _Layer, Take], None]] = {
    "Embedding": _embedding,
    "Masking": _masking,
    "SimpleRNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "Bidirectional": _bidirectional,
    "Dense": _dense,
    "TimeDistributed": _time_distributed,
    "Activation": _activation,
    "Dropout": _dropout,
    "SpatialDropout1D": _dropout,
}
