"""The verdict's words, and intervals that hold the truth about as often as they say."""

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.verdict import paired_interval, skill, verdict

WEEK, LAST = "the value of one week ago", "the last value"


def test_skill_is_against_the_best_baseline():
    assert skill({"mae": 1.0}, {LAST: {"mae": 4.0}, WEEK: {"mae": 2.0}}) == (0.5, WEEK)
    assert skill({"mae": 9.0, "rmse": 3.0}, {LAST: {"mae": 1.0, "rmse": 2.0}}, by="rmse") == (-0.5, LAST)
    assert skill({"mae": 0.0}, {LAST: {"mae": 0.0}}) == (0.0, LAST)
    assert skill({"mae": 1.0}, {LAST: {"mae": 0.0}}) == (-np.inf, LAST)


def test_better():
    scores = {WEEK: {"mae": 242.4}, LAST: {"mae": 300.0}, "the straight line": {"mae": 310.0}}
    said = verdict({"mae": 98.2}, scores, interval=(-160.0, -130.0))
    assert said.sentence == f"Better than {WEEK} (the best of 3 baselines): MAE 98.2 against 242.4, 59 % lower."
    assert said.good is True and said.best == WEEK and said.skill == pytest.approx(1 - 98.2 / 242.4)


def test_not_better():
    said = verdict({"mae": 25.1}, {LAST: {"mae": 25.0}})
    assert said.sentence == f"Does NOT beat {LAST}: MAE 25.1 against 25.0; use {LAST} instead."
    assert said.good is False and said.skill < 0
    assert verdict({"mae": 25.0}, {LAST: {"mae": 25.0}}).good is False


def test_no_clear_difference():
    said = verdict({"mae": 24.0}, {LAST: {"mae": 25.0}}, interval=(-3.1, 1.1))
    assert said.sentence == (
        f"No clear difference from {LAST}: MAE 24.0 against 25.0, "
        "but that may be chance (95 % interval of the difference: -3.10 to 1.10)."
    )
    assert said.good is None
    assert verdict({"mae": 26.0}, {LAST: {"mae": 25.0}}, interval=(-1.0, 3.0)).good is None
    unsure = verdict({"mae": 24.0}, {LAST: {"mae": 25.0}}, interval=(-np.inf, np.inf))
    assert unsure.good is None and "too little was scored" in unsure.sentence


def test_numbers_that_differ_look_different_and_shares_are_not_rounded_into_lies():
    assert "MAE 24.996 against 25.000" in verdict({"mae": 24.996}, {LAST: {"mae": 25.0}}).sentence
    assert "less than 1 % lower" in verdict({"mae": 24.996}, {LAST: {"mae": 25.0}}).sentence
    assert "more than 99 % lower" in verdict({"mae": 0.001}, {LAST: {"mae": 25.0}}).sentence


@pytest.mark.parametrize(
    "metrics, baselines, message",
    [
        ({"mae": 1.0}, {}, "at least one"),
        ({"mae": np.nan}, {LAST: {"mae": 1.0}}, "the model has mae = nan"),
        ({"mae": 1.0}, {LAST: {"rmse": 1.0}}, f"{LAST} has mae = None"),
    ],
)
def test_what_cannot_be_compared_is_said(metrics, baselines, message):
    with pytest.raises(InputError, match=message):
        verdict(metrics, baselines)


def overlapping(rng, windows, K):
    """Errors of windows one row apart, each the mean of K rows, so that neighbours share all but one."""
    return np.convolve(rng.standard_t(4, windows + K - 1), np.ones(K) / K, "valid")


@pytest.mark.parametrize(
    "windows, K, block, least",
    [(300, 1, 1, 0.93), (300, 8, 16, 0.90), (120, 12, 24, 0.90), (60, 10, 20, 0.88)],
)
def test_interval_holds_the_truth_about_as_often_as_it_says(windows, K, block, least):
    rng = np.random.default_rng(3)
    shift = 0.4
    held = 0
    for _ in range(600):
        low, high = paired_interval(shift + overlapping(rng, windows, K), np.zeros(windows), block)
        held += low <= shift <= high
    assert least <= held / 600 <= 0.98


def test_interval_lies_below_zero_for_a_model_that_is_plainly_better():
    rng = np.random.default_rng(0)
    model, best = rng.gamma(2, 1, (200, 6)), rng.gamma(2, 2, (200, 6))
    low, high = paired_interval(model, best, 6)
    assert low < (model - best).mean() < high < 0
    flipped = paired_interval(best, model, 6)
    assert flipped == pytest.approx((-high, -low))
    assert paired_interval(3 * model, 3 * best, 6) == pytest.approx((3 * low, 3 * high))


def test_interval_by_hand():
    # Three blocks of two, means 1, 2 and 6: 3 ± t(0.975, 2) sqrt(var / 3), the variance of the means being 7.
    low, high = paired_interval([0.0, 2, 1, 3, 5, 7], np.zeros(6), 2)
    assert (low, high) == pytest.approx((3 - 4.30265 * np.sqrt(7 / 3), 3 + 4.30265 * np.sqrt(7 / 3)), rel=1e-5)


@pytest.mark.parametrize("blocks, t", [(2, 12.7062), (4, 3.18245), (6, 2.57058), (11, 2.22814), (31, 2.04227)])
def test_students_quantile(blocks, t):
    gap = np.arange(float(blocks))
    low, high = paired_interval(gap, np.zeros(blocks), 1)
    assert (high - low) / 2 == pytest.approx(t * gap.std(ddof=1) / np.sqrt(blocks), rel=2e-3)


def test_groups_that_err_alike_are_no_further_evidence():
    rng = np.random.default_rng(0)
    gap = rng.normal(0.1, 1, 100)
    alone = paired_interval(gap, np.zeros(100), 5)
    times = np.tile(np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]"), 30)
    order = rng.permutation(3000)
    together = paired_interval(np.tile(gap, 30)[order], np.zeros(3000), 5, times[order])
    assert together == pytest.approx(alone)


def test_cells_not_scored_are_left_out():
    model, best = np.array([[1.0, 2], [3, 4], [5, 9], [2, 2]]), np.ones((4, 2))
    holes = np.array([[False, True], [False, False], [True, True], [False, False]])
    low, high = paired_interval(np.where(holes, np.nan, model), best, 1)
    assert (low + high) / 2 == pytest.approx((model - best)[~holes].mean())


def test_too_few_blocks_tell_nothing():
    assert paired_interval(np.ones(7), np.zeros(7), 4) == (-np.inf, np.inf)
    assert paired_interval(np.ones(3), np.zeros(3), 4) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: paired_interval([1.0], [1.0, 2.0], 1), r"shapes \(1,\) and \(2,\)"),
        (lambda: paired_interval([np.nan], [1.0], 1), "share no scored cell"),
        (lambda: paired_interval([1.0], [1.0], 0), "block is 0"),
        (lambda: paired_interval([1.0, 2.0], [1.0, 2.0], 1, [5]), "times has 1 values.*2 windows"),
    ],
)
def test_what_has_no_interval_is_said(call, message):
    with pytest.raises(InputError, match=message):
        call()
