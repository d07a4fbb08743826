"""Why a forecast is as it is: what all rest on, by a file, and what one of them is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.data.series import extend
from elman.data.series.encoder import Tables
from elman.data.series.pieces import Pieces
from elman.data.series.series import SeriesSet
from elman.data.series.split import observed_ends
from elman.data.series.window import Windows
from elman.errors import InputError
from elman.evaluate.explanation import Drivers, following
from elman.evaluate.forecast.explained import One
from elman.evaluate.wording import Own
from elman.explain.attribution import integrated_gradients, occlusion
from elman.explain.entry import recorded
from elman.explain.importance import REPEATS, permutation_importance
from elman.explain.units import Followed, followed
from elman.tasks.explained import Explained

MOST_WINDOWS = 2000
MOST_NUMBERS = 2**26  # that these windows hold together
AT_ONCE = 512  # windows


def explain_forecast(model: Any, source: Any, row: int | None) -> Explained:
    """Permutation importance and what units follow on a file's unseen windows; the parts of one forecast."""
    if source is None and row is not None:
        raise InputError(f"--row is {row}, a row of a file, but no file is given: name it after the model")
    series = model.context_ if source is None else model.reader_.read(source)
    pieces = pieces_of(model)
    one = one_forecast(model, series, row)
    page, plots = one.page(pieces.target)
    if source is None:
        notes: tuple[str, ...] = ("what forecasts rest on in general is told by a file: elman explain MODEL FILE",)
        return Explained(_title(model), one.sentence, (page,), one.table, plots, {"forecast": one.facts}, notes)
    windows, _, told = model.unseen_windows(series, 1)
    inputs, at = _sampled(windows)
    error, found = permutation_importance(_errors(model, windows, at), inputs, _parts(pieces))
    drivers = Drivers({name: (rise.share, rise.low, rise.high) for name, rise in found.items()})
    plots["importance"] = drivers.plot
    units = _units(model, inputs, pieces)
    rows = [(unit.unit, unit.signal, unit.correlation, unit.chance) for unit in units]
    where = "The encoder's last layer as the forecast begins, beside what it reads."
    notes = (*told, f"{len(at):,} of {len(windows):,} windows are shuffled, each part {REPEATS} times")
    facts = {
        "mae": error,
        "windows": len(at),
        "importance": {name: asdict(rise) for name, rise in found.items()},
        "units": [asdict(unit) for unit in units],
        "forecast": one.facts,
    }
    pages = (drivers.page(plots["importance"]), page, following(rows, where))
    return Explained(_title(model), drivers.sentence("The forecasts"), pages, drivers.table, plots, facts, notes)


def _title(model: Any) -> str:
    return f"{model.title()}: what it rests on"


