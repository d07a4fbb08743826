"""Cells that ONNX has no operator for, as a Scan: what is made of x alone for all steps at once, the rest in a loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from elman.deploy.export.graph import Graph, Value, apply, chunk, concat, several, size
from elman.kernels import Weights
from elman.kernels.product import EPSILON
from elman.kernels.scan.rglru import RATE
from elman.nn.cells import CELLS
from elman.nn.checks import zoneout_pair
from elman.nn.recurrent import Recurrent

States = tuple[Value, ...]
Step = Callable[..., States]


def looped(
    graph: Graph, module: Recurrent, weights: list[Weights], x: Value, within: Value | None, states: States | None
) -> tuple[Value, States]:
    """One layer in D directions: x (T, B, F), 0 past the rows' ends, to y (T, B, D*P) and its states (D, B, ...)."""
    ways = [_direction(graph, module, own, d, x, within, _begin(module, x, states, d)) for d, own in enumerate(weights)]
    finals = zip(*(final for _, final in ways), strict=True)
    return concat([y for y, _ in ways], -1), tuple(
        concat([apply("Unsqueeze", one, [0]) for one in parts], 0) for parts in finals
    )


def _begin(module: Recurrent, x: Value, states: States | None, way: int) -> States:
    """The states (B, ...) that a direction starts with: an sLSTM's m is minus infinity where none are given."""
    if states is not None:
        return tuple(apply("Gather", state, np.array(way), axis=0) for state in states)
    names, rows = CELLS[module.mode].states, size(x, 1)
    sizes = [module.proj_size or module.hidden_size, *[module.hidden_size] * (len(names) - 1)]
    starts = [-math.inf if name == "m_0" else 0.0 for name in names]
    return tuple(
        apply("Expand", start, apply("Concat", rows, [width], axis=0))
        for start, width in zip(starts, sizes, strict=True)
    )


def _direction(
    graph: Graph, module: Recurrent, weights: Weights, way: int, x: Value, within: Value | None, states: States
) -> tuple[Value, States]:
    operation = CELLS[module.mode].operation
    read = [_affine(graph, x, weights.weight_ih, weights.bias_ih, weights.gain_ih)]
    read = BEFORE[operation](read[0], weights) if operation in BEFORE else read
    body = Graph(outer=graph)
    before = tuple(body.input(body.name("state"), "float32", None) for _ in states)
    now = [body.input(body.name("read"), "float32", None) for _ in read]
    here = None if within is None else body.input(body.name("within"), "bool", None)
    after = STEPS.get(operation, _linear)(module, weights, *now, *before)
    shown = after[0]
    if here is not None:
        # Past a row's end its state stays, so that a reversed row begins at its own end.
        after = tuple(apply("Where", here, new, old) for new, old in zip(after, before, strict=True))
        shown = apply("Where", here, shown, 0.0)
    for value in (*after, shown):
        body.output(body.name("after"), value, "float32", None)
    along = [*read, *([] if within is None else [within])]
    *final, y = several(
        "Scan",
        len(states) + 1,
        *states,
        *along,
        body=body.proto(body.name("step")),
        num_scan_inputs=len(along),
        scan_input_directions=[way] * len(along),
        scan_output_directions=[way],
    )
    return y, tuple(final)


def _affine(graph: Graph, v: Value, weight: Any, bias: Any, gain: Any) -> Value:
    """W v + b, or g N(W v) + b with layer norm."""
    return graph.linear(v, weight, bias) if gain is None else _normalised(graph.linear(v, weight), gain, bias)


def _normalised(v: Value, gain: Any, bias: Any) -> Value:
    return apply("LayerNormalization", v, gain, bias, axis=-1, epsilon=EPSILON)


def _of_state(weights: Weights, h: Value) -> Value:
    return _affine(h.graph, h, weights.weight_hh, weights.bias_hh, weights.gain_hh)


def _sigmoid(module: Recurrent, a: Value) -> Value:
    return apply("Sigmoid", _clipped(module, a))


def _tanh(module: Recurrent, a: Value) -> Value:
    return apply("Tanh", _clipped(module, a))


def _clipped(module: Recurrent, a: Value) -> Value:
    return a if module.clip is None else apply("Clip", a, -module.clip, module.clip)


def _zoned(share: float, before: Value, after: Value) -> Value:
    return share * before + (1 - share) * after if share else after


def _rnn(module: Recurrent, weights: Weights, x: Value, h: Value) -> States:
    activation = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}[CELLS[module.mode].activation]
    new = apply(activation, _clipped(module, x + _of_state(weights, h)))
    return (_zoned(zoneout_pair(module.zoneout, 1)[0], h, new),)


