"""Forecast: the next values of a column, with intervals, from any table with a time order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.data import extend
from elman.data.batch import Batch, Examples
from elman.data.clock import Clock
from elman.data.frames import to_frame
from elman.data.inputs import guess_inputs
from elman.data.series import SeriesSet, check_target, read_series
from elman.data.series_encoder import SeriesEncoder
from elman.data.split import Parts, by_time, observed_ends
from elman.data.window import Windows
from elman.errors import InputError
from elman.evaluate import baselines, plots
from elman.evaluate.backtest import backtest
from elman.evaluate.report import Figure, Section, Text
from elman.nn.forecaster import ForecastNetwork
from elman.nn.losses import pinball, squared
from elman.tasks.base import Judged, Prepared, Task, TaskConfig, comparison
from elman.train.config import require

QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
BANDS = {0.8: (1, 3), 0.95: (0, 4)}  # the quantiles that bound each interval
MEAN = len(QUANTILES)  # the network's last output

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
    stride
        Steps between the origins that judge; 1 judges every one.
    valid_share
        Share of the rows that chooses when to stop.
    test_share
        Last share of the rows, which judges.
    """

    target: Columns | str
    horizon: int = 1
    lookback: int | None = None
    time: Columns | str | None = None
    group: str | None = None
    known: Columns = ()
    inputs: Columns | None = None
    season: int | None = None
    timezone: str | None = None
    duplicates: Literal["mean", "first", "last"] | None = None
    point: Literal["median", "mean"] = "median"
    level: Literal["auto", "last", "window", "none"] = "auto"
    stride: int = 1
    valid_share: float = 0.1
    test_share: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("target", "known", "inputs", "time"):
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
        require(self.lookback is None or self.lookback >= 1, "lookback", self.lookback, "at least 1")
        require(self.season is None or self.season >= 2, "season", self.season, "at least 2")
        require(self.stride >= 1, "stride", self.stride, "at least 1")
        require(self.point in ("median", "mean"), "point", self.point, "median or mean")
        require(
            self.level in ("auto", "last", "window", "none"),
            "level",
            self.level,
            "auto, last, window or none",
        )
        require(0 < self.valid_share < 1, "valid_share", self.valid_share, "between 0 and 1")
        require(0 <= self.test_share < 1, "test_share", self.test_share, "at least 0 and below 1")


