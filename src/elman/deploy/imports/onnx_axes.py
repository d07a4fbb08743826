"""The nodes of an ONNX graph that only move data: axes are turned and joined, a step or a state at the end is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from elman.deploy.imports.onnx_values import Cells, Flow, Part, States, flow
from elman.errors import InputError


def gather(given: list[Any], attributes: dict[str, Any], name: str) -> Any:
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
    x = flow(data, name)
    if at.ndim or x.axes[axis] != "T" or index not in (0, -1) or "D" in x.axes:
        raise InputError(f"{name} takes place {index} of the axis {x.axes[axis]}, but the first or last step is known")
    return replace(x.then("step", first=index == 0), axes=tuple(one for one in x.axes if one != "T"))


def transpose(given: list[Any], attributes: dict[str, Any], name: str) -> Flow:
    x = flow(given[0], name)
    order = attributes.get("perm", list(range(len(x.axes)))[::-1])
    if sorted(order) != list(range(len(x.axes))):
        raise InputError(f"{name} has perm={order} for {len(x.axes)} axes: export the model again")
    return replace(x, axes=tuple(x.axes[place] for place in order))


def squeeze(given: list[Any], attributes: dict[str, Any], name: str) -> Any:
    where = given[1] if len(given) > 1 else attributes.get("axes")
    places = [int(place) for place in np.asarray(where if isinstance(where, np.ndarray | list) else []).reshape(-1)]
    if isinstance(given[0], States):
        if places == [0] and len(given[0].parts) == 1:
            return _part(*given[0].parts[0])
        raise InputError(
            f"{name} takes {len(given[0].parts)} states for one: export one direction, or both side by side"
        )
    x = flow(given[0], name)
    if len(places) != 1 or x.axes[places[0]] != "D" or x.ways != 1:
        raise InputError(f"{name} removes another axis than that of a single direction: export it so")
    return replace(x, axes=tuple(one for one in x.axes if one != "D"))


def reshape(given: list[Any], attributes: dict[str, Any], name: str) -> Flow:
    x, shape = flow(given[0], name), given[1]
    to = shape.tolist() if isinstance(shape, np.ndarray) and shape.ndim == 1 else None
    if x.axes[-2:] != ("D", "F") or to is None or len(to) != len(x.axes) - 1 or any(size != 0 for size in to[:-1]):
        raise InputError(f"{name} does more than bring two directions side by side: export a chain of layers")
    sized = next(piece.settings for piece in reversed(x.pieces) if {"hidden_size", "outputs"} & set(piece.settings))
    size = sized.get("outputs") or sized["hidden_size"] * x.ways
    if to[-1] not in (-1, size):
        raise InputError(f"{name} makes {to[-1]} features of {size}: export the model again")
    return replace(x, axes=(*x.axes[:-2], "F"), ways=1)


def concat(given: list[Any], attributes: dict[str, Any], name: str) -> Any:
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


def _part(flow: Flow, way: int) -> Flow | Part:
    return flow if flow.ways == 1 else Part(flow, way)
