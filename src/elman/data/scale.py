"""Numbers to zero mean and unit deviation and back, fitted on the training part alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scaler:
    """z = (x - mean) / deviation, per column, or per group where a series is scaled on its own level.

    ``mean`` and ``deviation`` have any shape that broadcasts against x. A column that never moves keeps deviation 1.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray) -> Scaler:
        """From values (N, ...) with NaN where missing; a column without a single value gets mean 0."""
        return cls.over(lambda: (values,))

    @classmethod
    def over(cls, pieces: Callable[[], Iterable[np.ndarray]]) -> Scaler:
        """From values that come in pieces, which are gone through twice."""
        count: Any = 0
        total: Any = 0
        for values in pieces():
            observed = np.isfinite(values)
            count, total = count + observed.sum(axis=0), total + np.where(observed, values, 0.0).sum(axis=0)
        count = np.maximum(count, 1)
        mean, squares = total / count, 0.0
        for values in pieces():
            squares = squares + (np.where(np.isfinite(values), values - mean, 0.0) ** 2).sum(axis=0)
        deviation = np.sqrt(squares / count)
        still = deviation <= 1e-9 * np.abs(mean)
        return cls(mean, np.where(still, 1.0, deviation))

    def scale(self, values: np.ndarray) -> np.ndarray:
        return (values - self.mean) / self.deviation

    def restore(self, values: np.ndarray) -> np.ndarray:
        return values * self.deviation + self.mean

    def to_json(self) -> dict[str, list]:
        return {"mean": np.asarray(self.mean).tolist(), "deviation": np.asarray(self.deviation).tolist()}

    @classmethod
    def from_json(cls, state: dict[str, list]) -> Scaler:
        return cls(np.asarray(state["mean"], dtype=np.float64), np.asarray(state["deviation"], dtype=np.float64))
