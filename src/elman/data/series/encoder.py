"""Series to the tensors a forecaster reads, and back; everything fitted is fitted on the training part alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from elman.data.scale import Scaler
from elman.data.series import spread
from elman.data.series.clock import Clock
from elman.data.series.series import Series, SeriesSet
from elman.data.series.spread import Rows
from elman.errors import InputError

FAR = 1e12  # deviations from the mean
KIN = 0.98  # a column this correlated with the target is taken to be measured in its units (high and low beside close)


@dataclass(frozen=True)
class Tables:
    """What windows are cut from: past (N, F), future (N, F'), target (N,), scaled, NaN where missing, group (N,)."""

    past: Tensor
    future: Tensor
    target: Tensor
    group: Tensor
    mean: np.ndarray  # (N,) of the target's scale, row by row
    deviation: np.ndarray  # (N,)


@dataclass(frozen=True)
class Column:
    """A column of ``past`` or ``future``: a series' column ``lag`` steps earlier, or whether that is observed; what the
    calendar says; a common factor; or a constant where there is nothing else."""

    of: str
    kind: Literal["value", "observed", "calendar", "factor", "constant"] = "value"
    lag: int = 0


@dataclass(frozen=True)
class SeriesEncoder:
    """Columns of ``past``: target, its kin, other inputs, known columns, indicators, lags, calendar, common factors.

    Columns of ``future``: lags, known columns, their indicators, calendar. A missing value is the last one seen before
    it, and an indicator says so (1 observed, 0 missing). Lags are the target ``lags`` steps earlier, each at least the
    horizon, so that they are known when forecasting. The calendar tells the place in the year only where some group's
    training part spans one: in less it numbers the days, and what is learnt of it fails on those to come. Common
    factors are the leading principal components of all groups side by side, where there are many.
    """

    columns: tuple[str, ...]
    kin: tuple[int, ...]
    known: tuple[int, ...]
    masked: tuple[int, ...]
    lags: tuple[int, ...]
    groups: tuple[str, ...]
    level: Literal["last", "window", "none"]
    horizon: int
    target: Scaler  # mean and deviation (G,)
    inputs: Scaler  # mean and deviation (F - 1,)
    factors: np.ndarray  # (G, q)
    clock: Clock
    calendar: tuple[str, ...]  # the names kept of Clock.features

    @classmethod
    def fit(
        cls,
        series: Series,
        train_end: np.ndarray,
        *,
        known: tuple[str, ...],
        lags: tuple[int, ...],
        horizon: int,
        level: Literal["auto", "last", "window", "none"],
        factors: int,
    ) -> SeriesEncoder:
        spans = [slice(a, b) for a, b in zip(series.starts[:-1], train_end, strict=True)]
        groups = [_rows(series, span) for span in spans]
        targets = [rows.column(0) for rows in groups]
        level = spread.choose_level(targets, horizon) if level == "auto" else level
        mean, deviation = np.array([spread.scale(y, level, horizon) for y in targets]).T
        train = groups[0] if len(groups) == 1 else _together(series, spans)
        kin = tuple(j for j in range(1, len(series.columns)) if spread.correlation(train, 0, j) > KIN)
        indicators = tuple(int(j) for j in np.flatnonzero(spread.missing(train)))
        ahead = {column for name in known for column in columns_of(name, series.layout)}
        ends = [series.times[np.array([a, b - 1]) if b > a else np.array([], np.int64)] for a, b in _bounds(spans)]
        whole_year = any(series.clock.spans_year(pair) for pair in ends)
        calendar = series.clock.features(series.times[:0])[0]
        encoder = cls(
            series.columns,
            kin,
            tuple(j for j, name in enumerate(series.columns) if j and name in ahead),
            indicators,
            lags,
            series.groups,
            level,
            horizon,
            Scaler(mean, deviation),
            spread.scaler(Rows(lambda a, b: train.read(a, b)[:, 1:], train.length)),
            np.zeros((len(spans), 0)),
            series.clock,
            tuple(name for name in calendar if whole_year or not name.startswith("year_")),
        )
        return (
            encoder._with_factors(series, train_end, factors) if factors and isinstance(series, SeriesSet) else encoder
        )

    def _with_factors(self, series: SeriesSet, train_end: np.ndarray, count: int) -> SeriesEncoder:
        train = np.arange(len(series.times)) < np.repeat(train_end, np.diff(series.starts))
        panel, at = self._panel(series, np.where(train, self.scaled(series, None)[0], 0.0))
        rows = panel[np.unique(at[train])]
        _, sizes, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
        scale = np.maximum(sizes[:count], 1e-9) / np.sqrt(len(rows))
        return SeriesEncoder(**{**self.__dict__, "factors": axes[:count].T / scale})

    def _panel(self, series: SeriesSet, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All groups side by side (moments, G), 0 where one has no value, and each row's moment (N,)."""
        moments, at = np.unique(series.times, return_inverse=True)
        panel = np.zeros((len(moments), len(self.groups)))
        code = self._codes(series)
        seen = code > 0
        panel[at[seen], code[seen] - 1] = np.nan_to_num(z[seen])
        return panel, at

    def _codes(self, series: SeriesSet) -> np.ndarray:
        """(N,) 1-based number of each row's group, 0 for a group that training did not see."""
        number = {name: g + 1 for g, name in enumerate(self.groups)}
        return np.repeat([number.get(name, 0) for name in series.groups], np.diff(series.starts))

    def scaled(self, series: SeriesSet, own: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The target scaled and carried forward over gaps (N,), and the mean and deviation used in each row (N,)."""
        code = self._codes(series)
        mean = np.concatenate([[0.0], self.target.mean])[code]
        deviation = np.concatenate([[1.0], self.target.deviation])[code]
        for begin, end in pairwise(series.starts.tolist()):
            if code[begin] == 0:
                first = series.values[begin:end, 0][:own]
                own_rows = _in_memory(first)
                mean[begin:end], deviation[begin:end] = spread.scale(own_rows, self.level, self.horizon)
        filled = carried_forward(series.values[:, 0], series.starts)
        return np.nan_to_num((filled - mean) / deviation), mean, deviation

    @property
    def others(self) -> list[int]:
        """The columns that are neither the target, nor its kin, nor known ahead."""
        return [j for j in range(1, len(self.columns)) if j not in self.kin and j not in self.known]

    @property
    def known_masks(self) -> list[int]:
        return [j for j in self.masked if j in self.known]

    @property
    def past_columns(self) -> list[Column]:
        """What each column of ``past`` is, in the order of ``encode``."""
        read = (0, *self.kin, *self.others, *self.known)
        return [
            *(Column(self.columns[j]) for j in read),
            *(Column(self.columns[j], "observed") for j in self.masked),
            *(Column(self.columns[0], lag=lag) for lag in self.lags),
            *(Column(name, "calendar") for name in self.calendar),
            *(Column(f"factor {at}", "factor") for at in range(1, 1 + self.factors.shape[1])),
        ]

    @property
    def future_columns(self) -> list[Column]:
        """What each column of ``future`` is, in the order of ``encode``."""
        found = [
            *(Column(self.columns[0], lag=lag) for lag in self.lags),
            *(Column(self.columns[j]) for j in self.known),
            *(Column(self.columns[j], "observed") for j in self.known_masks),
            *(Column(name, "calendar") for name in self.calendar),
        ]
        return found or [Column("nothing", "constant")]

    def encode(self, series: SeriesSet, own: int | None = None) -> Tables:
        """Tables for windows over these series, whose columns must be the fitted ones.

        A group never seen sets its own scale, by its first ``own`` rows: as many as lie before its first origin where
        its windows are judged, so that no later value reaches an earlier window; None: by all.
        """
        z, mean, deviation = self.scaled(series, own)
        lagged = (
            np.stack([_lag(z, m, series.starts) for m in self.lags], axis=1) if self.lags else np.zeros((len(z), 0))
        )
        past, future, target = self.tabled(series, z, mean, deviation, lagged)
        return Tables(
            torch.from_numpy(past),
            torch.from_numpy(future),
            torch.from_numpy(target),
            torch.from_numpy(self._codes(series)),
            mean,
            deviation,
        )

    def tabled(
        self, series: SeriesSet, z: np.ndarray, mean: np.ndarray, deviation: np.ndarray, lagged: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """float32 past (N, F), future (N, F') and target (N,) of the scaled target z and its ``lagged`` (N, L)."""
        observed = np.isfinite(series.values)
        filled = np.stack([carried_forward(column, series.starts) for column in series.values.T], axis=1)
        inputs = np.nan_to_num(self.inputs.scale(filled[:, 1:]))
        kin = np.nan_to_num((filled[:, list(self.kin)] - mean[:, None]) / deviation[:, None])
        kin = np.where(observed[:, list(self.kin)], kin, z[:, None])
        others, known = [j - 1 for j in self.others], [j - 1 for j in self.known]
        names, calendar = self.clock.features(series.times)
        calendar = calendar[:, [names.index(name) for name in self.calendar]]
        panel, at = (
            self._panel(series, z) if self.factors.size else (np.zeros((1, len(self.groups))), np.zeros(len(z), int))
        )
        self._refuse_far(series, np.column_stack([z, kin, inputs]))
        past = [
            z[:, None],
            kin,
            inputs[:, others],
            inputs[:, known],
            observed[:, list(self.masked)],
            lagged,
            calendar,
            (panel @ self.factors)[at],
        ]
        future = [lagged, inputs[:, known], observed[:, self.known_masks], calendar]
        if not sum(block.shape[1] for block in future):
            future = [np.ones((len(z), 1))]  # a decoder must read something
        return _joined(past), _joined(future), np.where(observed[:, 0], z, np.nan).astype(np.float32)

    def _refuse_far(self, series: SeriesSet, scaled: np.ndarray) -> None:
        """InputError for a value so far from those of the training part that float32 would make nothing of it."""
        far = ~(np.abs(scaled) < FAR)
        if not far.any():
            return
        row, at = (int(one) for one in np.argwhere(far)[0])
        column = [0, *self.kin, *range(1, len(self.columns))][at]
        raise InputError(
            f"column {self.columns[column]!r} holds {series.values[row, column]:.3g} at {series.times[row]}, beyond "
            "all measure of what was learnt from: correct it"
        )

    def numbers(self) -> int:
        """How many columns ``past`` begins with that are values: no indicators, lags or calendar."""
        rest = set(range(1, len(self.columns))) - set(self.kin) - set(self.known)
        return 1 + len(self.kin) + len(rest) + len(self.known)

    def in_units(self) -> tuple[int, ...]:
        """The columns of ``past`` in the target's units: itself, its kin, its lags."""
        first = self.numbers() + len(self.masked)
        return (*range(1 + len(self.kin)), *range(first, first + len(self.lags)))

    def to_json(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns),
            "kin": list(self.kin),
            "known": list(self.known),
            "masked": list(self.masked),
            "lags": list(self.lags),
            "groups": list(self.groups),
            "level": self.level,
            "horizon": self.horizon,
            "target": self.target.to_json(),
            "inputs": self.inputs.to_json(),
            "factors": self.factors.tolist(),
            "clock": self.clock.to_json(),
            "calendar": list(self.calendar),
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> SeriesEncoder:
        groups = tuple(state["groups"])
        return cls(
            tuple(state["columns"]),
            tuple(state["kin"]),
            tuple(state["known"]),
            tuple(state["masked"]),
            tuple(state["lags"]),
            groups,
            state["level"],
            state["horizon"],
            Scaler.from_json(state["target"]),
            Scaler.from_json(state["inputs"]),
            np.asarray(state["factors"], dtype=np.float64).reshape(len(groups), -1),
            Clock.from_json(state["clock"]),
            tuple(state["calendar"]),
        )


def carried_forward(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Each missing value replaced by the last one seen before it in its group; NaN where there is none."""
    rows = np.where(np.isfinite(values), np.arange(len(values)), -1)
    last = np.maximum.accumulate(rows)
    first = np.repeat(starts[:-1], np.diff(starts))
    return np.where(last >= first, values[np.maximum(last, 0)], np.nan)


def _lag(z: np.ndarray, m: int, starts: np.ndarray) -> np.ndarray:
    """The value m rows earlier in the group; before that, the group's first."""
    first = np.repeat(starts[:-1], np.diff(starts))
    return z[np.maximum(np.arange(len(z)) - m, first)]


def _joined(blocks: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(blocks, axis=1).astype(np.float32)


def _bounds(spans: list[slice]) -> list[tuple[int, int]]:
    return [(int(span.start), int(span.stop)) for span in spans]


def _rows(series: Series, span: slice) -> Rows:
    begin, end = int(span.start), int(span.stop)
    return Rows(lambda a, b: series.values[begin + a : begin + b], end - begin)


def _together(series: Series, spans: list[slice]) -> Rows:
    """The rows of all spans, one after another."""
    return _in_memory(np.concatenate([series.values[span] for span in spans]))


def _in_memory(values: np.ndarray) -> Rows:
    return Rows(lambda a, b: values[a:b], len(values))


def columns_of(name: str, layout: Mapping[str, Any]) -> list[str]:
    """The columns of a series set that a column of the file became."""
    kinds = layout.get(name, "number")
    return [name] if kinds == "number" else [f"{name}={kind}" for kind in kinds]
