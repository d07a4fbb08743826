"""Parts joined, series continued and series cut keep every row in its place on the clock."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.series.clock import Clock
from elman.data.series.extend import join, tail, with_future
from elman.data.series.series import SeriesSet
from elman.errors import InputError

DAY0 = np.datetime64("2020-01-01", "us")


def made(clock="1 day", **days):
    """Groups by name with one row a day, whose value is the day; with clock "row" times are step numbers."""
    at = np.concatenate([np.asarray(group, float) for group in days.values()])
    starts = np.cumsum([0, *map(len, days.values())])
    if clock == "row":
        times = np.concatenate([np.arange(len(group)) for group in days.values()])
    else:
        times = DAY0 + (at * 24 * 60).astype(np.int64) * np.timedelta64(1, "m")
    rows = np.arange(1, len(at) + 1)
    return SeriesSet(at[:, None], ("y",), times, rows, starts, tuple(days), Clock(clock), (f"{len(at)} rows",))


def days(series):
    return [series.values[a:b, 0].tolist() for a, b in zip(series.starts[:-1], series.starts[1:], strict=True)]


nan = pytest.approx(float("nan"), nan_ok=True)


def test_parts_follow_each_other_with_the_missing_steps_between_them():
    joined, ends = join([made(a=[0, 1], b=[0, 1, 2]), made(a=[4, 5], b=[3])], ["early", "late"])
    assert days(joined) == [[0, 1, nan, nan, 4, 5], [0, 1, 2, 3]]
    assert [end.tolist() for end in ends] == [[2, 9], [6, 10]]
    assert joined.rows.tolist() == [1, 2, 0, 0, 1, 2, 3, 4, 5, 3]
    np.testing.assert_array_equal(joined.times[:6], DAY0 + np.arange(6) * np.timedelta64(1, "D"))
    assert joined.notes == ("5 rows", "3 rows")


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(["1 day", "row"]))
def test_joining_the_pieces_of_a_series_gives_it_back(first, second, clock):
    whole = made(clock, a=range(first + second))
    joined, ends = join([made(clock, a=range(first)), made(clock, a=range(first, first + second))], ["a", "b"])
    np.testing.assert_array_equal(joined.values, whole.values)
    np.testing.assert_array_equal(joined.times, whole.times)
    assert joined.starts.tolist() == whole.starts.tolist() and [int(end[0]) for end in ends] == [first, first + second]


def test_a_group_may_be_in_some_parts_only():
    joined, ends = join([made(a=[0]), made(b=[1]), made(a=[1], c=[7])], ["x", "y", "z"])
    assert joined.groups == ("a", "b", "c") and days(joined) == [[0, 1], [1], [7]]
    assert [end.tolist() for end in ends] == [[1, 2, 3], [1, 3, 3], [2, 3, 4]]


def test_a_part_that_overlaps_is_refused_by_the_name_of_the_part_that_it_meets():
    with pytest.raises(InputError, match=r"z begins at 2020-01-03.*, but x ends at 2020-01-04.* for a: each part"):
        join([made(a=[0, 1, 2, 3]), made(b=[1]), made(a=[2])], ["x", "y", "z"])


def test_a_part_between_the_steps_is_refused():
    with pytest.raises(InputError, match=r"late begins at 2020-01-03T12:00.* no whole number of steps of 1 day"):
        join([made(a=[0, 1]), made(a=[2.5, 3.5])], ["early", "late"])


def test_the_future_is_what_the_file_has_then_missing_rows():
    series = with_future(made(a=[0, 1, 2, 3, 4], b=[0, 1, 2]), np.array([3, 8]), 3)
    assert days(series) == [[0, 1, 2, 3, 4, nan], [0, 1, 2, nan, nan, nan]]
    assert series.rows.tolist() == [1, 2, 3, 4, 5, 0, 6, 7, 8, 0, 0, 0]
    np.testing.assert_array_equal(series.times[6:], DAY0 + np.arange(6) * np.timedelta64(1, "D"))


def test_rows_beyond_the_horizon_are_cut():
    series = with_future(made("row", a=range(9)), np.array([4]), 2)
    assert days(series) == [[0, 1, 2, 3, 4, 5]] and series.times.tolist() == list(range(6))


def test_the_tail_is_the_last_rows_before_the_end_and_all_after_it():
    series = tail(made(a=range(10), b=range(2)), np.array([8, 12]), 3)
    assert days(series) == [[5, 6, 7, 8, 9], [0, 1]]
    assert series.starts.tolist() == [0, 5, 7] and series.rows.tolist() == [6, 7, 8, 9, 10, 11, 12]
    np.testing.assert_array_equal(series.times[:5], DAY0 + np.arange(5, 10) * np.timedelta64(1, "D"))
