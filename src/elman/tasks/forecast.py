"""Forecast: the next values of a column, with intervals, from any table with a time order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.augment import Way
from elman.data.batch import Batch, Examples
from elman.data.cut import Ordered
from elman.data.frames import to_frame
from elman.data.series import extend
from elman.data.series.augment import WindowChange
from elman.data.series.cut import in_time
from elman.data.series.encoder import SeriesEncoder, Tables
from elman.data.series.reader import SeriesReader
from elman.data.series.seen import Seen
from elman.data.series.series import SeriesSet, check_target
from elman.data.series.split import Parts, as_given, by_time, observed_ends
from elman.data.series.window import Windows, origins
from elman.errors import InputError
from elman.evaluate.costs import Costs
from elman.evaluate.forecast import baselines
from elman.evaluate.forecast.backtest import backtest
from elman.evaluate.forecast.intervals import MEAN, MIDDLE, QUANTILES, Bands, Intervals
from elman.evaluate.forecast.report import sections
from elman.nn.forecaster import ForecastNetwork
from elman.nn.losses import pinball, squared
from elman.tasks.base import Judged, Prepared, Task, TaskConfig
from elman.tasks.explain_forecast import explain_forecast
from elman.tasks.explained import Explained
from elman.train.config import require, require_least, require_share

Columns = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ForecastConfig(TaskConfig):
    """What to forecast, from what, how far.

    Parameters
    ----------
    target
        Column to forecast; several are several series of one model, and '*' is every number column.
    horizon
        Steps to forecast.
    lookback
        Steps the model reads; two seasons when left out.
    time
        Column of the time (or year month day hour); found by itself when left out, 'none' when rows are the steps.
    group
        Column that tells one series from another.
    known
        Columns known ahead for the whole horizon: holidays, planned prices, weather forecasts.
    inputs
        Other columns to learn from; all usable ones when left out, 'none' for none.
    season
        Steps of a season, when the calendar does not tell.
    timezone
        IANA zone whose wall clock the calendar follows, for times in UTC.
    duplicates
        What to do with several rows of one time: mean, first or last.
    point
        What the forecast minimises: median (MAE) or mean (RMSE).
    level
        Reversible normalisation of each window: last, window, none, or auto by the training part.
    augment
        Change the windows that are learnt from anew each time: jitter, scaling, warp, slice, or several of these.
    stride
        Steps between the origins that judge; 1 judges every one.
    valid_share
        Share of the rows that chooses when to stop.
    test_share
        Last share of the rows, which judges.
    """

    target: Columns
    horizon: int = 1
    lookback: int | None = None
    time: Columns | None = None
    group: str | None = None
    known: Columns = ()
    inputs: Columns | None = None
    season: int | None = None
    timezone: str | None = None
    duplicates: Literal["mean", "first", "last"] | None = None
    point: Literal["median", "mean"] = "median"
    level: Literal["auto", "last", "window", "none"] = "auto"
    augment: tuple[Way, ...] = ()
    stride: int = 1
    valid_share: float = 0.1
    test_share: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("target", "known", "inputs", "time", "augment"):
            value = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, (value,))
            elif isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        require(bool(self.target), "target", self.target, "the name of a column")
        require(
            isinstance(self.horizon, int) and self.horizon >= 1,
            "horizon",
            self.horizon,
            "a whole number, at least 1",
        )
        require_least(self, 1, "lookback", "stride")
        require_least(self, 2, "season")
        require(0 < self.valid_share < 1, "valid_share", self.valid_share, "between 0 and 1")
        require_share(self, "test_share")


class Forecaster(Task):
    """Forecast a column: ``Forecaster(target="Close", horizon=5).fit("prices.csv")``, then predict, evaluate, save."""

    name = "forecast"
    help = "Forecast a column of a CSV, TSV or Parquet file."
    file = "The table: one row a time step (and series)."
    Config = ForecastConfig
    remembers = True
    after = (
        ("predict {}", "the next values"),
        ("evaluate {} NEW.csv", "the score on new data"),
    )

    # From the source to windows.

    def prepare(self, source: Any, valid: Any, test: Any, config: ForecastConfig) -> Prepared:
        self.like_ = None if isinstance(source, str | Path | dict) else source[:0]
        series, parts, notes = self._read(source, valid, test, config)
        starts, size = series.starts[:-1], parts.train_end - series.starts[:-1]
        check_target(series, size)
        rows = int(size.max())
        seasons = [m for m in ([config.season] if config.season else series.clock.seasons()) if 3 * m <= rows]
        self.lookback_ = config.lookback or _lookback(config.horizon, seasons, rows)
        ahead = {m * -(-config.horizon // m) for m in seasons}  # the nearest whole seasons that reach over the horizon
        self.encoder_ = SeriesEncoder.fit(
            series,
            parts.train_end,
            known=config.known,
            lags=tuple(sorted(m for m in ahead if 3 * m <= rows)),
            horizon=config.horizon,
            level=config.level,
            factors=min(16, len(series.groups) // 4) if len(series.groups) >= 8 else 0,
        )
        tables = self.encoder_.encode(series)
        made = {
            "train": self._windows(series, tables, starts, parts.train_end, config, stride=1),
            "valid": self._windows(series, tables, parts.train_end, parts.valid_end, config, config.stride),
            "test": self._windows(series, tables, parts.valid_end, parts.test_end, config, config.stride),
        }
        if config.augment:
            numbers, units = self.encoder_.numbers(), self.encoder_.in_units()
            lags = len(self.encoder_.lags)
            made["train"].change = WindowChange(config.augment, self.lookback_, numbers, units, lags)
        self._refuse_short(made, series, parts, config.horizon)
        y, train = series.values[:, 0], made["train"].origins.numpy()
        self.season_ = baselines.best_season(y, starts, train, config.horizon, seasons) if seasons else None
        self.seen_ = Seen.of(series, parts.valid_end)
        self.context_ = extend.context(series, parts.test_end, self.reach)
        told = (*series.notes, *notes, parts.how)
        return Prepared(**made, notes=told, judged=(series, _before(series, parts.valid_end)))

    def _first(self, source: Any, config: ForecastConfig) -> tuple[SeriesSet, list[str]]:
        self.reader_, series, notes = SeriesReader.first(
            source,
            targets=config.target,
            known=config.known,
            inputs=() if config.inputs == ("none",) else config.inputs,
            time=() if config.time == ("none",) else config.time,
            group=config.group,
            duplicates=config.duplicates,
            timezone=config.timezone,
        )
        return series, notes

    def _read(self, source: Any, valid: Any, test: Any, config: ForecastConfig) -> tuple[SeriesSet, Parts, list[str]]:
        series, notes = self._first(source, config)
        if valid is None and test is None:
            return series, by_time(series, config.valid_share, config.test_share), notes
        given = [None if part is None else self.reader_.read(part) for part in (valid, test)]
        names = [
            str(part) if isinstance(part, str | Path) else f"the {name} part"
            for name, part in (("training", source), ("validation", valid), ("test", test))
        ]
        return *as_given(series, given[0], given[1], names, config.valid_share), notes

    def _windows(
        self, series: SeriesSet, tables: Tables, begin: np.ndarray, end: np.ndarray, config: ForecastConfig, stride: int
    ) -> Windows:
        history = max([self.lookback_, *self.encoder_.lags])
        at = origins(
            series, begin, end, lookback=self.lookback_, history=history, horizon=config.horizon, stride=stride
        )
        return Windows(tables, at, self.lookback_, config.horizon)

    def _refuse_short(self, made: dict[str, Windows], series: SeriesSet, parts: Parts, horizon: int) -> None:
        sizes = {
            "train": int((parts.train_end - series.starts[:-1]).max()),
            "valid": int((parts.valid_end - parts.train_end).max()),
            "test": int((parts.test_end - parts.valid_end).max()),
        }
        for part, need in (("train", self.lookback_ + horizon), ("valid", horizon), ("test", horizon)):
            if not len(made[part]) and (part != "test" or sizes["test"]):
                raise InputError(
                    f"the {part} part has {sizes[part]:,} rows at most in a series, but a window needs {need:,} "
                    f"with a target (lookback {self.lookback_}, horizon {horizon}): give more rows, or a smaller "
                    "--horizon or --lookback"
                )

    # The network and what it learns by.

    def sizes(self, config: ForecastConfig, examples: Examples) -> list[dict[str, Any]]:
        largest = 32 if len(examples) < 10_000 else 64 if len(examples) < 200_000 else 96
        wanted = [config.hidden] if config.hidden else [h for h in (96, 64, 32, 16) if h <= largest]
        return [{"hidden": hidden, "lookback": self.lookback_} for hidden in wanted]

    def network(self, config: ForecastConfig) -> nn.Module:
        encoder = self.encoder_
        probe = encoder.encode(self.context_)
        assert config.hidden is not None
        return ForecastNetwork(
            past=probe.past.shape[1],
            future=probe.future.shape[1],
            horizon=config.horizon,
            outputs=len(QUANTILES) + 1,
            kin=len(encoder.kin),
            lags=len(encoder.lags),
            groups=len(encoder.groups),
            cell=config.cell,
            layers=config.layers,
            hidden=config.hidden,
            dropout=config.dropout,
            residual=config.residual,
            level=encoder.level,
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Pinball over the quantiles plus half the squared error of the mean."""
        assert batch.y is not None
        quantiles = outputs.new_tensor(QUANTILES)
        return pinball(outputs[..., :MEAN], batch.y, quantiles) + 0.5 * squared(outputs[..., MEAN], batch.y)

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Mean error of the point forecast in the target's scale: absolute for the median, squared for the mean."""
        total = count = 0.0
        median = self.config_.point == "median"
        # Evenly spaced ones suffice to choose by, and many series have a great many.
        for rows in torch.arange(0, len(examples), max(1, len(examples) // 4096)).split(1024):
            batch = examples.batch(rows).to(self.config_.device)
            assert batch.y is not None
            error = (network(**batch.inputs)[..., MIDDLE if median else MEAN] - batch.y)[~batch.y.isnan()]
            total += float((error.abs() if median else error.square()).sum())
            count += error.numel()
        return total / max(count, 1)

    def finish(self, prepared: Prepared) -> None:
        """What the intervals must be widened by, on the validation part."""
        valid = prepared.valid
        assert isinstance(valid, Windows)
        y = valid.batch(torch.arange(len(valid))).y
        assert y is not None
        self.intervals_ = Intervals.fit(self._quantiles(valid), y.numpy().astype(np.float64))

    # From outputs to what the user reads.

    def pointed(self, outputs: Tensor) -> Tensor:
        """The point forecasts (N, K) among outputs (N, K, Q + 1)."""
        return outputs[..., :MEAN].sort(-1)[0][..., MIDDLE] if self.config_.point == "median" else outputs[..., MEAN]

    def _quantiles(self, windows: Windows) -> np.ndarray:
        """Sorted quantiles and the mean, (N, K, Q + 1), in the target's scale."""
        out = np.concatenate([outputs.double().cpu().numpy() for _, outputs in self.outputs(windows)])
        out[..., :MEAN].sort(axis=-1)
        return out

    def _decoded(self, windows: Windows) -> tuple[np.ndarray, Bands]:
        """Point forecasts (N, K) and intervals {level: (lower, upper)} in the target's own units."""
        at, tables = windows.origins.numpy(), windows.tables
        mean, deviation = tables.mean[at, None], tables.deviation[at, None]
        return self.intervals_.decode(self._quantiles(windows), mean, deviation, self.config_.point)

    def judge(self, examples: Examples, judged: tuple[SeriesSet, np.ndarray], notes: tuple[str, ...]) -> Judged:
        assert isinstance(examples, Windows)
        series, train = judged
        return self._judge(series, examples, train, notes)

    def judge_source(self, source: Any) -> Judged:
        series = self.reader_.read(source)
        windows, begin, notes = self.unseen_windows(series, self.config_.stride)
        starts, ends = series.starts[:-1], observed_ends(series)
        train = _before(series, np.where(begin > starts, begin, ends))
        return self._judge(series, windows, train, (*series.notes, *notes))

    def unseen_windows(self, series: SeriesSet, stride: int) -> tuple[Windows, np.ndarray, tuple[str, ...]]:
        """The windows of rows that the fit has not seen, the first such row of each group, and what to say of it."""
        starts, ends = series.starts[:-1], observed_ends(series)
        begin, notes = self.seen_.unseen(series)
        begin = np.minimum(begin, ends)
        tables = self.encoder_.encode(series, own=self.lookback_)
        windows = self._windows(series, tables, begin, ends, self.config_, stride)
        if not len(windows):
            raise InputError(
                f"there is no window to judge: a series has {int((ends - starts).max()):,} rows at most, "
                f"{int((ends - begin).max()):,} of them new, but lookback {self.lookback_} and horizon "
                f"{self.config_.horizon} are needed: give more rows"
            )
        return windows, begin, notes

    def _judge(self, series: SeriesSet, windows: Windows, train: np.ndarray, notes: tuple[str, ...]) -> Judged:
        began = time.perf_counter()
        point, bands = self._decoded(windows)
        clock, at = self.encoder_.clock, windows.origins.numpy()
        ago = f"{self.season_} steps ago" if clock.step == "row" else f"{self.season_} steps of {clock.step} ago"
        words = {
            "naive": "the last value",
            "drift": "the straight line on (drift)",
            "seasonal_naive": f"the value {ago}",
        }
        result = backtest(
            series.values[:, 0],
            series.starts[:-1],
            at,
            series.times,
            point,
            bands,
            train=train,
            season=self.season_,
            words=words,
            notes=notes,
            began=began,
        )
        when = series.times[at[:, None] + np.arange(point.shape[1])]
        group = np.searchsorted(series.starts, at, side="right") - 1
        return Judged(result.evaluation, *sections(result, when, at, group, series.columns[0], series.groups))

    def cut(self, source: Any, test: Any) -> tuple[Ordered, Any]:
        series, _ = self._first(source, self.config())
        return in_time(source, series, self.reader_.time, self.reader_.group), test

    def costs(self, examples: Examples, judged: tuple[SeriesSet, np.ndarray]) -> Costs:
        """Errors of the point forecasts (N, K): absolute for the median, squared for the mean."""
        assert isinstance(examples, Windows)
        (series, _), at, config = judged, examples.origins.numpy(), self.config_
        error = self._decoded(examples)[0] - baselines.future(
            series.values[:, 0], series.starts[:-1], at, config.horizon
        )
        median, block = config.point == "median", 2 * -(-config.horizon // config.stride)
        values = np.abs(error) if median else error**2
        # A window is known again by its series and by its distance from the end, whatever was learnt from before it.
        group = np.searchsorted(series.starts, at, side="right") - 1
        names = np.array([crc32(name.encode()) for name in series.groups], np.int64)
        rows = (names[group] << 30) + series.starts[group + 1] - at
        return Costs("MAE" if median else "MSE", values, rows, block, series.times[at - 1])

    def predict(self, source: Any = None) -> Any:
        """The next ``horizon`` values of each series, after the end of ``source`` or of the data of the fit.

        Returns a frame of the kind that was given (polars for a path): time, forecast, lower and upper (95 %), lower_80
        and upper_80, and the group where there are several. Rows of ``source`` after the last target give the columns
        that are known ahead. Raises InputError where these, or the rows that the model reads, are missing.
        """
        self.fitted()
        series = self.context_ if source is None else self.reader_.read(source)
        return to_frame(self.next_values(series), like=self.like_ if source is None else source)

    def next_values(self, series: SeriesSet) -> dict[str, Any]:
        """The columns of ``predict``, for the steps after the last target of each series."""
        horizon, ends = self.config_.horizon, observed_ends(series)
        if (short := ends - series.starts[:-1] < self.lookback_).any():
            g = int(np.flatnonzero(short)[0])
            raise InputError(
                f"{'the series' if len(series.groups) == 1 else f'series {series.groups[g]!r}'} has "
                f"{int(ends[g] - series.starts[g]):,} rows up to its last target, "
                f"but the model reads {self.lookback_}: give more rows"
            )
        series = extend.with_future(series, ends, horizon)
        ends = series.starts[1:] - horizon
        self.refuse_unknown(series, ends)
        point, bands = self._decoded(Windows(self.encoder_.encode(series), ends, self.lookback_, horizon))
        columns: dict[str, Any] = {}
        if series.groups != ("",):
            columns[self.config_.group or "series"] = np.repeat(series.groups, horizon).tolist()
        columns["step" if series.clock.step == "row" else "time"] = series.times[
            ends[:, None] + np.arange(horizon)
        ].ravel()
        columns["forecast"] = point.ravel()
        columns["lower"], columns["upper"] = (side.ravel() for side in bands[0.95])
        columns["lower_80"], columns["upper_80"] = (side.ravel() for side in bands[0.8])
        return columns

    @property
    def reach(self) -> int:
        """Rows before the first step to forecast that a forecast reads."""
        return self.lookback_ + max(self.encoder_.lags, default=0)

    def why(self, source: Any = None, row: int | None = None) -> Explained:
        """What forecasts rest on, by the rows of ``source``, and why one is as it is: the latest, or that of ``row``.

        Without a source the latest forecast alone is explained, from what the model keeps of the data of the fit.
        ``row`` counts the rows of the source from 1 and names the first one to be forecast.
        Raises InputError for sources that cannot be read, and rows with too few before them.
        """
        return explain_forecast(self, source, row)

    def refuse_unknown(self, series: SeriesSet, ends: np.ndarray) -> None:
        for j in self.encoder_.known:
            for end in ends:
                missing = int(np.isnan(series.values[end : end + self.config_.horizon, j]).sum())
                if missing and j not in self.encoder_.masked:
                    raise InputError(
                        f"column {series.columns[j]!r} must be known for the {self.config_.horizon} steps after "
                        f"{series.times[end - 1]}, but {missing} are missing: give a file with these rows, the target "
                        "left empty"
                    )

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        return {
            "reader": self.reader_.to_json(),
            "series": self.encoder_.to_json(),
            "lookback": self.lookback_,
            "season": self.season_,
            "seen_until": self.seen_.until,
            "widen": [[level, factor] for level, factor in self.intervals_.widen.items()],
            "groups": list(self.context_.groups),
        }

    def kept(self) -> dict[str, Tensor]:
        """The end of the data, from which the next values are forecast without the file, and its first targets."""
        return {
            "values": torch.from_numpy(self.context_.values),
            "times": torch.from_numpy(self.context_.times.astype(np.int64)),
            "starts": torch.from_numpy(self.context_.starts.astype(np.int64)),
            "first_rows": torch.from_numpy(self.seen_.first),
        }

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        self.reader_ = SeriesReader.from_json(encoders["reader"])
        self.encoder_ = SeriesEncoder.from_json(encoders["series"])
        self.lookback_, self.season_ = encoders["lookback"], encoders["season"]
        self.seen_, self.like_ = Seen(encoders["seen_until"], kept["first_rows"].numpy()), None
        self.intervals_ = Intervals({float(level): float(factor) for level, factor in encoders["widen"]})
        clock, times = self.encoder_.clock, kept["times"].numpy()
        self.context_ = SeriesSet(
            values=kept["values"].numpy(),
            columns=self.encoder_.columns,
            times=times if clock.step == "row" else times.astype("datetime64[us]"),
            rows=np.zeros(len(times), np.int64),
            starts=kept["starts"].numpy(),
            groups=tuple(encoders["groups"]),
            clock=clock,
        )

    def title(self) -> str:
        target = ", ".join(self.config_.target)
        if self.config_.target == ("*",):
            target = f"{len(self.encoder_.groups)} series"
        return f"Forecast of {target}, {self.config_.horizon} step{'s' if self.config_.horizon > 1 else ''} ahead"


def _lookback(horizon: int, seasons: list[int], rows: int) -> int:
    """Two of the shortest season, at least the horizon and 16, at most 256 and at most a quarter of the rows."""
    wanted = max(2 * seasons[0] if seasons else 24, horizon, 16)
    return max(1, min(wanted, 256, rows // 4))


def _before(series: SeriesSet, ends: np.ndarray) -> np.ndarray:
    """(N,) which rows lie before their group's end."""
    return np.arange(len(series.times)) < np.repeat(ends, np.diff(series.starts))
