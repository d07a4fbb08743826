"""The measures against loops that read as their definitions, and against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error

from elman.errors import InputError
from elman.evaluate.forecast import metrics

SHAPE = st.tuples(st.integers(1, 5), st.integers(1, 4))
VALUES = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def pairs(draw):
    """actual with some cells missing but not all, and a forecast."""
    shape = draw(SHAPE)
    actual = draw(arrays(np.float64, shape, elements=VALUES))
    missing = draw(arrays(bool, shape))
    assume(not missing.all())
    return np.where(missing, np.nan, actual), draw(arrays(np.float64, shape, elements=VALUES))


def cells(actual, *others):
    """The scored cells one by one, with their window and step."""
    for n, k in np.ndindex(actual.shape):
        if not math.isnan(actual[n, k]):
            yield n, k, actual[n, k], *(other[n, k] for other in others)


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values)


@given(pairs())
def test_absolute_squared_and_percentage_errors_are_their_definitions(pair):
    y, f = pair
    assert metrics.mae(y, f) == pytest.approx(mean(abs(a - b) for *_, a, b in cells(y, f)))
    assert metrics.rmse(y, f) == pytest.approx(math.sqrt(mean((a - b) ** 2 for *_, a, b in cells(y, f))))
    shares = (200 * abs(a - b) / (abs(a) + abs(b)) if a or b else 0 for *_, a, b in cells(y, f))
    assert metrics.smape(y, f) == pytest.approx(mean(shares))


@given(pairs(), st.data())
def test_scaled_error_divides_each_window_by_its_own_scale(pair, data):
    y, f = pair
    scale = data.draw(arrays(np.float64, len(y), elements=st.floats(0.1, 1e3)))
    assert metrics.mase(y, f, scale) == pytest.approx(mean(abs(a - b) / scale[n] for n, _, a, b in cells(y, f)))
    assert metrics.mase(y, f, 4.0) == pytest.approx(metrics.mae(y, f) / 4)


@given(pairs(), st.data())
def test_coverage_and_width_of_intervals(pair, data):
    y, low = pair
    high = low + data.draw(arrays(np.float64, y.shape, elements=st.floats(0, 1e6)))
    assert metrics.coverage(y, low, high) == pytest.approx(mean(a <= y <= b for *_, y, a, b in cells(y, low, high)))
    assert metrics.interval_width(y, low, high) == pytest.approx(mean(b - a for *_, y, a, b in cells(y, low, high)))


def test_bounds_count_as_inside_and_may_be_infinite():
    assert metrics.coverage([[1.0, 2.0, 3.1]], [[1.0, 1.0, 1.0]], [[3.0, 2.0, 3.0]]) == pytest.approx(2 / 3)
    assert metrics.coverage([[5.0]], [[-np.inf]], [[np.inf]]) == 1


@given(pairs(), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3, unique=True))
def test_pinball_is_its_definition_and_scikit_learns(pair, quantiles):
    y, f = pair
    many = np.stack([f + 10 * q for q in quantiles], axis=-1)
    loops = mean(
        max(q * (a - many[n, k, i]), (q - 1) * (a - many[n, k, i]))
        for n, k, a in cells(y)
        for i, q in enumerate(quantiles)
    )
    known = ~np.isnan(y)
    theirs = np.mean([mean_pinball_loss(y[known], many[known][:, i], alpha=q) for i, q in enumerate(quantiles)])
    assert metrics.pinball(y, many, quantiles) == pytest.approx(loops) == pytest.approx(theirs)


def test_known_values_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    y, f = rng.normal(50, 9, (40, 7)), rng.normal(50, 9, (40, 7))
    assert metrics.mae(y, f) == pytest.approx(mean_absolute_error(y.ravel(), f.ravel()))
    assert metrics.rmse(y, f) == pytest.approx(root_mean_squared_error(y.ravel(), f.ravel()))
    assert metrics.smape([[0.0, 3.0]], [[0.0, 1.0]]) == pytest.approx((0 + 200 * 2 / 4) / 2)


@given(pairs())
def test_steps_put_together_give_the_whole(pair):
    y, f = pair
    steps, count = metrics.by_step(y, f), (~np.isnan(y)).sum(axis=0)
    assert steps["mae"].shape == steps["rmse"].shape == y.shape[1:]
    assert np.array_equal(np.isnan(steps["mae"]), count == 0)
    assert np.nansum(steps["mae"] * count) / count.sum() == pytest.approx(metrics.mae(y, f))
    assert np.sqrt(np.nansum(steps["rmse"] ** 2 * count) / count.sum()) == pytest.approx(metrics.rmse(y, f))


def test_step_errors_by_hand():
    steps = metrics.by_step([[1.0, 2.0], [np.nan, 4.0]], [[2.0, 2.0], [9.0, 1.0]])
    assert steps["mae"].tolist() == [1.0, 1.5]
    assert steps["rmse"] == pytest.approx([1.0, math.sqrt(4.5)])


def test_all_metrics_in_one_dict():
    y, f = np.array([[1.0, 2.0], [3.0, np.nan]]), np.array([[1.5, 2.0], [2.0, 7.0]])
    scores = metrics.forecast_metrics(y, f, 2.0, {0.8: (f - 0.6, f + 0.6), 0.975: (f - 1, f + 1)})
    assert scores == pytest.approx(
        {
            "mae": 0.5,
            "rmse": math.sqrt(1.25 / 3),
            "smape": (20 * 2 + 0 + 40) / 3,
            "mase": 0.25,
            "coverage_80": 2 / 3,
            "width_80": 1.2,
            "coverage_97.5": 1,
            "width_97.5": 2,
        }
    )
    assert list(metrics.forecast_metrics(y, f, 1)) == ["mae", "rmse", "smape", "mase"]


@pytest.mark.parametrize(
    "score, message",
    [
        (lambda: metrics.mae([[np.nan, np.nan]], [[1.0, 2.0]]), "all 2 actual values are missing"),
        (lambda: metrics.by_step([[np.nan]], [[1.0]]), "all 1 actual values are missing"),
        (lambda: metrics.mae([[1.0, 2.0, 3.0]], [[np.nan, np.inf, 3.0]]), "NaN or infinite at 2 of 3"),
        (lambda: metrics.coverage([[1.0]], [[np.nan]], [[2.0]]), "the lower is NaN at 1 of 1"),
        (lambda: metrics.rmse([[1.0, 2.0]], [[1.0], [2.0]]), r"shape \(2, 1\).*\(1, 2\)"),
        (lambda: metrics.mase([[1.0]], [[2.0]], 0.0), "scale is 0"),
        (lambda: metrics.mase([[1.0]], [[2.0]], [1.0, 2.0]), r"shape \(2,\).*\(1,\)"),
        (lambda: metrics.pinball([[1.0]], [[[1.0, 2.0]]], [0.5]), r"\(1, 1, 2\): the last axis must be 1"),
        (
            lambda: metrics.pinball([[1.0]], [[[1.0]]], [80]),
            r"\[80\]: give one or more numbers between 0 and 1",
        ),
    ],
)
def test_what_cannot_be_scored_is_said(score, message):
    with pytest.raises(InputError, match=message):
        score()


def test_a_missing_forecast_of_a_missing_actual_is_no_matter():
    assert metrics.mae([[1.0, np.nan]], [[2.0, np.nan]]) == 1