def pieces_of(model: Any) -> Pieces:
    """The parts of the model's windows."""
    encoder, config = model.encoder_, model.config_
    seasons = [config.season] if config.season else encoder.clock.seasons()
    used = [m for m in seasons if m * -(-config.horizon // m) in encoder.lags]
    named = config.target[0] if len(config.target) == 1 and config.target != ("*",) else "the series"
    return Pieces(encoder, model.lookback_, config.horizon, used, model.reader_.layout, named)


def _parts(pieces: Pieces) -> dict[str, Any]:
    return {_told(pieces, name): part for name, part in pieces.parts().items()}


def _told(pieces: Pieces, name: str) -> str:
    """The name of a part, as the page's own words where it is more than the name of a column."""
    columns = (*pieces.encoder.past_columns, *pieces.encoder.future_columns)
    given = {pieces.said(column) for column in columns if column.kind not in ("factor", "calendar")}
    return name if name in given - {"the series"} else Own(name)


# All forecasts.


def _sampled(windows: Windows) -> tuple[dict[str, Tensor], Tensor]:
    """The inputs of some windows and which these are: one, drawn, of each of as many equal stretches.

    Evenly spaced ones might all begin at one time of day.
    """
    probe = windows.batch(torch.tensor([0])).inputs
    size = sum(value.numel() for value in probe.values())
    count = max(1, min(MOST_WINDOWS, len(windows), MOST_NUMBERS // size))
    edges = np.linspace(0, len(windows), count + 1).astype(np.int64)
    at = torch.from_numpy(np.random.default_rng(0).integers(edges[:-1], edges[1:]))
    return windows.batch(at).inputs, at


def _errors(model: Any, windows: Windows, at: Tensor) -> Callable[[dict[str, Tensor]], np.ndarray]:
    """The mean absolute error of each window's forecast, in the target's units."""
    y = windows.batch(at).y
    assert y is not None
    deviation = windows.tables.deviation[windows.origins[at].numpy()]
    actual = y.double().numpy()

    def errors(inputs: dict[str, Tensor]) -> np.ndarray:
        found = []
        with torch.no_grad():
            for some in torch.arange(len(actual)).split(AT_ONCE):
                batch = {name: value[some].to(model.config_.device) for name, value in inputs.items()}
                found.append(model.pointed(model.network_(**batch)).double().cpu().numpy())
        mean: np.ndarray = np.nanmean(np.abs(np.concatenate(found) - actual) * deviation[:, None], axis=1)
        return mean

    return errors


def _units(model: Any, inputs: Mapping[str, Tensor], pieces: Pieces) -> list[Followed]:
    """What the units of the encoder's last state follow, of what its last step reads."""
    encoder = model.network_.encoder
    states = []
    with recorded(encoder) as given, torch.no_grad():
        for some in torch.arange(len(inputs["x"])).split(AT_ONCE):
            model.network_(**{name: value[some].to(model.config_.device) for name, value in inputs.items()})
            states.append(given.pop()[-1].float().cpu())
    last = inputs["x"][:, -1].numpy()
    names = [_told(pieces, _signal(pieces, column)) for column in model.encoder_.past_columns]
    return followed(torch.cat(states).numpy(), {name: last[:, j] for j, name in enumerate(names)})


def _signal(pieces: Pieces, column: Any) -> str:
    said = pieces.said(column)
    if column.kind == "calendar":
        return f"{said} ({column.of})"
    said = column.of if column.of != pieces.encoder.columns[0] and column.kind == "value" else said
    return f"{said}{f', {column.lag} steps before' if column.lag else ''}{', observed' * (column.kind == 'observed')}"


# One forecast.


def one_forecast(model: Any, series: SeriesSet, row: int | None) -> One:
    """The latest forecast that can be made of a series, or that whose first step is row ``row``, in its parts."""
    pieces = pieces_of(model)
    parts = _parts(pieces)
    horizon, lookback = model.config_.horizon, model.lookback_
    group, origin = _origin(model, series, row)
    ends = observed_ends(series)
    ends[group] = origin
    series = extend.with_future(series, ends, horizon)
    origin = int(series.starts[group + 1]) - horizon
    model.refuse_unknown(series, np.array([origin]))
    tables = model.encoder_.encode(series)
    windows = Windows(tables, np.array([origin]), lookback, horizon)
    inputs = windows.batch(torch.tensor([0])).to(model.config_.device).inputs
    shapes = {name: inputs[name].shape[1:] for name in ("x", "known")}
    network, deviation = deepcopy(model.network_).double().eval(), float(tables.deviation[origin])

    def forecasts(flat: Tensor) -> Tensor:
        """(N, K) of flattened windows (N, T F + K F'), in the target's units but for their mean."""
        x, known = flat.split([shape.numel() for shape in shapes.values()], 1)
        out = network(
            x=x.reshape(-1, *shapes["x"]),
            known=known.reshape(-1, *shapes["known"]),
            group=inputs["group"].expand(len(x)),
        )
        return model.pointed(out) * deviation

    flat = _flat(inputs["x"][0].double(), inputs["known"][0].double())
    own = slice(int(series.starts[group]), int(series.starts[group + 1]))
    mean = [table[own].double().mean(0).expand(shapes[name]) for name, table in _tables(tables).items()]
    baseline = _flat(*mean).to(flat)
    masks = torch.stack([_flat(part["x"], part["known"]) for part in parts.values()]).to(flat.device)
    attribution = integrated_gradients(lambda rows: forecasts(rows).mean(1), flat, baseline)
    effects = occlusion(forecasts, flat, baseline, masks).cpu().numpy()
    shares = {n: float(attribution.values[mask].sum()) for n, mask in zip(parts, masks, strict=True)}
    order = sorted(range(len(shares)), key=lambda at: -abs(list(shares.values())[at]))
    with torch.no_grad():
        forecast = forecasts(flat[None])[0].cpu().numpy() + tables.mean[origin]
    x, known = (
        values.cpu().numpy().reshape(shape)
        for values, shape in zip(
            attribution.values.split([s.numel() for s in shapes.values()]), shapes.values(), strict=True
        )
    )
    return One(
        series.times[origin : origin + horizon],
        series.times[origin - lookback : origin],
        forecast,
        attribution.difference,
        float(attribution.values.sum()),
        attribution.points,
        {list(shares)[at]: list(shares.values())[at] for at in order},
        effects[order],
        _by_name(pieces, model.encoder_.past_columns, x),
        _by_name(pieces, model.encoder_.future_columns, known),
    )


def _origin(model: Any, series: SeriesSet, row: int | None) -> tuple[int, int]:
    """The group and the first row to be forecast: the latest that can be made in the first group, or row ``row``."""
    ends, starts, reads = observed_ends(series), series.starts, model.lookback_
    if row is None:
        group, origin = 0, int(ends[0])
        ahead = series.values[origin : origin + model.config_.horizon, list(model.encoder_.known)]
        if series is not model.context_ and model.encoder_.known and len(ahead) < model.config_.horizon:
            origin -= model.config_.horizon  # what must be known of the steps to come is not in the file
    else:
        places = np.flatnonzero(series.rows == row)
        if not len(places):
            raise InputError(
                f"--row is {row}, but the file has rows 1 to {int(series.rows.max()):,}: give one of these"
            )
        origin = int(places[0])
        group = int(np.searchsorted(starts, origin, side="right")) - 1
        if origin > ends[group]:
            raise InputError(
                f"--row is {row}, but the target is last observed in row {int(series.rows[ends[group] - 1]):,}: give "
                "that of the next row at most"
            )
    before = origin - int(starts[group])
    if before < reads:
        raise InputError(
            f"there {'is' if before == 1 else 'are'} {before:,} row{'s' * (before != 1)} before the forecast, but the "
            f"model reads {reads:,}: give {'more rows' if row is None else 'a later --row'}"
        )
    return group, origin


def _tables(tables: Tables) -> dict[str, Tensor]:
    return {"x": tables.past, "known": tables.future}


def _flat(x: Tensor, known: Tensor) -> Tensor:
    return torch.cat([x.flatten(), known.flatten()])


def _by_name(pieces: Pieces, columns: list[Any], values: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of attributions, those of one name added up: (T,) each, the largest first."""
    found: dict[str, np.ndarray] = {}
    for j, column in enumerate(columns):
        said = _told(pieces, pieces.said(column) + (f", {column.lag} steps before" if column.lag else ""))
        found[said] = found.get(said, 0) + values[:, j]
    return dict(sorted(found.items(), key=lambda item: -float(np.abs(item[1]).sum())))
