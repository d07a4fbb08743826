"""What each judged row cost two models, compared: the rows are a sample, and so are the seeds of the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from elman.errors import InputError
from elman.evaluate.verdict import LEVEL, paired_error
from elman.evaluate.wording import number


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

    def __str__(self) -> str:
        return f"{number(self.low)} to {number(self.high)}"

    @property
    def better(self) -> bool | None:
        """True where the first is better, False where the second is, None where that may be chance."""
        return True if self.high < 0 else False if self.low > 0 else None


def paired(first: Sequence[Costs], second: Sequence[Costs]) -> Difference:
    """first - second, each the costs of models that differ in their seeds alone, on the same rows.

    The rows are a sample and the seeds are another, so the variances of the mean over each add up: r² is that over
    blocks of rows of the seeds' mean costs (verdict.paired_error), with B - 1 degrees of freedom, and s² that over the
    differences of the S seeds' means, with S - 1. The interval is

        difference ± t_{0.975, v} sqrt(r² + s²),    v = (r² + s²)² / (r⁴ / (B - 1) + s⁴ / (S - 1)).

    With one seed there is r alone, which leaves out what another seed would do.
    Source: Satterthwaite, An approximate distribution of estimates of variance components, 1946.
    """
    one, other = _shared(first, second)
    ours, theirs = _mean_costs(one), _mean_costs(other)
    middle, error, freedom = paired_error(ours.values, theirs.values, ours.block, ours.times)
    parts = [(error**2, freedom)]
    gaps = [a.mean - b.mean for a, b in zip(one, other, strict=True)]
    if len(gaps) > 1:
        parts.append((float(np.var(gaps, ddof=1)) / len(gaps), len(gaps) - 1))
    variance = sum(part for part, _ in parts)
    if not np.isfinite(variance):
        return Difference(middle, -np.inf, np.inf)
    if not variance:
        return Difference(middle, middle, middle)
    degrees = variance**2 / sum(part**2 / free for part, free in parts)
    reach = float(stats.t.ppf(1 - LEVEL / 2, degrees) * np.sqrt(variance))
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
