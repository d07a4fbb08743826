"""Recurrent layers as ONNX has them: one RNN, LSTM or GRU node a layer, both directions in it; other cells as loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.deploy.export.graph import (
    Graph,
    Value,
    apply,
    as_int64,
    chunk,
    concat,
    inside,
    part,
    several,
    size,
    steps_of,
)
from elman.deploy.export.scan import looped
from elman.deploy.gates import ONNX, PEEPHOLES
from elman.kernels import Weights
from elman.nn.cells import CELLS
from elman.nn.recurrent import Recurrent

ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}

States = tuple[Value, ...]


def stack(
    graph: Graph, module: Recurrent, x: Value, lengths: Value | None = None, states: States | None = None
) -> tuple[Value, States]:
    """The layers of ``module``, as in evaluation: x (T, B, F) to y (T, B, D*P) and the final states (L*D, B, ...).

    lengths (B,) int32 in 1..T, T everywhere without it; states as `Recurrent` takes them, zero without them.
    """
    within = None if lengths is None else apply("Unsqueeze", inside(x, lengths), [2])
    if within is not None and (module.residual or not fits(module)):
        # What lies past a row's end is never read, NaN included, and residual sums must not carry it on.
        x = apply("Where", within, x, 0.0)
    ways = 2 if module.bidirectional else 1
    begin = [None] * module.num_layers if states is None else _by_layer(states, module.num_layers)
    features, finals = module.input_size, []
    for layer in range(module.num_layers):
        weights = [module.weights(layer, way) for way in range(ways)]
        if fits(module):
            y, final = _fused(graph, module, weights, x, lengths, begin[layer])
        else:
            y, final = looped(graph, module, weights, x, within, begin[layer])
        finals.append(final)
        outputs = ways * (module.proj_size or module.hidden_size)
        x = x + y if module.residual and features == outputs else y
        features = outputs
    return x, tuple(concat(parts, 0) for parts in zip(*finals, strict=True))


def fits(module: Recurrent) -> bool:
    """Whether ONNX has an operator for this cell with these options: without layer norm and zoneout."""
    return CELLS[module.mode].operation in ("rnn", "lstm", "gru") and not module.layer_norm and not module.zoneout


def _by_layer(states: States, layers: int) -> list[Any]:
    return list(zip(*(chunk(state, layers, 0) for state in states), strict=True))


def _fused(
    graph: Graph, module: Recurrent, weights: list[Weights], x: Value, lengths: Value | None, states: States | None
) -> tuple[Value, States]:
    """One node for all directions of a layer.

    ONNX knows no projection. Its operator carries u = o tanh(c) itself with R = W_hh W_hr, since W_hh h = R u, and
    W_hr u is taken of all steps behind it. An h_0 that no u gives enters as an input of each row's first step.
    """
    kind = module.mode.partition("_")[0]
    ways, hidden = len(weights), module.hidden_size
    gates = len(ONNX[kind])

    def ordered(values: Any) -> Tensor:
        return values.detach().unflatten(0, (gates, hidden))[list(ONNX[kind])].flatten(0, 1)

    w = graph.matrices([ordered(own.weight_ih) for own in weights])
    r = graph.matrices([ordered(own.weight_hh) for own in weights])
    h = None if states is None else states[0]
    down: Value | None = None
    if module.proj_size:
        up = graph.matrices([own.weight_hr for own in weights if own.weight_hr is not None])
        if h is not None:
            x = concat([x, *_at_first(x, h, ways, lengths)], -1)
            own_way = torch.eye(ways)[:, :, None, None]
            w, h = concat([w, *(r * own_way[way] for way in range(ways))], -1), None
        r, down = r @ up, apply("Transpose", up, perm=[0, 2, 1])
    b = None
    if module.bias:
        b = torch.stack([torch.cat([ordered(own.bias_ih), ordered(own.bias_hh)]) for own in weights])
    given = [x, w, r, b, lengths, h]
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": "bidirectional" if ways == 2 else "forward"}
    if module.clip is not None:
        attributes["clip"] = float(module.clip)
    if kind == "RNN":
        attributes["activations"] = [ACTIVATIONS[CELLS[module.mode].activation]] * ways
    if kind == "GRU":
        attributes["linear_before_reset"] = int(module.reset_after)
    if kind == "LSTM":
        given.append(None if states is None else states[1])
        if module.peephole:
            given.append(torch.stack([_peepholes(own, hidden) for own in weights]))
    y, *final = several(kind, 3 if kind == "LSTM" else 2, *given, **attributes)
    if down is not None:
        y, final[0] = y @ down, final[0] @ down
    y = apply("Transpose", y, perm=[0, 2, 1, 3])
    return apply("Reshape", y, [0, 0, ways * (module.proj_size or hidden)]), tuple(final)


def _peepholes(weights: Weights, hidden: int) -> Tensor:
    assert weights.weight_ch is not None
    return weights.weight_ch.detach().unflatten(0, (3, hidden))[list(PEEPHOLES)].flatten()


def _at_first(x: Value, h: Value, ways: int, lengths: Value | None) -> list[Value]:
    """For each direction h_0 (D, B, P) at the step (T, B, P) that it begins with, 0 elsewhere."""
    time = apply("Unsqueeze", steps_of(x), [1, 2])
    found = []
    for way in range(ways):
        begin: Any = np.array(0)
        if way:
            last = size(x, 0) if lengths is None else apply("Unsqueeze", as_int64(lengths), [1])
            begin = last - np.array(1)
        found.append(apply("Where", apply("Equal", time, begin), part(h, way, way + 1, 0), 0.0))
    return found
