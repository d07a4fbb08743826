"""A forecaster as a graph: raw values in the target's own units in, forecasts and intervals in these units out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.deploy.export.forecast_beside import beside, cases
from elman.deploy.export.form import Form
from elman.deploy.export.graph import (
    Dims,
    Graph,
    Value,
    apply,
    as_double,
    as_float,
    concat,
    part,
    several,
    size,
    total,
    turned,
)
from elman.deploy.export.quantise import rounded
from elman.deploy.export.recurrent import stack
from elman.evaluate.forecast.intervals import BANDS, MEAN, MIDDLE
from elman.nn.forecaster import ForecastNetwork
from elman.tasks.forecast import Forecaster

END = 2**31 - 1  # of a slice that goes to the last


def forecaster(task: Forecaster) -> Form:
    """``values`` (B, R, C), the last R rows of each series, NaN where missing, to ``forecast`` (B, K) and intervals.

    R is ``rows`` at least: what the model reads and the longest lag before it. Beside them, where the model has such,
    ``ahead`` (B, K, columns known ahead), ``calendar`` (B, lookback + K, features) and ``group`` (B,). With common
    factors, B must be all series in their order.
    """
    encoder = task.encoder_

    def build(int8: bool) -> Graph:
        graph = Graph(int8=int8)
        past, future, group, mean, deviation = _encoded(graph, task)
        assert isinstance(task.network_, ForecastNetwork)
        out = as_double(_network(graph, task.network_, past, future, group))
        _decoded(graph, task, out, mean, deviation)
        return graph

    left_out = ["a series that the fit has not seen has no scale in the file, so that it is not forecast"]
    if encoder.factors.size:
        left_out.append(
            "common factors are made of all series of one moment: they are to be given together, in the order of groups"
        )
    return Form(
        build,
        lambda: cases(task),
        lambda: forecaster(rounded(task)),
        beside(task),
        tuple(left_out if encoder.groups != ("",) else left_out[1:]),
    )


def _encoded(graph: Graph, task: Forecaster) -> tuple[Value, Value, Value | None, Any, Any]:
    """`SeriesEncoder.encode` of one window a row: past (B, T, F), future (B, K, F'), the group, and its scale."""
    encoder, steps, horizon = task.encoder_, task.lookback_, task.config_.horizon
    values = graph.input("values", "float64", ["batch", "rows", len(encoder.columns)])
    known = list(encoder.known)
    ahead = graph.input("ahead", "float64", ["batch", horizon, len(known)]) if known else None
    days = len(encoder.calendar)
    calendar = graph.input("calendar", "float32", ["batch", steps + horizon, days]) if days else None
    group = graph.input("group", "int64", ["batch"]) if len(encoder.groups) > 1 else None
    place = group if group is not None else apply("Expand", np.array(0), size(values, 0))
    mean, deviation = (
        apply("Unsqueeze", apply("Gather", np.asarray(one, np.float64), place), [1])
        for one in (encoder.target.mean, encoder.target.deviation)
    )

    def columns(table: Value, which: Sequence[int]) -> Value:
        return apply("Gather", table, np.array(which, np.int64), axis=2)

    def scaled(table: Value, which: Sequence[int]) -> Value:
        """The columns of an input, scaled; what was never seen is 0."""
        own = [j - 1 for j in which]
        return _zero((table - encoder.inputs.mean[own]) / encoder.inputs.deviation[own])

    filled = _carried_forward(graph, values)
    z = _zero((apply("Gather", filled, np.array(0), axis=2) - mean) / deviation)
    own = [apply("Unsqueeze", z, [2])]
    if encoder.kin:
        kin = list(encoder.kin)
        scale = [apply("Unsqueeze", one, [2]) for one in (mean, deviation)]
        near = _zero((columns(filled, kin) - scale[0]) / scale[1])
        own.append(apply("Where", apply("IsNaN", columns(values, kin)), own[0], near))
    if encoder.others:
        own.append(scaled(columns(filled, encoder.others), encoder.others))
    after: Value | None = None
    if ahead is not None:
        both = concat([columns(values, known), ahead], 1)
        told = scaled(_carried_forward(graph, both), known)
        own.append(part(told, 0, -horizon, 1))
        after = part(told, -horizon, END, 1)
    if encoder.masked:
        own.append(as_double(apply("Not", apply("IsNaN", columns(values, encoder.masked)))))
    past = [part(one, -steps, END, 1) for one in own]
    future = []
    for m in encoder.lags:
        past.append(apply("Unsqueeze", part(z, -steps - m, -m, 1), [2]))
        future.append(apply("Unsqueeze", part(z, -m, -m + horizon or END, 1), [2]))
    if after is not None and ahead is not None:
        future.append(after)
        masks = [known.index(j) for j in encoder.known_masks]
        if masks:
            future.append(as_double(apply("Not", apply("IsNaN", columns(ahead, masks)))))
    if calendar is not None:
        past.append(as_double(part(calendar, 0, steps, 1)))
        future.append(as_double(part(calendar, steps, END, 1)))
    if encoder.factors.size:
        panel = apply("Transpose", part(z, -steps, END, 1), perm=[1, 0]) @ graph.constant(encoder.factors)
        shape = apply("Concat", size(values, 0), [steps, encoder.factors.shape[1]], axis=0)
        past.append(apply("Expand", apply("Unsqueeze", panel, [0]), shape))
    if not future:
        # A decoder must read something.
        shape = apply("Concat", size(values, 0), [horizon, 1], axis=0)
        future.append(apply("Expand", np.array(1.0), shape))
    return as_float(concat(past, 2)), as_float(concat(future, 2)), group, mean, deviation


def _carried_forward(graph: Graph, table: Value) -> Value:
    """Each missing value (B, R, C) replaced by the last one seen before it; NaN where there is none."""
    along = turned(table)
    body = Graph(outer=graph)
    last = body.input(body.name("last"), "float64", None)
    now = body.input(body.name("now"), "float64", None)
    found = apply("Where", apply("IsNaN", now), last, now)
    for _ in range(2):
        body.output(body.name("found"), found, "float64", None)
    begin = apply("Gather", along, np.array(0), axis=0)
    _, filled = several("Scan", 2, begin, along, body=body.proto(body.name("carry")), num_scan_inputs=1)
    return turned(filled)


def _zero(value: Value) -> Value:
    """0 for NaN."""
    return apply("Where", apply("IsNaN", value), np.array(0.0), value)


def _network(graph: Graph, network: ForecastNetwork, x: Value, known: Value, group: Value | None) -> Value:
    """`ForecastNetwork`: x (B, T, F) and known (B, K, F') to (B, K, outputs)."""
    own, lags = 1 + network.kin, network.lags
    target = part(x, 0, 1, 2)
    last = part(target, -1, END, 1)
    level, spread = last * 0.0, last * 0.0 + 1.0
    if network.level == "last":
        level = last
    elif network.level == "window":
        level = total(target, 1, "Mean", keep=True)
        off = target - level
        spread = apply("Sqrt", total(off * off, 1, "Mean", keep=True)) + 0.05
    past = concat([(part(x, 0, own, 2) - level) / spread, part(x, own, END, 2)], 2)
    lagged = (part(known, 0, lags, 2) - level) / spread
    known = concat([lagged, part(known, lags, END, 2)], 2)
    seen, future = past, known
    if network.group is not None:
        assert group is not None
        which = apply("Unsqueeze", graph.lookup(network.group.weight, group + np.array(1)), [1])
        seen, future = (concat([one, _repeated(which, one)], 2) for one in (seen, future))
    _, state = stack(graph, network.encoder, turned(seen))
    decoded, _ = stack(graph, network.decoder, turned(future), None, state)
    first, last_layer = network.head[0], network.head[2]
    inner = graph.linear(concat([turned(decoded), known], 2), first.weight, first.bias)  # type: ignore[arg-type]
    inner = inner * apply("Sigmoid", inner)
    correction = graph.linear(inner, last_layer.weight, last_layer.bias)  # type: ignore[arg-type]
    again = concat([_repeated(part(part(past, 0, 1, 2), -1, END, 1), known), lagged], 2)
    return level + spread * (total(again * graph.matrix(network.repeat), 2, keep=True) + correction)


def _repeated(value: Value, like: Value) -> Value:
    """value (B, 1, E) at each step of like (B, K, ...)."""
    return apply("Expand", value, apply("Concat", [1], size(like, 1), [1], axis=0))


def _decoded(graph: Graph, task: Forecaster, out: Value, mean: Value, deviation: Value) -> None:
    """`Intervals.decode` of out (B, K, Q + 1)."""
    dims: Dims = ["batch", task.config_.horizon]
    sorted_, _ = several("TopK", 2, part(out, 0, MEAN, 2), [MEAN], axis=-1, largest=0)

    def quantile(at: int) -> Value:
        return apply("Gather", sorted_, np.array(at), axis=2)

    middle = quantile(MIDDLE)
    point = middle if task.config_.point == "median" else apply("Gather", out, np.array(MEAN), axis=2)
    graph.output("forecast", point * deviation + mean, "float64", dims)
    sides: dict[float, tuple[Value, Value]] = {}
    for level, (low, high) in BANDS.items():
        widen = np.array(task.intervals_.widen[level])
        below = (middle - widen * (middle - quantile(low))) * deviation + mean
        sides[level] = below, (middle + widen * (quantile(high) - middle)) * deviation + mean
    # Each interval is widened by itself, yet the narrower must stay inside.
    sides[0.95] = apply("Min", sides[0.95][0], sides[0.8][0]), apply("Max", sides[0.95][1], sides[0.8][1])
    for ending, level in (("", 0.95), ("_80", 0.8)):
        for name, side in zip(("lower", "upper"), sides[level], strict=True):
            graph.output(name + ending, side, "float64", dims)
