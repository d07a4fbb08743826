"""ONNX graphs, written as equations: a `Value` is a name in a graph, and what is done to it becomes a node there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
from torch import Tensor

from elman.version import __version__

OPSETS = range(18, 23)  # from 18 on the axes of every reduction are an input
TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
}
Dims = Sequence[int | str]


class Graph:
    """Nodes in the order in which they are computed, with constants, inputs and outputs.

    ``int8`` stores every matrix that is asked for by `matrix` as whole numbers, a scale for each of its rows. The body
    of a loop is a graph within another, whose values and constants it may use.
    """

    def __init__(self, *, int8: bool = False, outer: Graph | None = None) -> None:
        self.int8, self.outer = int8, outer
        self.root: Graph = self if outer is None else outer.root
        self.depth: int = 0 if outer is None else outer.depth + 1
        self.nodes: list[Any] = []
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self._held: dict[str, Any] = {}
        self._known: dict[Any, Value] = {}
        self._count = 0

    def name(self, kind: str) -> str:
        """A name that nothing has yet, in this graph or in those around it."""
        self.root._count += 1
        return f"{kind}_{self.root._count}"

    def input(self, name: str, dtype: str, dims: Dims | None) -> Value:
        self.inputs[name] = helper.make_tensor_value_info(name, TYPES[dtype], dims)
        return Value(self, name)

    def output(self, name: str, value: Value, dtype: str, dims: Dims | None) -> None:
        self.nodes.append(helper.make_node("Identity", [value.name], [name]))
        self.outputs[name] = helper.make_tensor_value_info(name, TYPES[dtype], dims)

    def constant(self, value: Any) -> Value:
        """An array as it is, tensors and numbers as float32, lists of whole numbers as int64; equal ones are one."""
        if isinstance(value, Tensor):
            value = value.detach().float().cpu().numpy()
        if not isinstance(value, np.ndarray):
            value = np.asarray(value, np.int64 if isinstance(value, list) else np.float32)
        key = (value.dtype.str, value.shape, value.tobytes())
        root = self.root
        if key not in root._known:
            name = root.name("constant")
            root._held[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
            root._known[key] = Value(root, name)
        return root._known[key]

    def matrix(self, weight: Tensor) -> Value:
        """A matrix (rows, columns), as it is or as  scale_r q_rc,  q whole numbers from -127 to 127."""
        if not self.root.int8:
            return self.constant(weight)
        whole, scale = self.whole(weight)
        return apply("DequantizeLinear", whole, scale, axis=0)

    def matrices(self, weights: Sequence[Tensor]) -> Value:
        """Matrices of one shape, one above the other: (number, rows, columns)."""
        if not self.root.int8:
            return self.constant(torch.stack([weight.detach() for weight in weights]))
        rows, columns = weights[0].shape
        return apply("Reshape", self.matrix(torch.cat(list(weights))), [len(weights), rows, columns])

    def whole(self, weight: Tensor) -> tuple[Value, Value]:
        """The whole numbers of a matrix and the scales of its rows."""
        return tuple(self.constant(part) for part in whole_numbers(weight))  # type: ignore[return-value]

    def linear(self, x: Value, weight: Tensor, bias: Tensor | None = None) -> Value:
        """W x + b over the last axis, W (outputs, inputs)."""
        y = x @ apply("Transpose", self.matrix(weight), perm=[1, 0])
        return y if bias is None else y + self.constant(bias)

    def lookup(self, table: Tensor, at: Value) -> Value:
        """The rows of a table (V, E) at whole numbers of any shape."""
        if not self.root.int8:
            return apply("Gather", self.constant(table), at)
        # Of a quantised table the rows that are asked for alone are made numbers again.
        whole, scale = self.whole(table)
        rows = apply("Cast", apply("Gather", whole, at), to=TensorProto.FLOAT)
        return rows * apply("Unsqueeze", apply("Gather", scale, at), [-1])

    def proto(self, name: str) -> Any:
        return helper.make_graph(
            self.nodes,
            name,
            list(self.inputs.values()),
            list(self.outputs.values()),
            list(self._held.values()),
        )

    def size(self) -> int:
        """Bytes of the constants."""
        return sum(len(held.raw_data) for held in self._held.values())

    def model(self, opset: int) -> ModelProto:
        """The whole as a model that the checker has passed."""
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(
            self.proto("elman"),
            opset_imports=opsets,
            ir_version=helper.find_min_ir_version_for(opsets),
            producer_name="elman",
            producer_version=__version__,
        )
        checker.check_model(model, full_check=True)
        return model


class Value:
    """A name in a graph, with the arithmetic of tensors; numbers beside it become constants."""

    __array_ufunc__ = None  # so that an array on the left leaves the arithmetic to it

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: Any) -> Value:
        return apply("Add", self, other)

    def __sub__(self, other: Any) -> Value:
        return apply("Sub", self, other)

    def __mul__(self, other: Any) -> Value:
        return apply("Mul", self, other)

    def __truediv__(self, other: Any) -> Value:
        return apply("Div", self, other)

    def __matmul__(self, other: Value) -> Value:
        return apply("MatMul", self, other)

    def __rsub__(self, other: Any) -> Value:
        return apply("Sub", other, self)

    def __rmul__(self, other: Any) -> Value:
        return apply("Mul", other, self)

    def __radd__(self, other: Any) -> Value:
        return apply("Add", other, self)

    def __neg__(self) -> Value:
        return apply("Neg", self)


def whole_numbers(weight: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """q (rows, columns) int8 and scales (rows,): the weight is about  scale_r q_rc,  within half a scale."""
    values = weight.detach().double().cpu().numpy()
    scale = (np.abs(values).max(axis=1, initial=0) / 127).astype(np.float32)
    scale[scale == 0] = 1
    return np.rint(values / scale[:, None]).astype(np.int8), scale


def several(operator: str, count: int, *given: Any, **attributes: Any) -> tuple[Value, ...]:
    """A node with ``count`` results; it goes to the innermost graph of those that its values come from.

    None leaves an input of the operator out.
    """
    graph = max((value.graph for value in given if isinstance(value, Value)), key=lambda graph: graph.depth)
    values = [None if v is None else v if isinstance(v, Value) else graph.constant(v) for v in given]
    while values and values[-1] is None:
        values.pop()
    names = [graph.name(operator) for _ in range(count)]
    inputs = ["" if value is None else value.name for value in values]
    graph.nodes.append(helper.make_node(operator, inputs, names, name=names[0], **attributes))
    return tuple(Value(graph, name) for name in names)


def apply(operator: str, *given: Any, **attributes: Any) -> Value:
    """A node with one result; see `several`."""
    return several(operator, 1, *given, **attributes)[0]


def chunk(value: Value, count: int, axis: int = -1) -> tuple[Value, ...]:
    """Equal parts."""
    return several("Split", count, value, axis=axis, num_outputs=count) if count > 1 else (value,)


def concat(values: Sequence[Value], axis: int) -> Value:
    return apply("Concat", *values, axis=axis) if len(values) > 1 else values[0]


def part(value: Value, begin: int, end: int, axis: int) -> Value:
    """value[begin:end] along one axis, counted from the end where negative."""
    return apply("Slice", value, [begin], [end], [axis])


def size(value: Value, axis: int) -> Value:
    """(1,): how many there are along an axis."""
    return apply("Shape", value, start=axis, end=axis + 1)


def as_float(value: Value) -> Value:
    return apply("Cast", value, to=TensorProto.FLOAT)


def as_int32(value: Value) -> Value:
    return apply("Cast", value, to=TensorProto.INT32)


def as_int64(value: Value) -> Value:
    return apply("Cast", value, to=TensorProto.INT64)


def as_double(value: Value) -> Value:
    return apply("Cast", value, to=TensorProto.DOUBLE)


def turned(value: Value, axes: int = 3) -> Value:
    """(T, B, ...) to (B, T, ...) and back."""
    return apply("Transpose", value, perm=[1, 0, *range(2, axes)])


def total(value: Value, axis: int, how: str = "Sum", *, keep: bool = False) -> Value:
    """The Sum, Mean, Min or Max over an axis, which is gone then, or 1."""
    return apply(f"Reduce{how}", value, [axis], keepdims=int(keep))


def steps_of(x: Value) -> Value:
    """(T,): 0, 1, 2 and so on, for x (T, ...)."""
    return apply("Range", np.array(0), apply("Squeeze", size(x, 0), [0]), np.array(1))


def inside(x: Value, lengths: Value) -> Value:
    """(T, B) booleans: whether a step of x (T, B, ...) lies before its row's end, lengths (B,) of whole numbers."""
    return apply("Less", apply("Unsqueeze", steps_of(x), [1]), as_int64(lengths))


def at_end(x: Value, lengths: Value) -> Value:
    """(T, B) booleans: whether a step of x (T, B, ...) is its row's last."""
    return apply("Equal", apply("Unsqueeze", steps_of(x), [1]), as_int64(lengths) - np.array(1))
