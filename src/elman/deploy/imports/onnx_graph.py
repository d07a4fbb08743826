"""An ONNX graph walked node by node, with letters for axes in the place of numbers: each node extends the chain of
layers, moves axes, or is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from elman.deploy.imports.onnx_layers import stack_of
from elman.deploy.imports.onnx_values import Aside, Cells, Flow, Given, Part, States, Zeros
from elman.errors import InputError

RECURRENT = ("RNN", "GRU", "LSTM")
FUNCTIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softmax": "softmax"}
# Of shapes, or of weights that an exporter left unfolded; none makes its result much larger than what it is given.
MOVES = ("Gather", "Slice", "Concat", "Unsqueeze", "Squeeze", "Transpose", "Identity", "Cast", "Reshape", "Expand")
ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Equal", "Where", "Range", "Min", "Max")


class Walk:
    """``values`` by name, of initializers arrays and of inputs flows; ``inputs`` names the axes of each input read.

    Raises InputError, which names the node, for what is no chain of layers.
    """

    def __init__(self, values: dict[str, Any], opset: int) -> None:
        self.values, self.opset = values, opset
        self.axes: dict[str, dict[str, str]] = {}

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
        known: dict[str, Callable[..., Any]] = {
            **dict.fromkeys(RECURRENT, self._recurrent),
            **dict.fromkeys(FUNCTIONS, self._function),
            "Gather": self._gather,
            "Transpose": self._transpose,
            "Squeeze": self._squeeze,
            "Reshape": self._reshape,
            "Concat": self._concat,
            "MatMul": self._matmul,
            "Gemm": self._gemm,
            "Add": self._add,
        }
        results = self._aside(node, given, attributes, name)
        if results is None:
            if node.op_type not in known:
                raise InputError(f"{name} has no counterpart here: export a chain of recurrent and linear layers")
            results = known[node.op_type](given, attributes, name, node.op_type)
        results = results if isinstance(results, tuple) else (results,)
        if len(node.output) > len(results):
            raise InputError(f"{name} gives {len(node.output)} results, but {len(results)} are known")
        self.values |= {out: value for out, value in zip(node.output, results, strict=False) if out}

    def _aside(self, node: Any, given: list[Any], attributes: dict[str, Any], name: str) -> Any:
        """What a node gives that touches no data; None for one that does."""
        kind, there = node.op_type, [one for one in given if one is not None]
        if kind == "Constant":
            if (
                set(attributes) - {"value", "value_float", "value_int", "value_floats", "value_ints"}
                or len(attributes) != 1
            ):
                raise InputError(
                    f"{name} holds {', '.join(attributes) or 'nothing'}, but numbers are needed: export again"
                )
            return np.asarray(next(iter(attributes.values())))
        if kind == "Shape":
            return Aside()
        if kind == "ConstantOfShape":
            value = np.asarray(attributes.get("value", 0.0))
            if value.size != 1 or value.reshape(-1)[0] != 0:
                raise InputError(f"{name} fills with {value}, but only zeros can begin a state: export without")
            return Zeros()
        if (
            kind in ("Identity", "Cast", "Dropout")
            and there
            and isinstance(there[0], Flow | Part | States | Given | Cells)
        ):
            if kind == "Dropout" and len(there) > 2 and bool(np.any(there[2])):
                raise InputError(f"{name} is in training: export the model in evaluation, model.eval()")
            return there[0]
        if not there or any(
            isinstance(one, Flow | Part | States | Cells) and not _begins(one, kind, there) for one in there
        ):
            return None
        if isinstance(there[0], Given | Flow):
            return Given(there[0].root)
        if any(isinstance(one, Zeros) for one in there):
            return Zeros() if kind in MOVES else None
        if any(isinstance(one, Aside) for one in there):
            if kind == "Expand" and isinstance(there[0], np.ndarray):
                return Zeros() if not there[0].any() else None
            return Aside() if kind in MOVES + ARITHMETIC else None
        return _folded(kind, there, attributes, self.opset, name)

    def _recurrent(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> tuple[Any, ...]:
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

    def _function(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Flow:
        x = _flow(given[0], name)
        axis = attributes.get("axis", -1 if self.opset >= 13 else 1)
        if x.axes[-1] not in ("F", "2") or (kind == "Softmax" and axis % len(x.axes) != len(x.axes) - 1):
            raise InputError(f"{name} is not over the features, the last axis: export it so")
        last = x.pieces[-1] if x.pieces else None
        if last is not None and last.kind == "linear" and last.settings["activation"] == "linear":
            settings = {**last.settings, "activation": FUNCTIONS[kind]}
            return replace(x, pieces=(*x.pieces[:-1], last._replace(settings=settings)))
        return x.then("activation", activation=FUNCTIONS[kind])

    def _gather(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Any:
        data, at, axis = given[0], given[1], attributes.get("axis", 0)
        if isinstance(data, np.ndarray) and isinstance(at, Flow):
            if not at.raw or len(at.axes) != 2 or data.ndim != 2 or axis or data.dtype.kind != "f" or 0 in data.shape:
                raise InputError(f"{name} is no embedding of an input (steps, rows): export it so")
            weights = {"weight": torch.from_numpy(data.astype(np.float32))}
            embedded = at.then("embedding", weights, symbols=data.shape[0], size=data.shape[1])
            return replace(embedded, axes=(*at.axes, "F"))
        if not isinstance(at, np.ndarray) or at.size != 1 or at.ndim > 1 or at.dtype.kind != "i":
            raise InputError(f"{name} takes more than one fixed place: export it so that it takes one")
        index = int(at.reshape(-1)[0])
        if isinstance(data, States) and axis == 0 and at.ndim == 0:
            if not -len(data.parts) <= index < len(data.parts):
                raise InputError(f"{name} takes state {index} of {len(data.parts)}: export the model again")
            return _part(*data.parts[index])
        x = _flow(data, name)
        if at.ndim or x.axes[axis] != "T" or index not in (0, -1) or "D" in x.axes:
            raise InputError(
                f"{name} takes place {index} of the axis {x.axes[axis]}, but the first or last step is known"
            )
        return replace(x.then("step", first=index == 0), axes=tuple(one for one in x.axes if one != "T"))

    def _transpose(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Flow:
        x = _flow(given[0], name)
        order = attributes.get("perm", list(range(len(x.axes)))[::-1])
        if sorted(order) != list(range(len(x.axes))):
            raise InputError(f"{name} has perm={order} for {len(x.axes)} axes: export the model again")
        return replace(x, axes=tuple(x.axes[place] for place in order))

    def _squeeze(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Any:
        where = given[1] if len(given) > 1 else attributes.get("axes")
        places = [int(place) for place in np.asarray(where if isinstance(where, np.ndarray | list) else []).reshape(-1)]
        if isinstance(given[0], States):
            if places == [0] and len(given[0].parts) == 1:
                return _part(*given[0].parts[0])
            raise InputError(
                f"{name} takes {len(given[0].parts)} states for one: export one direction, or both side by side"
            )
        x = _flow(given[0], name)
        if len(places) != 1 or x.axes[places[0]] != "D" or x.ways != 1:
            raise InputError(f"{name} removes another axis than that of a single direction: export it so")
        return replace(x, axes=tuple(one for one in x.axes if one != "D"))

    def _reshape(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Flow:
        x, shape = _flow(given[0], name), given[1]
        to = shape.tolist() if isinstance(shape, np.ndarray) and shape.ndim == 1 else None
        if x.axes[-2:] != ("D", "F") or to is None or len(to) != len(x.axes) - 1 or any(size != 0 for size in to[:-1]):
            raise InputError(f"{name} does more than bring two directions side by side: export a chain of layers")
        size = x.chain().layers(name).outputs
        if to[-1] not in (-1, size):
            raise InputError(f"{name} makes {to[-1]} features of {size}: export the model again")
        return replace(x, axes=(*x.axes[:-2], "F"), ways=1)

    def _concat(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Any:
        axis = attributes.get("axis", 0)
        if all(isinstance(one, States) for one in given) and axis == 0:
            return States(tuple(part for one in given for part in one.parts))
        if all(isinstance(one, Cells) for one in given) and axis == 0:
            return Cells()
        if len(given) == 2 and all(isinstance(one, Part) for one in given) and axis in (-1, 1):
            first, second = given
            if (first.way, second.way) == (0, 1) and first.flow is second.flow:
                return replace(first.flow, ways=1)
        raise InputError(
            f"{name} joins other things than the two directions of a layer, in order: export a chain of layers"
        )

    def _matmul(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Flow:
        x, weight = _flow(given[0], name), given[1]
        return _linear(x, weight.T if isinstance(weight, np.ndarray) else None, None, name)

    def _gemm(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Flow:
        x, weight, bias = _flow(given[0], name), given[1], given[2] if len(given) > 2 else None
        plain = (
            attributes.get("alpha", 1.0) == 1 and attributes.get("beta", 1.0) == 1 and not attributes.get("transA", 0)
        )
        if not plain or len(x.axes) != 2 or not isinstance(weight, np.ndarray):
            raise InputError(
                f"{name} is scaled, transposed or no product with a weight of the file: export a linear layer"
            )
        return _linear(x, weight if attributes.get("transB", 0) else weight.T, bias, name)

    def _add(self, given: list[Any], attributes: dict[str, Any], name: str, kind: str) -> Flow:
        x, bias = given if isinstance(given[0], Flow) else given[::-1]
        x = _flow(x, name)
        last = x.pieces[-1] if x.pieces else None
        if last is None or last.kind != "linear" or last.settings["bias"] or last.settings["activation"] != "linear":
            raise InputError(f"{name} adds to no product with a weight: export a chain of recurrent and linear layers")
        before = replace(x, pieces=x.pieces[:-1])
        return _linear(before, last.weights["weight"].numpy(), bias, name)


def _begins(value: Any, kind: str, given: list[Any]) -> bool:
    """An untouched input of three axes that is cut: a state to begin from, of which each layer takes its part."""
    return (
        isinstance(value, Flow)
        and value.raw
        and len(value.axes) == 3
        and kind in ("Slice", "Split")
        and given[0] is value
    )


def _flow(value: Any, name: str) -> Flow:
    if isinstance(value, Part):
        raise InputError(f"{name} reads one direction of two, but both side by side are known: export it so")
    if not isinstance(value, Flow):
        raise InputError(f"{name} reads no output of the layers before it: export a chain of layers from one input")
    return value


def _part(flow: Flow, way: int) -> Flow | Part:
    return flow if flow.ways == 1 else Part(flow, way)


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


def _folded(kind: str, given: list[Any], attributes: dict[str, Any], opset: int, name: str) -> Any:
    """A node over arrays of the file alone, as exporters leave them where constants are not folded."""
    array = given[0]
    if kind in ("Identity", "Cast"):
        return array
    if kind == "Transpose":
        return array.transpose(attributes.get("perm"))
    if kind == "Concat":
        return np.concatenate(given, attributes["axis"])
    if kind == "Gather":
        return np.take(array, given[1], attributes.get("axis", 0))
    if kind in ("Unsqueeze", "Squeeze"):
        axes = tuple(attributes.get("axes", ()) if len(given) < 2 else given[1].tolist())
        return np.expand_dims(array, axes) if kind == "Unsqueeze" else np.squeeze(array, axes or None)
    if kind == "Slice" and len(given) >= 3:
        axes = given[3].tolist() if len(given) > 3 else range(len(given[1]))
        steps = given[4].tolist() if len(given) > 4 else [1] * len(given[1])
        cut: list[Any] = [slice(None)] * array.ndim
        for axis, start, stop, step in zip(axes, given[1].tolist(), given[2].tolist(), steps, strict=True):
            cut[axis] = slice(start, stop, step)
        return array[tuple(cut)]
    if kind == "Expand" and not array.any():
        return Zeros()
    return None
