"""What lies beside a forecaster's graph, the end of its data among it; and random data to check the graph by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from elman.data.series import extend
from elman.data.series.clock import WEEKDAYS
from elman.data.series.encoder import Column, SeriesEncoder
from elman.data.series.series import SeriesSet
from elman.data.series.window import Windows
from elman.deploy.export.check import Arrays, Case
from elman.deploy.export.form import Cases
from elman.tasks.forecast import Forecaster

TRIALS = (1, 2, 3)  # of all series, side by side
MISSING = 0.1  # share of the values that are missing in random inputs


def rows_needed(task: Forecaster) -> int:
    """The rows of a series that a forecast reads: the window, and the longest lag before it."""
    return task.lookback_ + max(task.encoder_.lags, default=0)


def beside(task: Forecaster) -> dict[str, Any]:
    """What makes a graph's inputs of a table, and what its outputs are."""
    encoder = task.encoder_
    return {
        "task": task.name,
        "target": encoder.columns[0],
        "columns": list(encoder.columns),
        "lookback": task.lookback_,
        "rows": rows_needed(task),
        "horizon": task.config_.horizon,
        "known": [encoder.columns[j] for j in encoder.known],
        "groups": list(encoder.groups),
        "clock": encoder.clock.to_json(),
        "calendar": {name: _how(name, encoder) for name in encoder.calendar},
        "past": _named(encoder.past_columns),
        "future": _named(encoder.future_columns),
        "context": _context(task),
    }


@torch.no_grad()
def cases(task: Forecaster) -> Cases:
    """Random values about each series' own level, some missing, by the way that `predict` goes."""
    rng, scale = np.random.default_rng(0), task.encoder_.target
    for trials in TRIALS:
        found = [_case(task, rng) for _ in range(1 if task.encoder_.factors.size else trials)]
        feeds, outputs = (
            {name: np.concatenate([one[at][name] for one in found]) for name in found[0][at]} for at in (0, 1)
        )
        mean, unit = (np.tile(one, len(found))[:, None] for one in (scale.mean, scale.deviation))
        yield Case(feeds, outputs, mean, unit)


def _case(task: Forecaster, rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    encoder, horizon, rows = task.encoder_, task.config_.horizon, rows_needed(task)
    groups, context = encoder.groups, task.context_
    longest = int(np.diff(context.starts).argmax())
    times = context.times[context.starts[longest] : context.starts[longest + 1]][-rows:]
    own = np.concatenate([[0], encoder.kin]).astype(int)
    values = encoder.inputs.mean + encoder.inputs.deviation * rng.standard_normal(
        (len(groups), rows, len(encoder.columns) - 1)
    )
    values = np.concatenate([np.zeros((*values.shape[:2], 1)), values], 2)
    mean, deviation = (one[:, None, None] for one in (encoder.target.mean, encoder.target.deviation))
    values[..., own] = mean + deviation * rng.standard_normal((len(groups), rows, len(own)))
    values[rng.random(values.shape) < MISSING] = np.nan
    values[:, -1, 0] = mean[:, 0, 0]  # what nobody has seen at all would have no last value
    series = replace(
        context,
        values=values.reshape(-1, values.shape[2]),
        times=np.tile(times, len(groups)),
        rows=np.zeros(len(groups) * rows, np.int64),
        starts=np.arange(len(groups) + 1) * rows,
        groups=groups,
    )
    series = extend.with_future(series, series.starts[1:], horizon)
    ends = series.starts[1:] - horizon
    known = list(encoder.known)
    after = ends[:, None] + np.arange(horizon)
    series.values[after[..., None], known] = rng.standard_normal((*after.shape, len(known)))
    windows = Windows(encoder.encode(series), ends, task.lookback_, horizon)
    point, bands = task._decoded(windows)
    outputs = {"forecast": point, "lower": bands[0.95][0], "upper": bands[0.95][1]}
    outputs |= {"lower_80": bands[0.8][0], "upper_80": bands[0.8][1]}
    feeds: Arrays = {"values": values}
    if known:
        feeds["ahead"] = series.values[after[..., None], known]
    if encoder.calendar:
        feeds["calendar"] = _calendar(encoder, series, ends, task.lookback_, horizon)
    if len(groups) > 1:
        feeds["group"] = np.arange(len(groups))
    return feeds, outputs


def _calendar(encoder: SeriesEncoder, series: SeriesSet, ends: np.ndarray, lookback: int, horizon: int) -> np.ndarray:
    """(G, lookback + K, features)"""
    names, found = encoder.clock.features(series.times)
    at = ends[:, None] + np.arange(-lookback, horizon)
    return found[at][..., [names.index(name) for name in encoder.calendar]]


def _context(task: Forecaster) -> dict[str, Any]:
    """The end of the data of the fit, from which `elman predict` goes on: inputs by name, null where missing."""
    encoder, rows = task.encoder_, rows_needed(task)
    series = extend.with_future(task.context_, task.context_.starts[1:], task.config_.horizon)
    ends = series.starts[1:] - task.config_.horizon
    found: dict[str, Any] = {"groups": list(series.groups), "values": []}
    for first, end in zip(series.starts[:-1], ends, strict=True):
        own = series.values[max(first, end - rows - 1) : end]
        lines = [[None if np.isnan(number) else number for number in row] for row in own.tolist()]
        # Before its first row a series stays as it began, as its lags do.
        found["values"].append([lines[0]] * (rows + 1 - len(lines)) + lines)
    if encoder.calendar:
        found["calendar"] = _calendar(encoder, series, ends, task.lookback_, task.config_.horizon).tolist()
    when = series.times[ends[:, None] + np.arange(task.config_.horizon)]
    found["times"] = when.astype(str).tolist() if when.dtype.kind == "M" else when.tolist()
    return found


def _named(columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [{"of": one.of, "kind": one.kind, "lag": one.lag} for one in columns]


def _how(name: str, encoder: SeriesEncoder) -> str:
    """In words how a calendar's feature is made of the time of a step."""
    clock = "by UTC" if encoder.clock.timezone is None else f"on the clocks of {encoder.clock.timezone}"
    if name in WEEKDAYS:
        return f"1 on a {name} {clock}, else 0"
    wave, turns = name.rpartition("_")[2][:3], name[-1]
    share = "share of the day that has passed"
    if name.startswith("year"):
        share = "days since 1 January began / 365.25" if encoder.clock.months is None else "month / 12, January is 0"
    return f"{wave}(2 pi {turns} s), s the {share}, {clock}"
