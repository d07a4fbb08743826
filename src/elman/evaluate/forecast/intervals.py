"""From a network's quantiles to point forecasts and intervals that hold their share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
BANDS = {0.8: (1, 3), 0.95: (0, 4)}  # the quantiles that bound each interval
MIDDLE = QUANTILES.index(0.5)
MEAN = len(QUANTILES)  # the place of the mean behind the quantiles

Bands = dict[float, tuple[np.ndarray, np.ndarray]]  # level -> lower and upper (N, K)


@dataclass(frozen=True)
class Intervals:
    """``widen``: for each level the factor by which both sides of its interval are wider than the quantiles say."""

    widen: dict[float, float]

    @classmethod
    def fit(cls, out: np.ndarray, actual: np.ndarray) -> Intervals:
        """Widen or narrow each interval until it holds its share of ``actual`` (N, K), side by side of the median.

        out: (N, K, Q + 1), the quantiles sorted; NaN in actual is not scored.
        Source: conformalised quantile regression, Romano et al., 2019, with a factor in place of an offset.
        """
        widen, middle = dict.fromkeys(BANDS, 1.0), out[..., MIDDLE]
        for level, (low, high) in BANDS.items():
            half = np.where(actual < middle, middle - out[..., low], out[..., high] - middle)
            ratio = (np.abs(actual - middle) / np.maximum(half, 1e-6))[np.isfinite(actual)]
            widen[level] = float(np.clip(np.quantile(ratio, level), 0.5, 1e9))
        return cls(widen)

    def decode(
        self, out: np.ndarray, mean: np.ndarray, deviation: np.ndarray, point: Literal["median", "mean"]
    ) -> tuple[np.ndarray, Bands]:
        """Point forecasts (N, K) and intervals of out (N, K, Q + 1), in units of the ``deviation`` about ``mean``."""
        middle = out[..., MIDDLE]
        bands = {}
        for level, (low, high) in BANDS.items():
            below, above = middle - out[..., low], out[..., high] - middle
            bands[level] = (
                (middle - self.widen[level] * below) * deviation + mean,
                (middle + self.widen[level] * above) * deviation + mean,
            )
        # Each interval is widened by itself, yet the narrower must stay inside.
        bands[0.95] = (np.minimum(bands[0.95][0], bands[0.8][0]), np.maximum(bands[0.95][1], bands[0.8][1]))
        return out[..., MIDDLE if point == "median" else MEAN] * deviation + mean, bands
