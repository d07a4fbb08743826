"""No row that trains is later than one that chooses, and none that chooses later than one that judges."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.series.clock import Clock
from elman.data.series.series import SeriesSet
from elman.data.series.split import as_given, by_time, observed_ends
from elman.errors import InputError

DAY0 = np.datetime64("2020-01-01", "us")


def made(spans, missing=0):
    """Groups of days first..last (exclusive); the last ``missing`` rows of each have no target."""
    blocks = [np.arange(a, b) for a, b in spans]
    values = np.concatenate([np.where(np.arange(len(x)) < len(x) - missing, x, np.nan) for x in blocks])
    days = np.concatenate(blocks)
    starts = np.cumsum([0, *map(len, blocks)])
    groups = tuple(f"g{at}" for at in range(len(spans)))
    rows = np.arange(1, len(days) + 1)
    times = DAY0 + days * np.timedelta64(1, "D")
    return SeriesSet(values[:, None], ("y",), times, rows, starts, groups, Clock("1 day"))


def part(series, begin, end):
    return np.concatenate([series.times[a:b] for a, b in zip(begin, end, strict=True)])


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)).map(lambda s: (s[0], s[0] + s[1])), min_size=1)


@given(spans, st.floats(0.01, 0.45), st.floats(0, 0.45))
def test_every_group_is_cut_at_the_same_two_moments(spans, valid, test):
    series = made(spans)
    parts = by_time(series, valid, test)
    ends = (series.starts[:-1], parts.train_end, parts.valid_end, parts.test_end)
    assert all((a <= b).all() for a, b in pairwise(ends))
    np.testing.assert_array_equal(parts.test_end, series.starts[1:])
    train, chosen, judged = (part(series, a, b) for a, b in pairwise(ends))
    for early, late in ((train, chosen), (train, judged), (chosen, judged)):
        assert not (len(early) and len(late)) or early.max() < late.min()


@given(st.integers(1, 5), st.sampled_from([(0.1, 0.2), (0.25, 0.25), (0.3, 0.0)]))
def test_the_parts_have_their_shares(groups, shares):
    series = made([(0, 100)] * groups)
    parts = by_time(series, *shares)
    sizes = [(parts.valid_end - parts.train_end).tolist(), (parts.test_end - parts.valid_end).tolist()]
    assert sizes == [[round(100 * share)] * groups for share in shares]
    assert f"{shares[1]:.0%} judge" in parts.how and f"{shares[0]:.0%} choose" in parts.how


def test_rows_after_the_last_target_are_the_future_and_in_no_part():
    series = made([(0, 20), (5, 30)], missing=4)
    parts = by_time(series, 0.1, 0.2)
    assert parts.test_end.tolist() == observed_ends(series).tolist() == [16, 41]
    np.testing.assert_array_equal(by_time(made([(0, 16), (5, 26)]), 0.1, 0.2).train_end, parts.train_end - [0, 4])


@pytest.mark.parametrize(("valid", "test"), [(0.0, 0.2), (0.5, 0.5), (0.1, -0.1), (float("nan"), 0.1)])
def test_shares_that_leave_nothing_to_train_on_are_refused(valid, test):
    with pytest.raises(InputError, match=f"valid is {valid} and test is {test}"):
        by_time(made([(0, 9)]), valid, test)


def test_a_target_without_a_value_is_refused():
    with pytest.raises(InputError, match="target 'y' holds no value in any of 9 rows"):
        by_time(made([(0, 9)], missing=9), 0.1, 0.2)


def test_given_parts_are_kept():
    series, parts = as_given(made([(0, 10)]), made([(10, 14)]), made([(14, 20)]), ["a", "b", "c"], 0.2)
    assert (parts.train_end.tolist(), parts.valid_end.tolist(), parts.test_end.tolist()) == ([10], [14], [20])
    np.testing.assert_array_equal(series.values[:, 0], np.arange(20))
    assert parts.how == "all three parts were given"


def test_without_a_validation_part_the_end_of_the_training_part_chooses():
    _, parts = as_given(made([(0, 10), (0, 10)]), None, made([(12, 20)] * 3), ["a", "b", "c"], 0.2)
    assert parts.train_end.tolist() == [8, 28, 40]  # days 10 and 11 are inserted; g2 has no training rows
    assert parts.valid_end.tolist() == [10, 30, 40] and parts.test_end.tolist() == [20, 40, 48]


def test_without_a_test_part_nothing_judges():
    _, parts = as_given(made([(0, 10)]), made([(10, 14)]), None, ["a", "b", "c"], 0.2)
    assert parts.valid_end.tolist() == parts.test_end.tolist() == [14]


def test_a_test_part_without_targets_is_empty():
    _, parts = as_given(made([(0, 10)], missing=2), None, made([(10, 14)], missing=4), ["a", "b", "c"], 0.2)
    assert (parts.train_end <= parts.valid_end).all() and parts.valid_end.tolist() == parts.test_end.tolist()


def test_a_part_before_the_one_it_follows_is_refused():
    with pytest.raises(InputError, match=r"late\.csv begins at 2020-01-06.*early\.csv ends at 2020-01-10.* for g0"):
        as_given(made([(0, 10)]), None, made([(5, 14)]), ["early.csv", "mid.csv", "late.csv"], 0.2)