class Forecaster(Task):
    """Forecast a column: ``Forecaster(target="Close", horizon=5).fit("prices.csv")``, then predict, evaluate, save."""

    name = "forecast"
    Config = ForecastConfig

    def prepare(self, source: Any, valid: Any, test: Any, config: ForecastConfig) -> Prepared:
        self.native_ = _kind(source)
        series, parts = self._read_parts(source, valid, test, config)
        check_target(series, parts.train_end - series.starts[:-1])
        seasons = [config.season] if config.season else series.clock.seasons()
        rows = int((parts.train_end - series.starts[:-1]).max())
        usable = [m for m in seasons if 3 * m <= rows]
        lookback = config.lookback or _lookback(config.horizon, usable, rows)
        self.lookback_ = lookback
        lags = tuple(
            sorted({m * -(-config.horizon // m) for m in usable if 3 * m * -(-config.horizon // m) <= rows})
        )
        self.encoder_ = SeriesEncoder.fit(
            series,
            parts.train_end,
            known=config.known,
            lags=lags,
            horizon=config.horizon,
            level=config.level,
            factors=min(16, len(series.groups) // 4) if len(series.groups) >= 8 else 0,
        )
        y, starts = series.values[:, 0], series.starts[:-1]
        origins = {
            "train": self._origins(series, series.starts[:-1], parts.train_end, config.horizon, 1),
            "valid": self._origins(series, parts.train_end, parts.valid_end, config.horizon, config.stride),
            "test": self._origins(series, parts.valid_end, parts.test_end, config.horizon, config.stride),
        }
        self._refuse_short(series, origins, parts, config.horizon)
        self.season_ = (
            baselines.best_season(y, starts, origins["train"], config.horizon, usable) if usable else None
        )
        self.seen_until_ = _moment(max(series.times[end - 1] for end in parts.valid_end))
        self.start_ = series.times[0]
        self.scale_ = baselines.seasonal_scale(
            np.where(_before(series, parts.train_end), y, np.nan), starts, self.season_ or 1
        )
        self.first_rows_ = y[starts[0] : starts[0] + 32].copy()
        self.context_ = extend.tail(series, parts.test_end, self._history)
        tables = self.encoder_.encode(series)
        self._series, self._tables, self._parts = series, tables, parts
        made = {
            name: Windows(
                tables.past,
                tables.future,
                tables.target,
                tables.group,
                torch.from_numpy(at),
                lookback,
                config.horizon,
            )
            for name, at in origins.items()
        }
        return Prepared(made["train"], made["valid"], made["test"], (*series.notes, parts.how))

    def _read_parts(
        self, source: Any, valid: Any, test: Any, config: ForecastConfig
    ) -> tuple[SeriesSet, Parts]:
        time_columns = () if config.time == ("none",) else config.time
        notes: list[str] = []
        if config.inputs is None:
            taken = [*config.target, *config.known, *([config.group] if config.group else [])]
            inputs, notes = (
                ((), []) if config.target == ("*",) else guess_inputs(source, taken=taken, time=time_columns)
            )
        else:
            inputs = () if config.inputs == ("none",) else config.inputs
        self.columns_ = tuple(dict.fromkeys([*config.known, *inputs]))
        series = read_series(
            source,
            targets=config.target,
            columns=self.columns_,
            time=time_columns,
            group=config.group,
            duplicates=config.duplicates,
            timezone=config.timezone,
        )
        self.layout_, self.time_ = series.layout, series.time
        series = _noted(series, *notes)
        if valid is None and test is None:
            return series, by_time(series, config.valid_share, config.test_share)
        self.clock_ = series.clock
        pieces = {"train": series}
        if valid is not None:
            pieces["valid"] = self._read(valid, config, series.clock)
        if test is not None:
            pieces["test"] = self._read(test, config, series.clock)
        joined, ends = extend.join(
            list(pieces.values()),
            [
                str(p) if isinstance(p, str | Path) else n
                for n, p in zip(pieces, [source, valid, test], strict=False)
            ],
        )
        end = dict(zip(pieces, ends, strict=True))
        last = observed_ends(joined)
        if valid is None:
            own = by_time(series, config.valid_share, 0.0)
            train_end = joined.starts[:-1] + (own.train_end - series.starts[:-1])
            return joined, Parts(
                train_end,
                end["train"],
                last,
                f"the last {config.valid_share:.0%} of the training rows choose when to stop; the test part was given",
            )
        if test is None:
            own = by_time(series, config.test_share or 0.2, 0.0)
            train_end, valid_end = end["train"], end["valid"]
            return joined, Parts(
                train_end,
                valid_end,
                np.maximum(valid_end, last),
                "the validation part was given; no test part",
            )
        return joined, Parts(
            end["train"], end["valid"], last, "training, validation and test parts were given"
        )

    def _read(self, source: Any, config: ForecastConfig, clock: Clock) -> SeriesSet:
        """A later file, read as the training file was."""
        return read_series(
            source,
            targets=config.target,
            columns=self.columns_,
            time=self.time_,
            group=config.group,
            duplicates=config.duplicates,
            timezone=config.timezone,
            clock=clock,
            layout=self.layout_,
        )

    @property
    def _history(self) -> int:
        """Rows before an origin that the encoder reads."""
        return max([self.lookback_, *self.encoder_.lags])

    def _origins(
        self, series: SeriesSet, begin: np.ndarray, end: np.ndarray, horizon: int, stride: int
    ) -> np.ndarray:
        """Every stride-th first step of a window that lies in begin..end of its group, has its past and a target."""
        found = []
        y = np.isfinite(series.values[:, 0])
        for first, a, b in zip(series.starts[:-1], begin, end, strict=True):
            room = self._history if a == first and (b - a) > 2 * self._history + horizon else self.lookback_
            found.append(np.arange(max(a, first + room), b - horizon + 1, stride))
        origins = np.concatenate(found).astype(np.int64)
        counts = np.concatenate([[0], np.cumsum(y)])
        seen = counts[origins + horizon] > counts[origins] if len(origins) else np.zeros(0, bool)
        past = counts[origins] > counts[origins - self.lookback_] if len(origins) else seen
        return origins[seen & past]

    def _refuse_short(
        self, series: SeriesSet, origins: dict[str, np.ndarray], parts: Parts, horizon: int
    ) -> None:
        sizes = {
            "train": int((parts.train_end - series.starts[:-1]).max()),
            "valid": int((parts.valid_end - parts.train_end).max()),
            "test": int((parts.test_end - parts.valid_end).max()),
        }
        for part, need in (("train", self.lookback_ + horizon), ("valid", horizon), ("test", horizon)):
            if not len(origins[part]) and (part != "test" or sizes["test"]):
                raise InputError(
                    f"the {part} part has {sizes[part]:,} rows at most in a series, but a window needs {need:,} of them with a "
                    f"target (lookback {self.lookback_}, horizon {horizon}): give more rows, or a smaller --horizon or --lookback"
                )

    def sizes(self, config: ForecastConfig, examples: Examples) -> list[dict[str, Any]]:
        largest = config.hidden or (32 if len(examples) < 4000 else 64 if len(examples) < 200_000 else 96)
        wanted = [h for h in (96, 64, 32, 16) if h <= largest] if config.hidden is None else [config.hidden]
        return [{"hidden": hidden, "lookback": self.lookback_} for hidden in wanted]

    def network(self, config: ForecastConfig) -> nn.Module:
        encoder = self.encoder_
        probe = encoder.encode(
            extend.with_future(self.context_, observed_ends(self.context_), config.horizon)
        )
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
            hidden=config.hidden or 32,
            dropout=config.dropout,
            residual=config.residual,
            level=encoder.level,
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Pinball over the quantiles plus half the squared error of the mean."""
        assert batch.y is not None
        quantiles = outputs.new_tensor(QUANTILES)
        return pinball(outputs[..., :MEAN], batch.y, quantiles) + 0.5 * squared(outputs[..., MEAN], batch.y)

    def score(self, network: nn.Module, examples: Examples) -> float:
        """Mean error of the point forecast in the target's scale: absolute for the median, squared for the mean."""
        total = count = 0.0
        point = self.config_.point
        which = self._point_index(point)
        # Evenly spaced ones suffice to choose by, and many series have a great many.
        for rows in torch.arange(0, len(examples), max(1, len(examples) // 4096)).split(1024):
            batch = examples.batch(rows).to(self.config_.device)
            assert batch.y is not None
            error = (network(**batch.inputs)[..., which] - batch.y)[~batch.y.isnan()]
            total += float((error.abs() if point == "median" else error.square()).sum())
            count += error.numel()
        return total / max(count, 1)

    @staticmethod
    def _point_index(point: str) -> int:
        return QUANTILES.index(0.5) if point == "median" else MEAN

    def finish(self, prepared: Prepared) -> None:
        """Widen or narrow each interval until it holds its share of the validation part, side by side about the median.

        Source: conformalised quantile regression, Romano et al., 2019, with a factor in place of an offset.
        """
        valid = prepared.valid
        assert isinstance(valid, Windows)
        self.widen_ = dict.fromkeys(BANDS, 1.0)
        quantiles, y = self._quantiles(valid), valid.batch(torch.arange(len(valid))).y
        assert y is not None
        actual = y.numpy().astype(np.float64)
        middle = quantiles[..., 2]
        for level, (low, high) in BANDS.items():
            half = np.where(actual < middle, middle - quantiles[..., low], quantiles[..., high] - middle)
            ratio = (np.abs(actual - middle) / np.maximum(half, 1e-6))[np.isfinite(actual)]
            self.widen_[level] = float(np.clip(np.quantile(ratio, level), 0.5, 3.0))

    def _quantiles(self, examples: Examples) -> np.ndarray:
        """Sorted quantiles and the mean, (N, K, Q + 1), in the target's scale."""
        out = np.concatenate([outputs.double().cpu().numpy() for _, outputs in self.outputs(examples)])
        out[..., :MEAN].sort(axis=-1)
        return out

    def _decoded(
        self, windows: Windows, mean: np.ndarray, deviation: np.ndarray
    ) -> tuple[np.ndarray, dict[float, Any]]:
        """Point forecasts (N, K) and intervals {level: (lower, upper)} in the target's own units."""
        out = self._quantiles(windows)
        at = windows.origins.numpy()
        mean, deviation = mean[at, None], deviation[at, None]
        middle = out[..., 2]
        bands = {}
        for level, (low, high) in BANDS.items():
            wide = self.widen_[level]
            bands[level] = (
                (middle - wide * (middle - out[..., low])) * deviation + mean,
                (middle + wide * (out[..., high] - middle)) * deviation + mean,
            )
        # Each interval is widened by itself, yet the narrower must stay inside.
        bands[0.95] = (np.minimum(bands[0.95][0], bands[0.8][0]), np.maximum(bands[0.95][1], bands[0.8][1]))
        return out[..., self._point_index(self.config_.point)] * deviation + mean, bands

    def judge(self, examples: Examples, notes: tuple[str, ...]) -> Judged:
        assert isinstance(examples, Windows)
        series, tables = self._series, self._tables
        judged = self._judge(
            series, tables.mean, tables.deviation, examples, _before(series, self._parts.train_end), notes
        )
        del self._series, self._tables, self._parts
        return judged

    def _judge(
        self,
        series: SeriesSet,
        mean: np.ndarray,
        deviation: np.ndarray,
        windows: Windows,
        train: np.ndarray,
        notes: tuple[str, ...],
    ) -> Judged:
        began = time.perf_counter()
        point, bands = self._decoded(windows, mean, deviation)
        origins = windows.origins.numpy()
        words = {
            "naive": "the last value",
            "drift": "the straight line on (drift)",
            "seasonal_naive": self._season_in_words(),
        }
        result = backtest(
            series.values[:, 0],
            series.starts[:-1],
            origins,
            series.times,
            point,
            bands,
            train=train,
            season=self.season_,
            words=words,
            notes=notes,
            began=began,
        )
        when = series.times[np.minimum(origins[:, None] + np.arange(point.shape[1]), len(series.times) - 1)]
        return Judged(result.evaluation, *self._pictures(result, when, origins, series))

    def _season_in_words(self) -> str:
        clock, season = self.encoder_.clock, self.season_
        return (
            f"the value {season} steps ago"
            if clock.step == "row" or not season
            else f"the value {season} steps of {clock.step} ago"
        )

    def _pictures(
        self, result: Any, when: np.ndarray, origins: np.ndarray, series: SeriesSet
    ) -> tuple[tuple[Section, ...], Any]:
        horizon = result.point.shape[1]
        group = np.searchsorted(series.starts, origins, side="right") - 1
        first = np.flatnonzero(group == group[-1])
        # One line through the last stretch of the test part: windows that follow each other without overlap.
        shown, last = [], None
        for at in first[::-1]:
            if last is None or origins[at] + horizon <= last:
                shown.append(at)
                last = origins[at]
            if len(shown) * horizon >= max(3 * horizon, 120):
                break
        shown = shown[::-1]
        joined = {
            level: (low[shown].ravel(), high[shown].ravel()) for level, (low, high) in result.bands.items()
        }
        name = (
            series.columns[0]
            if len(series.groups) == 1
            else f"{series.columns[0]} of {series.groups[group[-1]]}"
        )
        picture = plots.forecast(
            when[shown].ravel(),
            result.point[shown].ravel(),
            joined,
            actual=result.actual[shown].ravel(),
            title=f"Forecast of {name}",
            wide=True,
        )
        figures = [
            Figure(
                picture.svg,
                "The end of the part that judges: forecasts made one after another, each from data before it.",
                wide=True,
            )
        ]
        if horizon > 1:
            figures.append(
                Figure(plots.error_by_step(result.steps).svg, "How the error grows with the steps ahead.")
            )
        figures.append(Figure(plots.scatter(result.actual, result.point).svg, "Forecast against what came."))
        evaluation = result.evaluation
        observed = {level: evaluation.metrics[f"coverage_{100 * level:g}"] for level in BANDS}
        figures.append(Figure(plots.calibration(observed).svg, "How often the intervals held what came."))
        sections = (
            Section(
                "Score",
                f"{evaluation.rows:,} values judged, none of them seen in training.",
                [comparison(evaluation)],
            ),
            Section("Forecast and what came", "", figures),
            Section(
                "Data", "", [Text("\n\n".join(f"{note[:1].upper()}{note[1:]}." for note in evaluation.notes))]
            ),
        )
        return sections, picture

    def judge_source(self, source: Any) -> Judged:
        series = self._read(source, self.config_, self.encoder_.clock)
        ends = observed_ends(series)
        begin, notes = self._unseen(series)
        origins = self._origins(
            series, np.minimum(begin, ends), ends, self.config_.horizon, self.config_.stride
        )
        if not len(origins):
            raise InputError(
                f"no window to judge: {int((ends - series.starts[:-1]).max()):,} rows at most in a series, of which "
                f"{int((ends - np.minimum(begin, ends)).max()):,} are new, but lookback {self.lookback_} and horizon "
                f"{self.config_.horizon} are needed: give more rows"
            )
        tables = self.encoder_.encode(series)
        windows = Windows(
            tables.past,
            tables.future,
            tables.target,
            tables.group,
            torch.from_numpy(origins),
            self.lookback_,
            self.config_.horizon,
        )
        train = _before(series, np.where(begin > series.starts[:-1], begin, ends))
        return self._judge(series, tables.mean, tables.deviation, windows, train, (*series.notes, *notes))

    def _unseen(self, series: SeriesSet) -> tuple[np.ndarray, tuple[str, ...]]:
        """The first row of each group that the fit has not seen, and what to say of it."""
        starts = series.starts[:-1]
        seen = self.seen_until_
        if series.clock.step == "row":
            same = np.array_equal(
                series.values[starts[0] : starts[0] + 32, 0], self.first_rows_, equal_nan=True
            )
            if not same:
                return starts, (
                    "all rows are judged: without times it is not known whether training saw them",
                )
        else:
            seen = np.datetime64(seen, "us")
        begin = starts + np.array(
            [
                np.searchsorted(series.times[a:b], seen, side="right")
                for a, b in pairwise(series.starts.tolist())
            ]
        )
        if (begin >= series.starts[1:]).all():
            return starts, (
                f"WARNING: the fit has seen all of these rows (up to {seen}): this is no honest score",
            )
        if (begin > starts).any():
            return begin, (f"only rows after {seen} are judged: the fit has seen those before",)
        return begin, ()

    def predict(self, source: Any = None) -> Any:
        """The next ``horizon`` values of each series, after the end of ``source`` or of the data of the fit.

        Returns a frame of the kind that was given (polars for a path): time, forecast, lower and upper (95 %), lower_80 and
        upper_80, and the group where there are several. Rows of ``source`` after the last target give the known columns.
        """
        self.fitted()
        series = self.context_ if source is None else self._read(source, self.config_, self.encoder_.clock)
        horizon = self.config_.horizon
        ends = observed_ends(series)
        short = ends - series.starts[:-1] < self.lookback_
        if short.any():
            g = int(np.flatnonzero(short)[0])
            raise InputError(
                f"{'the series' if len(series.groups) == 1 else f'series {series.groups[g]!r}'} has "
                f"{int(ends[g] - series.starts[g]):,} rows with a target, but the model reads {self.lookback_}: give more rows"
            )
        series = extend.with_future(series, ends, horizon)
        ends = series.starts[1:] - horizon
        self._refuse_unknown(series, ends)
        tables = self.encoder_.encode(series)
        windows = Windows(
            tables.past,
            tables.future,
            tables.target,
            tables.group,
            torch.from_numpy(ends),
            self.lookback_,
            horizon,
        )
        point, bands = self._decoded(windows, tables.mean, tables.deviation)
        at = ends[:, None] + np.arange(horizon)
        columns: dict[str, Any] = {}
        if len(series.groups) > 1 or series.groups != ("",):
            columns[self.config_.group or "series"] = np.repeat(series.groups, horizon).tolist()
        columns["time" if series.clock.step != "row" else "step"] = series.times[at].ravel()
        columns["forecast"] = point.ravel()
        columns["lower"], columns["upper"] = (side.ravel() for side in bands[0.95])
        columns["lower_80"], columns["upper_80"] = (side.ravel() for side in bands[0.8])
        return to_frame(columns, like=source if source is not None else self.native_)

    def _refuse_unknown(self, series: SeriesSet, ends: np.ndarray) -> None:
        for j in self.encoder_.known:
            for end in ends:
                missing = int(np.isnan(series.values[end : end + self.config_.horizon, j]).sum())
                if missing and j not in self.encoder_.masked:
                    raise InputError(
                        f"column {series.columns[j]!r} must be known for the {self.config_.horizon} steps after "
                        f"{series.times[end - 1]}, but {missing} are missing: give a file with these rows, the target left empty"
                    )

    def encoders(self) -> dict[str, Any]:
        return {
            "series": self.encoder_.to_json(),
            "layout": self.layout_,
            "columns": list(self.columns_),
            "time": list(self.time_),
            "lookback": self.lookback_,
            "season": self.season_,
            "seen_until": str(self.seen_until_)
            if isinstance(self.seen_until_, str)
            else int(self.seen_until_),
            "widen": {str(level): factor for level, factor in self.widen_.items()},
            "groups": list(self.context_.groups),
            "heads": list(self.context_.columns),
        }

    def kept(self) -> dict[str, Tensor]:
        """The end of the data, from which the next values are forecast without the file."""
        return {
            "values": torch.from_numpy(self.context_.values),
            "times": torch.from_numpy(self.context_.times.astype(np.int64)),
            "starts": torch.from_numpy(self.context_.starts.astype(np.int64)),
            "first_rows": torch.from_numpy(self.first_rows_),
        }

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        self.encoder_ = SeriesEncoder.from_json(encoders["series"])
        self.layout_ = encoders["layout"]
        self.columns_, self.time_ = tuple(encoders["columns"]), tuple(encoders["time"])
        self.lookback_, self.season_ = encoders["lookback"], encoders["season"]
        self.seen_until_ = encoders["seen_until"]
        self.widen_ = {float(level): float(factor) for level, factor in encoders["widen"].items()}
        self.first_rows_ = kept["first_rows"].numpy()
        clock = self.encoder_.clock
        times = kept["times"].numpy()
        self.context_ = SeriesSet(
            kept["values"].numpy(),
            tuple(encoders["heads"]),
            times if clock.step == "row" else times.astype("datetime64[us]"),
            np.zeros(len(times), np.int64),
            kept["starts"].numpy(),
            tuple(encoders["groups"]),
            clock,
            (),
            self.layout_,
            self.time_,
        )
        self.native_ = None

    def title(self) -> str:
        target = (
            ", ".join(self.config_.target)
            if self.config_.target != ("*",)
            else f"{len(self.encoder_.groups)} series"
        )
        return f"Forecast of {target}, {self.config_.horizon} step{'s' if self.config_.horizon > 1 else ''} ahead"


def _lookback(horizon: int, seasons: list[int], rows: int) -> int:
    """Two of the shortest season, at least the horizon and 16, at most 256, and never more than a quarter of the rows."""
    wanted = max(2 * seasons[0] if seasons else 24, horizon, 16)
    return max(1, min(wanted, 256, rows // 4))


def _before(series: SeriesSet, ends: np.ndarray) -> np.ndarray:
    """(N,) which rows lie before their group's end."""
    return np.arange(len(series.times)) < np.repeat(ends, np.diff(series.starts))


def _moment(when: Any) -> str | int:
    return str(when) if isinstance(when, np.datetime64) else int(when)


def _kind(source: Any) -> Any:
    """The frame itself where predict shall answer in its kind; nothing for a path."""
    return None if isinstance(source, str | Path) else source[:0] if hasattr(source, "iloc") else source


def _noted(series: SeriesSet, *notes: str) -> SeriesSet:
    return series if not notes else type(series)(**{**series.__dict__, "notes": (*series.notes, *notes)})
