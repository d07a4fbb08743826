"""The field's measures of forecast error, over arrays actual (N, K) and forecast (N, K).

N windows of K steps each; any shape will do where K plays no part. A cell whose actual is NaN is not
scored, whatever was forecast there. All arithmetic is float64. Every function raises InputError when
shapes disagree, when no actual is known, or when a forecast is NaN or infinite where the actual is known:
a missing forecast is no small error.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

Array = NDArray[np.float64]


def mae(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error, mean |y - f|, in the unit of y."""
    y, f = _scored(actual, forecast=forecast)
    return float(np.mean(np.abs(y - f)))


def rmse(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Root mean squared error, sqrt(mean (y - f)²), in the unit of y."""
    y, f = _scored(actual, forecast=forecast)
    return float(np.sqrt(np.mean((y - f) ** 2)))


def smape(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Symmetric mean absolute percentage error, mean 200 |y - f| / (|y| + |f|), 0 to 200 percent; 0/0 is 0.

    Source: Makridakis, Accuracy measures, 1993, as computed in the M4 competition.
    """
    y, f = _scored(actual, forecast=forecast)
    size = np.abs(y) + np.abs(f)
    return float(np.mean(200 * np.abs(y - f) / np.where(size > 0, size, 1)))


def mase(actual: ArrayLike, forecast: ArrayLike, scale: ArrayLike) -> float:
    """Mean absolute scaled error, mean |y - f| / scale: below 1 beats the in-sample seasonal naive forecast.

    scale: the in-sample seasonal-naive MAE (baselines.seasonal_scale), above 0: (N,), or one number.
    Source: Hyndman & Koehler, Another look at measures of forecast accuracy, 2006.
    """
    y = np.asarray(actual, np.float64)
    size = np.asarray(scale, np.float64)
    if size.ndim and size.shape != y.shape[:1]:
        raise InputError(f"the scale has shape {size.shape}: give one number, or one a window, {y.shape[:1]}")
    if not (np.isfinite(size) & (size > 0)).all():
        raise InputError("a scale is 0, negative, NaN or infinite: take it from baselines.seasonal_scale")
    wide = np.broadcast_to(size.reshape(size.shape + (1,) * (y.ndim - size.ndim)), y.shape)
    y, f, wide = _scored(y, forecast=forecast, scale=wide)
    return float(np.mean(np.abs(y - f) / wide))


def coverage(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Share of actual values with lower <= y <= upper, from 0 to 1; a bound may be infinite."""
    y, low, high = _scored(actual, finite=False, lower=lower, upper=upper)
    return float(np.mean((low <= y) & (y <= high)))


def interval_width(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Mean upper - lower over the cells that coverage scores, in the unit of y."""
    _, low, high = _scored(actual, finite=False, lower=lower, upper=upper)
    return float(np.mean(high - low))


def pinball(actual: ArrayLike, quantile_forecasts: ArrayLike, quantiles: Sequence[float]) -> float:
    """Mean over cells and quantiles q of max(q (y - f), (q - 1) (y - f)), in the unit of y.

    quantile_forecasts: (N, K, Q); quantiles: Q numbers between 0 and 1. At q = 0.5 alone it is half the MAE.
    Source: Koenker & Bassett, Regression quantiles, 1978.
    """
    q = np.asarray(quantiles, np.float64)
    f = np.asarray(quantile_forecasts, np.float64)
    if q.ndim != 1 or not q.size or not ((q > 0) & (q < 1)).all():
        raise InputError(f"the quantiles are {quantiles}: give one or more numbers between 0 and 1")
    if f.shape[-1:] != q.shape:
        raise InputError(f"the quantile forecasts have shape {f.shape}: the last axis must be {q.size}")
    y = np.asarray(actual, np.float64)
    y = np.broadcast_to(y[..., None], y.shape + q.shape)
    y, f, q = _scored(y, forecast=f, quantiles=np.broadcast_to(q, f.shape))
    return float(np.mean(np.maximum(q * (y - f), (q - 1) * (y - f))))


def forecast_metrics(
    actual: ArrayLike,
    forecast: ArrayLike,
    scale: ArrayLike,
    intervals: Mapping[float, tuple[ArrayLike, ArrayLike]] | None = None,
) -> dict[str, float]:
    """mae, rmse, smape, mase, and for each interval of a level such as 0.8, coverage_80 and width_80.

    intervals: level -> (lower (N, K), upper (N, K)).
    """
    scores = {
        "mae": mae(actual, forecast),
        "rmse": rmse(actual, forecast),
        "smape": smape(actual, forecast),
        "mase": mase(actual, forecast, scale),
    }
    for level, (lower, upper) in (intervals or {}).items():
        scores[f"coverage_{100 * level:g}"] = coverage(actual, lower, upper)
        scores[f"width_{100 * level:g}"] = interval_width(actual, lower, upper)
    return scores


def by_step(actual: ArrayLike, forecast: ArrayLike) -> dict[str, Array]:
    """mae (K,) and rmse (K,), one for each step ahead; NaN at a step of which no actual is known."""
    _scored(actual, forecast=forecast)
    y = np.asarray(actual, np.float64)
    cells = ~np.isnan(y)
    error = np.where(cells, y - np.asarray(forecast, np.float64), 0.0)
    count = cells.sum(axis=0)
    share = np.where(count > 0, 1 / np.maximum(count, 1), np.nan)
    return {"mae": np.abs(error).sum(axis=0) * share, "rmse": np.sqrt((error**2).sum(axis=0) * share)}


def _scored(actual: ArrayLike, finite: bool = True, **others: ArrayLike) -> tuple[Array, ...]:
    """The cells whose actual is known, flat: of actual, then of the others, which must be numbers there."""
    y = np.asarray(actual, np.float64)
    cells = ~np.isnan(y)
    found = [y[cells]]
    for name, values in others.items():
        array = np.asarray(values, np.float64)
        if array.shape != y.shape:
            raise InputError(f"the {name} has shape {array.shape}: it must be that of the actual, {y.shape}")
        array = array[cells]
        if bad := np.count_nonzero(~np.isfinite(array) if finite else np.isnan(array)):
            kind = "NaN or infinite" if finite else "NaN"
            raise InputError(
                f"the {name} is {kind} at {bad} of {array.size} values to be scored: "
                "set the actual to NaN where nothing can be forecast, and find out why where something could"
            )
        found.append(array)
    if not found[0].size:
        raise InputError(f"nothing can be scored: all {y.size} actual values are missing, and one is needed")
    return tuple(found)
