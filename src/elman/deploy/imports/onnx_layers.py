"""The weights of ONNX's recurrent operators in torch's order, and what of their attributes is understood.

Gates are blocks of rows: i o f c and z r h in ONNX, i f g o and r z n here. B is Wb and Rb one after the other, P
(3H) has i, o, f. Each has a leading dimension for the direction. Source: ONNX operators RNN, GRU and LSTM, opset 22.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.deploy.gates import ONNX, PEEPHOLES, places
from elman.errors import InputError

USUAL = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
SIMPLE = {"Tanh": "tanh", "Relu": "relu", "Sigmoid": "sigmoid"}


def stack_of(kind: str, arrays: dict[str, Any], attributes: dict[str, Any], name: str) -> dict[str, Any]:
    """The arguments of a `Stack`, with its weights under "weights". ``arrays`` are W, R, B and P, absent ones None.

    Raises InputError for shapes that do not fit together, and for attributes that have no counterpart.
    """
    w, r, b, p = (arrays[part] for part in "WRBP")
    gates = len(ONNX[kind])
    if w is None or r is None or w.ndim != 3 or r.ndim != 3:
        raise InputError(
            f"{name} has no W and R of three dimensions among the file's weights: export it with its weights"
        )
    ways, _, inputs = w.shape
    hidden = r.shape[2]
    needed: dict[str, tuple[int, ...]] = {"W": (ways, gates * hidden, inputs), "R": (ways, gates * hidden, hidden)}
    needed |= {"B": (ways, 2 * gates * hidden), "P": (ways, 3 * hidden)}
    for part, shape in needed.items():
        if arrays[part] is not None and (arrays[part].shape != shape or arrays[part].dtype.kind != "f" or 0 in shape):
            raise InputError(f"{part} of {name} has the shape {arrays[part].shape}, but floats {shape} are needed")
    direction = _text(attributes.get("direction", "forward"))
    if direction not in ("forward", "reverse", "bidirectional") or ways != 1 + (direction == "bidirectional"):
        raise InputError(f"{name} has the direction {direction!r} and weights for {ways}: these do not fit together")
    if attributes.get("hidden_size", hidden) != hidden:
        raise InputError(f"hidden_size of {name} is {attributes['hidden_size']}, but R is for {hidden}")
    settings: dict[str, Any] = {"input_size": inputs, "hidden_size": hidden, "bias": b is not None}
    settings |= {"bidirectional": True} if ways == 2 else {"reverse": True} if direction == "reverse" else {}
    settings |= _attributes(kind, attributes, ways, name)
    if p is not None:
        settings["peephole"] = True
    weights: dict[str, Tensor] = {}
    for way, suffix in enumerate(["", "_reverse"][:ways]):
        parts = {"weight_ih": w[way], "weight_hh": r[way]}
        if b is not None:
            parts |= {"bias_ih": b[way, : gates * hidden], "bias_hh": b[way, gates * hidden :]}
        own = {part: _turned(array, places(ONNX[kind])) for part, array in parts.items()}
        if p is not None:
            own["weight_ch"] = _turned(p[way], places(PEEPHOLES))
        weights |= {f"stack.{part}_l0{suffix}": torch.from_numpy(array) for part, array in own.items()}
    return {**settings, "weights": weights}


def _turned(array: Any, order: tuple[int, ...]) -> Any:
    blocks = array.reshape(len(order), -1, *array.shape[1:])[list(order)]
    return np.ascontiguousarray(blocks.reshape(array.shape), dtype=np.float32)


def _attributes(kind: str, attributes: dict[str, Any], ways: int, name: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    known = {"activations", "clip", "direction", "hidden_size", "linear_before_reset", "layout", "input_forget"}
    for attribute, value in attributes.items():
        if attribute not in known or (attribute in ("layout", "input_forget") and value):
            raise InputError(f"{name} has {attribute}={value}, which has no counterpart here: export it without")
    functions = [_text(one) for one in attributes.get("activations", USUAL[kind] * ways)]
    if kind == "RNN" and functions[0] in SIMPLE and functions == [functions[0]] * ways:
        settings["nonlinearity"] = SIMPLE[functions[0]]
    elif functions != USUAL[kind] * ways:
        raise InputError(
            f"{name} has the activations {', '.join(functions)}, but only {', '.join(USUAL[kind])} are known"
        )
    if clip := float(attributes.get("clip", 0.0)):
        settings["clip"] = clip
    if kind == "GRU":
        settings["reset_after"] = bool(attributes.get("linear_before_reset", 0))
    return settings


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
