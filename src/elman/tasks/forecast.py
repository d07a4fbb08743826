"""Forecast: the next values of a column, with intervals, from any table with a time order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn

from elman.data import memory
from elman.data.augment import Way
from elman.data.batch import Batch, Examples
from elman.data.cut import Ordered
from elman.data.disk import OnDisk
from elman.data.frames import to_frame
from elman.data.series import extend
from elman.data.series.augment import WindowChange
from elman.data.series.cut import in_time
from elman.data.series.encoder import SeriesEncoder
from elman.data.series.on_disk import SeriesOnDisk
from elman.data.series.reader import SeriesReader, need
from elman.data.series.seen import Seen
from elman.data.series.series import Series, SeriesSet, check_target
from elman.data.series.split import Parts, as_given, by_time, observed_ends
from elman.data.series.tables_on_disk import WindowsOnDisk, encoded, origins_on_disk
from elman.data.series.window import Windows, evenly, most_judged, origins
from elman.errors import InputError
from elman.evaluate.costs import Costs
from elman.evaluate.forecast import baselines
from elman.evaluate.forecast.backtest import backtest
from elman.evaluate.forecast.intervals import MEAN, MIDDLE, QUANTILES, Bands, Intervals
from elman.evaluate.forecast.report import sections
from elman.nn.forecaster import ForecastNetwork
from elman.nn.losses import pinball, squared
from elman.tasks.base import DOES, Judged, Prepared, Task, TaskConfig
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
        Steps between the origins that judge; 1 judges every one, or evenly spaced ones where there are very many.
    valid_share
        Share of the rows that chooses when to stop.
    test_share
        Last share of the rows, which judges.
    ram
        Memory that the data may take, as 500MB or 2GB: what needs more is read from disk; found by itself when left
        out.
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
    ram: str | None = None

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
        if self.ram is not None:
            memory.parse(self.ram)


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
        opened = {
            "train": self._origins(series, starts, parts.train_end, config, stride=1),
            "valid": self._origins(series, parts.train_end, parts.valid_end, config, config.stride),
            "test": self._origins(series, parts.valid_end, parts.test_end, config, config.stride),
        }
        cut = self._cut(series, config.horizon)
        made = {part: cut(at if part == "train" else _spaced(at, config.horizon)) for part, at in opened.items()}
        if config.augment:
            numbers, units = self.encoder_.numbers(), self.encoder_.in_units()
            lags = len(self.encoder_.lags)
            made["train"].change = WindowChange(config.augment, self.lookback_, numbers, units, lags)
        self._refuse_short(made, series, parts, config.horizon)
        some = made["train"].at(evenly(len(made["train"]), baselines.MOST_SEASONS))
        self.season_ = (
            baselines.best_season(_target(series), starts, some, config.horizon, seasons) if seasons else None
        )
        self.seen_ = Seen.of(series, parts.valid_end)
        self.context_ = extend.context(series, parts.test_end, self.reach)
        fewer = [_fewer(len(opened[part]), len(made[part]), DOES[part]) for part in ("valid", "test")]
        told = (*series.notes, *notes, parts.how, *filter(None, fewer))
        return Prepared(**made, notes=told, judged=(series, parts.valid_end))

    def _first(self, source: Any, config: ForecastConfig) -> tuple[SeriesSet | SeriesOnDisk, list[str]]:
        large = _too_large(source, config)
        self.reader_, series, notes = SeriesReader.first(
            source,
            targets=config.target,
            known=config.known,
            inputs=() if config.inputs == ("none",) else config.inputs,
            time=() if config.time == ("none",) else config.time,
            group=config.group,
            duplicates=config.duplicates,
            timezone=config.timezone,
            on_disk=bool(large),
        )
        return series, [*notes, *([large] if large else [])]

    def _later(self, source: Any) -> SeriesSet | SeriesOnDisk:
        """A table that is not learnt from, in memory where there is room for it."""
        large = _too_large(source, self.config_)
        if not large:
            return self.reader_.read(source)
        series = self.reader_.read_on_disk(Path(source))
        return replace(series, notes=(*series.notes, large))

    def _read(
        self, source: Any, valid: Any, test: Any, config: ForecastConfig
    ) -> tuple[SeriesSet | SeriesOnDisk, Parts, list[str]]:
        series, notes = self._first(source, config)
        if valid is None and test is None:
            return series, by_time(series, config.valid_share, config.test_share), notes
        if isinstance(series, SeriesOnDisk):
            raise InputError(
                f"{source} has no room in memory, and from disk it is read without parts that are given apart: leave "
                "out --valid and --test, so that it is split by time, or give more --ram"
            )
        given = [None if part is None else self.reader_.read(part) for part in (valid, test)]
        names = [
            str(part) if isinstance(part, str | Path) else f"the {name} part"
            for name, part in (("training", source), ("validation", valid), ("test", test))
        ]
        return *as_given(series, given[0], given[1], names, config.valid_share), notes

    def _origins(
        self, series: SeriesSet | SeriesOnDisk, begin: np.ndarray, end: np.ndarray, config: ForecastConfig, stride: int
    ) -> np.ndarray | OnDisk:
        reach = {
            "lookback": self.lookback_,
            "history": max([self.lookback_, *self.encoder_.lags]),
            "horizon": config.horizon,
            "stride": stride,
        }
        if isinstance(series, SeriesOnDisk):
            return origins_on_disk(series, int(begin[0]), int(end[0]), **reach)
        return origins(series, begin, end, **reach)

    def _cut(
        self, series: SeriesSet | SeriesOnDisk, horizon: int, own: int | None = None
    ) -> Callable[[np.ndarray | OnDisk], Windows]:
        """Origins to windows over these series."""
        if isinstance(series, SeriesOnDisk):
            on_disk = encoded(self.encoder_, series)
            return lambda at: WindowsOnDisk(on_disk, at, self.lookback_, horizon)
        tables = self.encoder_.encode(series, own)
        return lambda at: Windows(tables, np.asarray(at), self.lookback_, horizon)

    def _refuse_short(self, made: dict[str, Windows], series: Series, parts: Parts, horizon: int) -> None:
        sizes = {
            "train": int((parts.train_end - series.starts[:-1]).max()),
            "valid": int((parts.valid_end - parts.train_end).max()),
            "test": int((parts.test_end - parts.valid_end).max()),
        }
        for part, least in (("train", self.lookback_ + horizon), ("valid", horizon), ("test", horizon)):
            if not len(made[part]) and (part != "test" or sizes["test"]):
                raise InputError(
                    f"the {part} part has {sizes[part]:,} rows at most in a series, but a window needs {least:,} "
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
        y: list[np.ndarray] = []
        quantiles = self._quantiles(valid, y)
        self.intervals_ = Intervals.fit(quantiles, np.concatenate(y).astype(np.float64))

    # From outputs to what the user reads.

    def pointed(self, outputs: Tensor) -> Tensor:
        """The point forecasts (N, K) among outputs (N, K, Q + 1)."""
        return outputs[..., :MEAN].sort(-1)[0][..., MIDDLE] if self.config_.point == "median" else outputs[..., MEAN]

    def _quantiles(self, windows: Windows, y: list[np.ndarray] | None = None) -> np.ndarray:
        """Sorted quantiles and the mean, (N, K, Q + 1), in the target's scale; what came is put into ``y``."""
        out = np.empty((len(windows), windows.horizon, MEAN + 1))
        at = 0
        for batch, outputs in self.outputs(windows):
            out[at : at + len(outputs)] = outputs.double().cpu().numpy()
            at += len(outputs)
            if y is not None and batch.y is not None:
                y.append(batch.y.cpu().numpy())
        out[..., :MEAN].sort(axis=-1)
        return out

    def _decoded(self, windows: Windows) -> tuple[np.ndarray, Bands]:
        """Point forecasts (N, K) and intervals {level: (lower, upper)} in the target's own units."""
        at = windows.at(np.arange(len(windows)))
        mean, deviation = (values[at, None] for values in windows.scale)
        return self.intervals_.decode(self._quantiles(windows), mean, deviation, self.config_.point)

    def judge(self, examples: Examples, judged: tuple[SeriesSet, np.ndarray], notes: tuple[str, ...]) -> Judged:
        assert isinstance(examples, Windows)
        series, train = judged
        return self._judge(series, examples, train, notes)

    def judge_source(self, source: Any) -> Judged:
        series = self._later(source)
        windows, begin, notes = self.unseen_windows(series, self.config_.stride)
        starts, ends = series.starts[:-1], observed_ends(series)
        train = np.where(begin > starts, begin, ends)
        return self._judge(series, windows, train, (*series.notes, *notes))

    def unseen_windows(
        self, series: SeriesSet | SeriesOnDisk, stride: int
    ) -> tuple[Windows, np.ndarray, tuple[str, ...]]:
        """The windows of rows that the fit has not seen, the first such row of each group, and what to say of it."""
        starts, ends = series.starts[:-1], observed_ends(series)
        begin, notes = self.seen_.unseen(series)
        begin = np.minimum(begin, ends)
        opened = self._origins(series, begin, ends, self.config_, stride)
        windows = self._cut(series, self.config_.horizon, own=self.lookback_)(_spaced(opened, self.config_.horizon))
        if not len(windows):
            raise InputError(
                f"there is no window to judge: a series has {int((ends - starts).max()):,} rows at most, "
                f"{int((ends - begin).max()):,} of them new, but lookback {self.lookback_} and horizon "
                f"{self.config_.horizon} are needed: give more rows"
            )
        fewer = _fewer(len(opened), len(windows), DOES["test"])
        return windows, begin, (*notes, *([fewer] if fewer else []))

    def _judge(
        self, series: SeriesSet | SeriesOnDisk, windows: Windows, train: np.ndarray, notes: tuple[str, ...]
    ) -> Judged:
        began = time.perf_counter()
        point, bands = self._decoded(windows)
        clock, at = self.encoder_.clock, windows.at(np.arange(len(windows)))
        ago = f"{self.season_} steps ago" if clock.step == "row" else f"{self.season_} steps of {clock.step} ago"
        words = {
            "naive": "the last value",
            "drift": "the straight line on (drift)",
            "seasonal_naive": f"the value {ago}",
        }
        result = backtest(
            _target(series),
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
        if isinstance(series, SeriesOnDisk):
            raise InputError(
                f"{source} has no room in memory, where a search cuts it again and again: give fewer rows, or more "
                "--ram"
            )
        return in_time(source, series, self.reader_.time, self.reader_.group), test

    def costs(self, examples: Examples, judged: tuple[SeriesSet, np.ndarray]) -> Costs:
        """Errors of the point forecasts (N, K): absolute for the median, squared for the mean."""
        assert isinstance(examples, Windows)
        (series, _), at, config = judged, examples.at(np.arange(len(examples))), self.config_
        error = self._decoded(examples)[0] - baselines.future(_target(series), series.starts[:-1], at, config.horizon)
        stride = max(config.stride, int(np.median(np.diff(at)))) if len(at) > 1 else config.stride
        median, block = config.point == "median", 2 * -(-config.horizon // stride)
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
        series = self.context_ if source is None else self._later(source)
        if isinstance(series, SeriesOnDisk):
            series = extend.context(series, observed_ends(series), self.reach)
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


def _target(series: SeriesSet | SeriesOnDisk) -> Any:
    """The target's values, as what is judged beside asks for them."""
    return series.target if isinstance(series, SeriesOnDisk) else series.values[:, 0]


def _spaced(at: np.ndarray | OnDisk, horizon: int) -> np.ndarray:
    found: np.ndarray = at[evenly(len(at), most_judged(horizon))]
    return found


def _fewer(opened: int, judged: int, does: str) -> str:
    return f"{judged:,} evenly spaced windows of {opened:,} {does}" if judged < opened else ""


def _too_large(source: Any, config: ForecastConfig) -> str:
    """Why a table is read from disk, in a sentence; nothing where it has room in memory."""
    if not isinstance(source, str | Path) or not Path(source).is_file():
        return ""
    room = memory.parse(config.ram) if config.ram else memory.available() // 2
    needed = need(Path(source))
    if needed <= room:
        return ""
    return (
        f"{Path(source).name} would take about {memory.in_words(needed)} of memory and may take "
        f"{memory.in_words(room)}: its rows are read from disk"
    )
