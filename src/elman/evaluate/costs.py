"""What each judged row cost two models, compared: the rows are a sample, and so are the seeds of the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from elman.errors import InputError
from elman.evaluate.verdict import LEVEL, paired_interval


@dataclass(frozen=True)
class Costs:
    """What a model's answers cost, row by row; lower is better, and the mean is its score.

    ``values`` (N,) or (N, K), NaN where nothing is scored; ``rows`` (N,) tell which rows these are, and ``times`` (N,)
    their moments; ``block`` successive moments err alike. ``name`` says what is counted: MAE, log loss.
    """

    name: str
    values: np.ndarray
    rows: np.ndarray
    block: int = 1
    times: np.ndarray | None = None

    @property
    def mean(self) -> float:
        if not np.isfinite(self.values).any():
            raise InputError("there is nothing to judge by: every row of the judging part lacks what is to be foreseen")
        return float(np.nanmean(self.values))


@dataclass(frozen=True)
class Difference:
    """A mean difference of costs with the ends of its 95 % interval; the first is better where it lies below 0."""

    mean: float
    low: float
    high: float

    @property
    def better(self) -> bool | None:
        """True where the first is better, False where the second is, None where that may be chance."""
        return True if self.high < 0 else False if self.low > 0 else None


def paired(first: Sequence[Costs], second: Sequence[Costs]) -> Difference:
    """first - second, each the costs of models that differ in their seeds alone, on the same rows.

    With r the reach of the interval over blocks of rows of the seeds' mean costs (verdict.paired_interval), and s that
    of Student's t over the S seeds' differences, the reach is  sqrt(r² + s²):  of other rows and of other seeds the
    difference should lie within. With one seed there is r alone, which leaves out what another seed would do.
    """
    ours, theirs = (_mean_costs(costs) for costs in _shared(first, second))
    means = [a.mean - b.mean for a, b in zip(first, second, strict=False)]
    times = ours.times
    low, high = paired_interval(ours.values, theirs.values, ours.block, times)
    middle = ours.mean - theirs.mean
    rows = (high - low) / 2
    seeds = interval(means)[1] if len(means) > 1 else 0.0
    reach = float(np.hypot(rows, seeds))
    return Difference(middle, middle - reach, middle + reach)


def interval(values: Sequence[float], overlap: float = 0.0, comparisons: int = 1) -> tuple[float, float]:
    """(mean, reach) of a 95 % interval by Student's t over n values; the reach is infinite of a single one.

    reach = t_{1 - 0.025 / comparisons, n - 1} sqrt((1 / n + overlap) Σ (v - mean)² / (n - 1)).  ``overlap`` is the
    number of rows that judge a fold over those that it learns from: folds share what they learn from, so that their
    scores are not independent. ``comparisons`` made side by side share the 5 % (Bonferroni).
    Source: Nadeau & Bengio, Inference for the generalization error, 2003.
    """
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return mean, np.inf
    t = stats.t.ppf(1 - LEVEL / 2 / comparisons, n - 1)
    return mean, float(t * np.sqrt((1 / n + overlap) * np.var(values, ddof=1)))


def _shared(first: Sequence[Costs], second: Sequence[Costs]) -> list[list[Costs]]:
    """Both with the rows that all of them have."""
    rows = first[0].rows
    for costs in [*first[1:], *second]:
        rows = np.intersect1d(rows, costs.rows)
    if not len(rows):
        raise InputError("the two models share no judged row: they cannot be compared")
    return [[_only(costs, rows) for costs in side] for side in (first, second)]


def _only(costs: Costs, rows: np.ndarray) -> Costs:
    order = np.argsort(costs.rows, kind="stable")
    at = order[np.searchsorted(costs.rows, rows, sorter=order)]
    times = None if costs.times is None else costs.times[at]
    return Costs(costs.name, costs.values[at], costs.rows[at], costs.block, times)


def _mean_costs(costs: Sequence[Costs]) -> Costs:
    """The seeds' mean, row by row."""
    return Costs(
        costs[0].name, np.mean([c.values for c in costs], axis=0), costs[0].rows, costs[0].block, costs[0].times
    )
