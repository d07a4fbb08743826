"""The nodes of an ONNX graph that touch no data: constants, shapes, zeros to begin from, weights left unfolded."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.deploy.imports.onnx_values import Aside, Cells, Flow, Given, Part, States, Zeros
from elman.errors import InputError

LARGEST = 1 << 26  # numbers in one constant
# Of shapes, or of weights that an exporter left unfolded.
MOVES = ("Gather", "Slice", "Concat", "Unsqueeze", "Squeeze", "Transpose", "Identity", "Cast", "Reshape", "Expand")
ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Equal", "Less", "Where", "Range", "Min", "Max")


def aside(node: Any, given: list[Any], attributes: dict[str, Any], name: str) -> Any:
    """What a node gives that touches no data; None for one that does."""
    kind, there = node.op_type, [one for one in given if one is not None]
    if kind == "Constant":
        if (
            set(attributes) - {"value", "value_float", "value_int", "value_floats", "value_ints"}
            or len(attributes) != 1
        ):
            raise InputError(f"{name} holds {', '.join(attributes) or 'nothing'}, but numbers are needed: export again")
        return np.asarray(next(iter(attributes.values())))
    if kind == "Shape":
        return Aside()
    if kind == "ConstantOfShape":
        value = np.asarray(attributes.get("value", 0.0))
        if value.size != 1 or value.reshape(-1)[0] != 0:
            raise InputError(f"{name} fills with {value}, but only zeros can begin a state: export without")
        return Zeros()
    if kind in ("Identity", "Cast", "Dropout") and there and isinstance(there[0], Flow | Part | States | Given | Cells):
        if kind == "Dropout" and len(there) > 2 and bool(np.any(there[2])):
            raise InputError(f"{name} is in training: export the model in evaluation, model.eval()")
        return there[0]
    if not there or any(
        isinstance(one, Flow | Part | States | Cells) and not _begins(one, kind, there) for one in there
    ):
        return None
    if isinstance(there[0], Given | Flow):
        return (Given(there[0].root),) * len(node.output) if kind in (*MOVES, "Split") else None
    if any(isinstance(one, Zeros) for one in there):
        return Zeros() if kind in MOVES else None
    if any(isinstance(one, Aside) for one in there):
        if kind == "Expand" and isinstance(there[0], np.ndarray):
            return Zeros() if not there[0].any() else None
        return Aside() if kind in MOVES + ARITHMETIC else None
    return _folded(kind, there, attributes, name)


def _begins(value: Any, kind: str, given: list[Any]) -> bool:
    """Untouched inputs that are no data: lengths, or a state to begin from of which each layer is given its part."""
    if not isinstance(value, Flow) or not value.raw:
        return False
    return len(value.axes) == 1 or (len(value.axes) == 3 and kind in ("Slice", "Split") and given[0] is value)


def _folded(kind: str, given: list[Any], attributes: dict[str, Any], name: str) -> Any:
    """A node over arrays of the file alone, as exporters leave them where constants are not folded."""
    array = given[0]
    grown = sum(one.size for one in given) if kind == "Concat" else array.size
    if kind == "Gather":
        grown = given[1].size * array.size // max(array.shape[attributes.get("axis", 0)], 1)
    if grown > LARGEST:  # a few nodes that double would fill any memory
        raise InputError(
            f"{name} makes {grown:,} numbers, but at most {LARGEST:,} are made: export it with them folded"
        )
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
        along = given[3].tolist() if len(given) > 3 else range(len(given[1]))
        steps = given[4].tolist() if len(given) > 4 else [1] * len(given[1])
        cut: list[Any] = [slice(None)] * array.ndim
        for axis, start, stop, step in zip(along, given[1].tolist(), given[2].tolist(), steps, strict=True):
            cut[axis] = slice(start, stop, step)
        return array[tuple(cut)]
    if kind == "Expand" and not array.any():
        return Zeros()
    return None
