"""Costs of two models compared: over rows, over seeds, and over folds that share what they learn from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from elman.errors import InputError
from elman.evaluate.costs import Costs, interval, paired
from elman.evaluate.verdict import paired_interval


def costs(values, rows=None, **more):
    values = np.asarray(values, float)
    return Costs("MAE", values, np.arange(len(values)) if rows is None else np.asarray(rows), **more)


def test_one_seed_gives_the_interval_over_rows():
    rng = np.random.default_rng(0)
    a, b = rng.random(200), rng.random(200)
    gap = paired([costs(a, block=4)], [costs(b, block=4)])
    assert (gap.low, gap.high) == pytest.approx(paired_interval(a, b, 4), rel=5e-3)
    assert gap.mean == pytest.approx((a - b).mean())


def test_seeds_that_disagree_widen_the_interval():
    a = [costs(np.full(50, level)) for level in (0.9, 1.0, 1.1)]
    b = [costs(np.full(50, 1.2))] * 3
    gap = paired(a, b)
    reach = stats.t.ppf(0.975, 2) * 0.1 / np.sqrt(3)  # the rows do not differ at all
    assert gap.mean == pytest.approx(-0.2)
    assert (gap.low, gap.high) == pytest.approx((-0.2 - reach, -0.2 + reach))
    assert gap.better is None
    assert paired(a, [costs(np.full(50, 2.0))] * 3).better is True
    assert paired([costs(np.full(50, 2.0))] * 3, a).better is False


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Of other rows and other seeds; either alone would hold it far too seldom."""
    rng = np.random.default_rng(3)
    held, rows_alone = 0, 0
    for _ in range(1500):
        rows, seeds = rng.normal(0, 1, 60), rng.normal(0, 0.13, 4)  # both means vary by about as much
        ours = [costs(rows + seed) for seed in seeds]
        gap = paired(ours, [costs(np.zeros(60))] * 4)
        held += gap.low <= 0 <= gap.high
        low, high = paired_interval(np.mean([one.values for one in ours], axis=0), np.zeros(60), 1)
        rows_alone += low <= 0 <= high
    assert 0.935 < held / 1500 < 0.97
    assert rows_alone < held


def test_only_the_rows_that_all_have_are_compared():
    a = costs([1.0, 9.0, 2.0, 3.0], rows=[10, 99, 11, 12])
    b = costs([3.0, 2.0, 1.0], rows=[12, 11, 10])
    assert paired([a], [b]).mean == 0
    with pytest.raises(InputError, match="share no judged row"):
        paired([a], [costs([1.0], rows=[5])])


def test_moments_follow_their_rows():
    rng = np.random.default_rng(1)
    a, b, order = rng.random(60), rng.random(60), rng.permutation(60)
    straight = paired([costs(a, block=6, times=np.arange(60))], [costs(b, block=6, times=np.arange(60))])
    turned = paired([costs(a[order], rows=order, block=6, times=order)], [costs(b, block=6, times=np.arange(60))])
    assert (turned.low, turned.high) == pytest.approx((straight.low, straight.high))


def test_what_is_not_scored_does_not_count():
    assert costs([1.0, np.nan, 3.0]).mean == 2
    with pytest.raises(InputError, match="nothing to judge by"):
        _ = costs([np.nan]).mean


def test_the_interval_is_students_and_wider_for_folds_that_overlap_and_for_many_comparisons():
    values = [1.0, 2.0, 4.0]
    mean, reach = interval(values)
    assert (mean - reach, mean + reach) == pytest.approx(stats.t.interval(0.95, 2, mean, stats.sem(values)))
    assert interval(values, overlap=0.5)[1] == pytest.approx(reach * np.sqrt(3 * (1 / 3 + 0.5)))
    assert interval(values, comparisons=2)[1] == pytest.approx(reach * stats.t.ppf(0.9875, 2) / stats.t.ppf(0.975, 2))
    assert interval([1.0]) == (1.0, np.inf)


def test_the_interval_of_folds_holds_the_truth_as_often_as_it_says():
    """Of independent values: 95 of 100 intervals, as far as 2,000 of them can tell."""
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(2000):
        mean, reach = interval(rng.normal(size=5).tolist())
        held += abs(mean) <= reach
    assert 0.93 < held / 2000 < 0.97