def _lstm(module: Recurrent, weights: Weights, x: Value, h: Value, c: Value) -> States:
    zone_h, zone_c = zoneout_pair(module.zoneout, 2)
    i, f, g, o = chunk(x + _of_state(weights, h), 4)
    if weights.weight_ch is not None:
        w_ci, w_cf, w_co = weights.weight_ch.chunk(3)
        i, f = i + c * w_ci, f + c * w_cf
    after = _sigmoid(module, f) * c + _sigmoid(module, i) * _tanh(module, g)
    if weights.weight_ch is not None:
        o = o + after * w_co
    seen = after if weights.gain_c is None else _normalised(after, weights.gain_c, weights.bias_c)
    out = _sigmoid(module, o) * apply("Tanh", seen)
    if weights.weight_hr is not None:
        out = out.graph.linear(out, weights.weight_hr)
    return _zoned(zone_h, h, out), _zoned(zone_c, c, after)


def _gru(module: Recurrent, weights: Weights, x: Value, h: Value) -> States:
    x_r, x_z, x_n = chunk(x, 3)
    hidden, weight, bias = 2 * module.hidden_size, weights.weight_hh, weights.bias_hh
    assert weight is not None
    if module.reset_after:
        h_r, h_z, h_n = chunk(_of_state(weights, h), 3)
    else:
        h_r, h_z = chunk(h.graph.linear(h, weight[:hidden], None if bias is None else bias[:hidden]), 2)
    r, z = _sigmoid(module, x_r + h_r), _sigmoid(module, x_z + h_z)
    if module.reset_after:
        n = _tanh(module, x_n + r * h_n)
    else:
        n = _tanh(module, x_n + h.graph.linear(r * h, weight[hidden:], None if bias is None else bias[hidden:]))
    return (_zoned(zoneout_pair(module.zoneout, 1)[0], h, (1 - z) * n + z * h),)


def _slstm(module: Recurrent, weights: Weights, x: Value, h: Value, c: Value, n: Value, m: Value) -> States:
    heads, hidden = module.heads, module.hidden_size
    unit = hidden // heads
    assert weights.weight_hh is not None
    # Of (4 gates, heads, unit, unit before) the products of each head by itself: (heads, unit before, 4 gates * unit)
    own = apply("Reshape", h.graph.matrix(weights.weight_hh), [4, heads, unit, unit])
    own = apply("Reshape", apply("Transpose", own, perm=[1, 3, 0, 2]), [heads, unit, 4 * unit])
    split = apply("Transpose", apply("Reshape", h, [0, heads, unit]), perm=[1, 0, 2])
    from_h = apply("Reshape", split @ own, [heads, -1, 4, unit])
    from_h = apply("Transpose", from_h, perm=[1, 2, 0, 3])
    i, f, z, o = chunk(x + apply("Reshape", from_h, [-1, 4 * hidden]), 4)
    kept = m - apply("Softplus", -f)
    m = apply("Max", kept, i)
    i, f = apply("Exp", i - m), apply("Exp", kept - m)
    c = f * c + i * apply("Tanh", z)
    n = f * n + i
    return apply("Sigmoid", o) * c / n, c, n, m


def _indrnn(module: Recurrent, weights: Weights, x: Value, h: Value) -> States:
    return (apply({"tanh": "Tanh", "relu": "Relu"}[CELLS[module.mode].activation], x + h * weights.weight_hh),)


def _linear(_module: Recurrent, _weights: Weights, a: Value, b: Value, h: Value) -> States:
    return (a * h + b,)


def _mingru(a: Value, _weights: Weights) -> list[Value]:
    z, new = chunk(a, 2)
    return [apply("Sigmoid", -z), apply("Sigmoid", z) * new]


def _minlstm(a: Value, _weights: Weights) -> list[Value]:
    f, i, new = chunk(a, 3)
    odds = apply("Softplus", -i) - apply("Softplus", -f)  # log σ(f) - log σ(i)
    return [apply("Sigmoid", odds), apply("Sigmoid", -odds) * new]


def _rglru(a: Value, weights: Weights) -> list[Value]:
    r, i, u = chunk(a, 3)
    assert weights.decay is not None
    rate = -RATE * np.logaddexp(0, weights.decay.detach().cpu().double().numpy())
    log_a = apply("Sigmoid", r) * rate.astype(np.float32)
    decay = apply("Exp", log_a)
    # 1 - a² = -2 a sinh(log a), which keeps its digits where a is nearly 1; ONNX has no expm1.
    kept = apply("Sqrt", -2.0 * decay * apply("Sinh", log_a))
    return [decay, kept * (apply("Sigmoid", i) * u)]


BEFORE = {"mingru": _mingru, "minlstm": _minlstm, "rglru": _rglru}  # with these the loop is h_t = a_t h_{t-1} + b_t
STEPS: dict[str, Step] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru, "slstm": _slstm, "indrnn": _indrnn}
