"""An ONNX graph walked node by node, with letters for axes in the place of numbers: each node extends the chain of
layers, moves axes, or is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from elman.deploy.imports import onnx_axes
from elman.deploy.imports.onnx_constants import aside
from elman.deploy.imports.onnx_layers import stack_of
from elman.deploy.imports.onnx_values import Cells, Flow, Given, States, Zeros, flow
from elman.errors import InputError

RECURRENT = ("RNN", "GRU", "LSTM")
FUNCTIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softmax": "softmax"}


class Walk:
    """``values`` by name: of initializers arrays, of inputs flows. ``axes`` says which axes of an input are T, B and F,
    or what else the input ``is``.

    Raises InputError, which names the node, for what is no chain of layers.
    """

    def __init__(self, values: dict[str, Any], opset: int) -> None:
        self.values, self.opset = values, opset
        self.axes: dict[str, dict[str, str]] = {}
        self.known: dict[str, Callable[..., Any]] = {
            **{kind: partial(self._recurrent, kind) for kind in RECURRENT},
            **{kind: partial(self._function, kind) for kind in FUNCTIONS},
            "Gather": onnx_axes.gather,
            "Transpose": onnx_axes.transpose,
            "Squeeze": onnx_axes.squeeze,
            "Reshape": onnx_axes.reshape,
            "Concat": onnx_axes.concat,
            "MatMul": _matmul,
            "Gemm": _gemm,
            "Add": _add,
        }

    def node(self, node: Any, attributes: dict[str, Any]) -> None:
        name = f"the node {node.name or node.output[0]!r} ({node.op_type})"
        if node.domain not in ("", "ai.onnx"):
            raise InputError(
                f"{name} is of the domain {node.domain}, but ONNX's own operators are needed: export without"
            )
        given = []
        for one in node.input:
            if one and one not in self.values:
                raise InputError(f"{name} reads {one!r}, which nothing gives: export the model again")
            given.append(self.values[one] if one else None)
        results = aside(node, given, attributes, name)
        if results is None:
            if node.op_type not in self.known:
                raise InputError(f"{name} has no counterpart here: export a chain of recurrent and linear layers")
            results = self.known[node.op_type](given, attributes, name)
        results = results if isinstance(results, tuple) else (results,)
        if len(node.output) > len(results):
            raise InputError(f"{name} gives {len(node.output)} results, but {len(results)} are known")
        self.values |= {out: value for out, value in zip(node.output, results, strict=False) if out}

    def _recurrent(self, kind: str, given: list[Any], attributes: dict[str, Any], name: str) -> tuple[Any, ...]:
        given = [*given, *[None] * (8 - len(given))]
        x, arrays = given[0], dict(zip("WRB", given[1:4], strict=True)) | {"P": given[7]}
        for part, array in arrays.items():
            if array is not None and not isinstance(array, np.ndarray):
                raise InputError(
                    f"{part} of {name} is computed or handed in, but weights must lie in the file: export them"
                )
        for what, state in zip(("sequence_lens", "initial_h", "initial_c"), given[4:7], strict=True):
            self._beginning(state, what, name)
        if not isinstance(x, Flow):
            raise InputError(f"{name} reads no sequence: export a chain of layers from one input")
        x = self._bound(x, name)
        settings = stack_of(kind, arrays, attributes, name)
        weights, ways = settings.pop("weights"), 2 if settings.get("bidirectional") else 1
        y = x.then(kind.lower(), weights, every=True, **settings)
        end = x.then(kind.lower(), weights, every=False, **settings)
        end = replace(end, axes=("B", "F"), ways=ways)
        states = States(tuple((end, way) for way in range(ways)))
        return replace(y, axes=("T", "D", "B", "F"), ways=ways), states, *([Cells()] if kind == "LSTM" else [])

    def _beginning(self, state: Any, what: str, name: str) -> None:
        if isinstance(state, Flow) and state.raw:
            state = Given(state.root)
        if isinstance(state, Given):
            self.axes.setdefault(state.root, {})["is"] = what
        elif not (
            state is None
            or isinstance(state, Zeros)
            or (isinstance(state, np.ndarray) and not state.any() and state.size)
        ):
            raise InputError(f"{what} of {name} is not zero or an input, and layers here begin at zero: export it so")
        elif what == "sequence_lens" and state is not None:
            raise InputError(
                f"{what} of {name} is fixed in the file, but lengths are given at the call: export it without"
            )

    def _bound(self, x: Flow, name: str) -> Flow:
        """The same with T, B, F for its axes; the first recurrent node says which axes of the input these are."""
        names = self.axes.setdefault(x.root, {})
        for axis, letter in zip(x.axes, ("T", "B", "F"), strict=False):
            if axis.isdigit():
                names.setdefault(axis, letter)
        axes = tuple(names.get(axis, axis) for axis in x.axes)
        if axes != ("T", "B", "F"):
            raise InputError(
                f"{name} reads the axes {axes}, but steps, rows, features are needed: export it time first"
            )
        return replace(x, axes=axes)

    def _function(self, kind: str, given: list[Any], attributes: dict[str, Any], name: str) -> Flow:
        x = flow(given[0], name)
        axis = attributes.get("axis", -1 if self.opset >= 13 else 1)
        if x.axes[-1] not in ("F", "2") or x.ways != 1 or (kind == "Softmax" and axis % len(x.axes) != len(x.axes) - 1):
            raise InputError(f"{name} is not over the features, the last axis: export it so")
        last = x.pieces[-1] if x.pieces else None
        if last is not None and last.kind == "linear" and last.settings["activation"] == "linear":
            settings = {**last.settings, "activation": FUNCTIONS[kind]}
            return replace(x, pieces=(*x.pieces[:-1], last._replace(settings=settings)))
        return x.then("activation", activation=FUNCTIONS[kind])


def _linear(x: Flow, weight: Any, bias: Any, name: str) -> Flow:
    """W (O, F) and b, which may come as (1, O)."""
    if (
        not isinstance(weight, np.ndarray)
        or weight.ndim != 2
        or weight.dtype.kind != "f"
        or x.axes[-1] not in ("F", "2")
    ):
        raise InputError(f"{name} is no product of features with a matrix of the file: export a linear layer")
    weights = {"weight": torch.from_numpy(np.array(weight, np.float32, order="C"))}
    if bias is not None:
        if not isinstance(bias, np.ndarray) or bias.size != len(weight) or bias.shape[-1:] != (len(weight),):
            raise InputError(
                f"the bias of {name} is no vector of {len(weight)} numbers of the file: export a linear layer"
            )
        weights["bias"] = torch.from_numpy(bias.reshape(-1).astype(np.float32))
    sizes = {"inputs": weight.shape[1], "outputs": weight.shape[0]}
    return x.then("linear", weights, **sizes, bias=bias is not None, activation="linear")


def _matmul(given: list[Any], attributes: dict[str, Any], name: str) -> Flow:
    x, weight = flow(given[0], name), given[1]
    return _linear(x, weight.T if isinstance(weight, np.ndarray) else None, None, name)


def _gemm(given: list[Any], attributes: dict[str, Any], name: str) -> Flow:
    x, weight, bias = flow(given[0], name), given[1], given[2] if len(given) > 2 else None
    plain = attributes.get("alpha", 1.0) == 1 and attributes.get("beta", 1.0) == 1 and not attributes.get("transA", 0)
    if not plain or len(x.axes) != 2 or not isinstance(weight, np.ndarray):
        raise InputError(f"{name} is scaled, transposed or no product with a weight of the file: export a linear layer")
    return _linear(x, weight if attributes.get("transB", 0) else weight.T, bias, name)


def _add(given: list[Any], attributes: dict[str, Any], name: str) -> Flow:
    x, bias = given if isinstance(given[0], Flow) else given[::-1]
    x = flow(x, name)
    last = x.pieces[-1] if x.pieces else None
    if last is None or last.kind != "linear" or last.settings["bias"] or last.settings["activation"] != "linear":
        raise InputError(f"{name} adds to no product with a weight: export a chain of recurrent and linear layers")
    before = replace(x, pieces=x.pieces[:-1])
    return _linear(before, last.weights["weight"].numpy(), bias, name)
