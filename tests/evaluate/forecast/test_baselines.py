"""The baselines against one-origin loops that read as the textbook, and never looking ahead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import InputError
from elman.evaluate.forecast import baselines


@st.composite
def rolling(draw):
    """y with gaps, the starts of its groups, some origins, K and m."""
    lengths = draw(st.lists(st.integers(1, 14), min_size=1, max_size=3))
    size = sum(lengths)
    y = np.array(draw(st.lists(st.one_of(st.just(np.nan), st.floats(-99, 99)), min_size=size, max_size=size)))
    origins = np.array(draw(st.lists(st.integers(1, size), min_size=1, max_size=4)))
    return y, np.cumsum([0, *lengths[:-1]]), origins, draw(st.integers(1, 6)), draw(st.integers(1, 5))


def history_of(y, starts, origin):
    """The rows of the origin's group before it: the only thing a forecast may read."""
    return y[max(start for start in starts if start < origin) : origin]


def last_value(past):
    known = past[~np.isnan(past)]
    return known[-1] if len(known) else np.nan


def one_naive(past, K, m):
    return [last_value(past)] * K


def one_seasonal(past, K, m):
    forecast = []
    for k in range(K):
        row = len(past) + k - m * -(-(k + 1) // m)
        while row >= 0 and np.isnan(past[row]):
            row -= m
        forecast.append(past[row] if row >= 0 else last_value(past))
    return forecast


def one_drift(past, K, m):
    rows = np.flatnonzero(~np.isnan(past))
    if len(rows) < 2:
        return [last_value(past)] * K
    first, last = rows[0], rows[-1]
    slope = (past[last] - past[first]) / (last - first)
    return [past[last] + slope * (len(past) + k - last) for k in range(K)]


FORECASTS = [
    (lambda y, starts, origins, K, m: baselines.naive(y, starts, origins, K), one_naive),
    (baselines.seasonal_naive, one_seasonal),
    (lambda y, starts, origins, K, m: baselines.drift(y, starts, origins, K), one_drift),
    (
        lambda y, starts, origins, K, m: baselines.drift(y, starts, origins, K, memory=m),
        lambda past, K, m: one_drift(past[-m:], K, m) if not np.isnan(past[-m:]).all() else one_naive(past, K, m),
    ),
]
NAMES = ["naive", "seasonal", "drift", "drift of a memory"]


@pytest.mark.parametrize("many, one", FORECASTS, ids=NAMES)
@given(case=rolling())
def test_each_origin_alone_gives_the_same(many, one, case):
    y, starts, origins, K, m = case
    expected = [one(history_of(y, starts, origin), K, m) for origin in origins]
    np.testing.assert_allclose(many(y, starts, origins, K, m), expected, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("many, one", FORECASTS, ids=NAMES)
@given(case=rolling(), seed=st.integers(0, 99))
def test_nothing_at_or_after_the_origin_nor_of_another_group_is_read(many, one, case, seed):
    y, starts, origins, K, m = case
    origin = origins[:1]
    before = many(y, starts, origin, K, m)
    start = max(start for start in starts if start < origin[0])
    other = np.arange(len(y))
    hidden = (other >= origin[0]) | (other < start)
    rng = np.random.default_rng(seed)
    changed = np.where(hidden, np.where(rng.random(len(y)) < 0.3, np.nan, rng.normal(0, 1e3, len(y))), y)
    np.testing.assert_array_equal(many(changed, starts, origin, K, m), before)


def test_by_hand():
    y = np.array([1.0, 2, 4, 3, 5, np.nan, 100, 100])
    starts, origins = np.array([0, 6]), np.array([5])
    assert baselines.naive(y, starts, origins, 3).tolist() == [[5, 5, 5]]
    assert baselines.seasonal_naive(y, starts, origins, 5, 3).tolist() == [[4, 3, 5, 4, 3]]
    assert baselines.drift(y, starts, origins, 2).tolist() == [[6, 7]]
    assert baselines.drift(y, starts, origins, 2, memory=2).tolist() == [[7, 9]]
    # A gap at the end: the line is carried on from the last known value, through the gap.
    assert baselines.drift(y, starts, np.array([6]), 1).tolist() == [[7]]


def test_an_origin_past_the_last_row_forecasts_the_unknown_future():
    y, starts = np.array([1.0, 2, 3, 4]), np.array([0])
    assert baselines.seasonal_naive(y, starts, np.array([4]), 3, 2).tolist() == [[3, 4, 3]]
    assert np.isnan(baselines.future(y, starts, np.array([4]), 2)).all()


def test_the_future_ends_with_its_group():
    y, starts = np.array([1.0, 2, 3, 7, 8]), np.array([0, 3])
    np.testing.assert_array_equal(
        baselines.future(y, starts, np.array([1, 3, 4]), 2), [[2, 3], [np.nan, np.nan], [8, np.nan]]
    )


def test_best_season_finds_the_week_among_candidates():
    rng = np.random.default_rng(0)
    y = np.tile([0.0, 3, 1, 4, 1, 5, 9], 20) + rng.normal(0, 0.3, 140)
    origins = np.arange(30, 130)
    assert baselines.best_season(y, np.array([0]), origins, 5, [2, 5, 7, 12]) == 7
    assert baselines.best_season(y, np.array([0]), origins, 5, [2, 500]) == 2
    assert baselines.best_season(y, np.array([0]), origins, 5, [500, 0]) is None
    assert baselines.best_season(y, np.array([0]), np.empty(0, int), 5, [7]) is None


def test_candidates_are_scored_on_the_same_cells():
    """A season known only late, where the series is calm, must not win by having skipped the wild start."""
    rng = np.random.default_rng(1)
    calm = np.tile([1.0, 2, 3, 4], 20)
    y = np.concatenate([rng.normal(0, 50, 40), calm])
    # 4 is exact on the calm part; 30 looks back into the wild one for as long as that is in its reach.
    assert baselines.best_season(y, np.array([0]), np.arange(4, 116), 4, [30, 4]) == 4


def test_best_season_looks_at_training_windows_alone():
    y = np.tile([0.0, 3, 1, 4, 1, 5, 9], 20)
    origins = np.arange(20, 60)
    broken = np.concatenate([y[:65], np.tile([5.0, -5], 38)[:75]])
    for series in (y, broken):
        assert baselines.best_season(series, np.array([0]), origins, 5, [2, 7]) == 7


@given(rolling())
def test_scale_is_its_definition_where_it_can_be(case):
    y, starts, _, _, m = case
    scale = baselines.seasonal_scale(y, starts, m)
    assert scale.shape == starts.shape and (scale > 0).all() and np.isfinite(scale).all()
    for group, past in enumerate(np.split(y, starts[1:])):
        steps = np.abs(past[m:] - past[:-m])
        if np.nansum(steps) > 0:
            assert scale[group] == pytest.approx(np.nanmean(steps))


def test_scale_falls_back_step_by_step():
    wave, flat = [1.0, 3, 1, 3], [2.0, 2, 2, 2]
    y, starts = np.array([*wave, *flat, 0, 6, 8, 8]), np.array([0, 4, 8])
    # The wave repeats itself at m = 2, so m = 1 measures it; nothing in its own group measures the flat one.
    assert baselines.seasonal_scale(y, starts, 2) == pytest.approx([2, (2 + 5) / 2, 5])
    assert baselines.seasonal_scale(np.array(flat), np.array([0]), 1).tolist() == [1]
    assert baselines.seasonal_scale(np.array([np.nan, 4.0]), np.array([0]), 9).tolist() == [1]


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda y, s: baselines.naive(y, s, np.array([0]), 1),
            "run from 0 to 0: they must lie between 1 and the 4",
        ),
        (lambda y, s: baselines.naive(y, s, np.array([5]), 1), "run from 5 to 5"),
        (lambda y, s: baselines.naive(y, s, np.array([1]), 0), "K is 0"),
        (lambda y, s: baselines.seasonal_naive(y, s, np.array([1]), 1, 0), "m is 0"),
        (lambda y, s: baselines.drift(y, s, np.array([1]), 1, memory=0), "memory is 0"),
        (lambda y, s: baselines.naive(y, np.array([1]), np.array([1]), 1), r"starts are \[1\]"),
        (lambda y, s: baselines.naive(y, np.array([0, 4]), np.array([1]), 1), "to below 4 rows"),
        (lambda y, s: baselines.seasonal_scale(y, s, 0), "m is 0"),
    ],
)
def test_what_cannot_be_is_said(call, message):
    with pytest.raises(InputError, match=message):
        call(np.arange(4.0), np.array([0]))
