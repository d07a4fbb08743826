"""Rolling origins judged at once: the model's forecasts beside those that need no model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.errors import InputError
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.forecast import baselines
from elman.evaluate.forecast.metrics import by_step, forecast_metrics
from elman.evaluate.verdict import paired_interval, skill, verdict


@dataclass(frozen=True)
class Backtest:
    """An evaluation and what its pictures need: actual and point forecasts (N, K), bands, errors by step."""

    evaluation: Evaluation
    actual: np.ndarray
    point: np.ndarray
    bands: dict[float, tuple[np.ndarray, np.ndarray]]
    steps: dict[str, np.ndarray]


def backtest(
    y: np.ndarray | baselines.History,
    starts: np.ndarray,
    origins: np.ndarray,
    times: Any,
    point: np.ndarray,
    bands: dict[float, tuple[np.ndarray, np.ndarray]],
    *,
    train: np.ndarray,
    season: int | None,
    words: dict[str, str],
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Backtest:
    """Judge point forecasts (N, K) with bands {level: (lower, upper)} at ``origins`` of the flat rows ``y``.

    starts (G,) first row of each group; times (R,) of the rows; ``train`` (G,) is the row after those of each group
    that are not judged, which set MASE's scale; ``words`` name the baselines for the verdict. Raises InputError where
    nothing was observed.
    """
    began = time.perf_counter() if began is None else began
    horizon = point.shape[1]
    actual = baselines.future(y, starts, origins, horizon)
    # Where nothing was known before the origin no baseline exists, and a score would stand alone.
    actual = np.where(np.isfinite(baselines.naive(y, starts, origins, horizon)), actual, np.nan)
    if not np.isfinite(actual).any():
        raise InputError(
            "there is nothing to judge: every target in this part is missing; give rows with the target filled in"
        )
    rivals = {
        "naive": baselines.naive(y, starts, origins, horizon),
        "drift": baselines.drift(y, starts, origins, horizon),
    }
    if season:
        rivals["seasonal_naive"] = baselines.seasonal_naive(y, starts, origins, horizon, season)
    scale = baselines.seasonal_scale(y, starts, season or 1, train)
    group = np.searchsorted(starts, origins - 1, side="right") - 1
    metrics = forecast_metrics(actual, point, scale[group], bands)
    scores = {name: forecast_metrics(actual, forecast, scale[group]) for name, forecast in rivals.items()}
    _, best = skill(metrics, scores)
    moments = times[origins - 1]
    distinct = np.unique(moments)
    stride = max(1, int(np.median(np.diff(np.unique(origins)))) if len(distinct) > 1 else 1)
    interval = paired_interval(
        np.abs(actual - point), np.abs(actual - rivals[best]), 2 * max(1, -(-horizon // stride)), moments
    )
    said = verdict(metrics, {words.get(name, name): value for name, value in scores.items()}, interval=interval)
    evaluation = Evaluation(
        "forecast",
        metrics,
        scores,
        said.skill,
        said.sentence,
        said.good,
        int(np.isfinite(actual).sum()),
        time.perf_counter() - began,
        notes,
    )
    steps = {"this model": by_step(actual, point)["mae"]}
    steps |= {name.replace("_", " "): by_step(actual, forecast)["mae"] for name, forecast in rivals.items()}
    return Backtest(evaluation, actual, point, bands, steps)
