"""Guessed inputs are columns that can say something; what is left out is said, and why."""

import datetime as dt

import polars as pl
import pytest

from elman.data.series.inputs import guess_inputs

DAYS = [dt.date(2020, 1, 1 + i) for i in range(6)]
Y = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]


def guess(taken=("y",), time=None, **columns):
    return guess_inputs(pl.DataFrame({"date": DAYS, "y": Y, **columns}), taken=list(taken), time=time)


def test_numbers_and_words_that_change_are_read():
    found, notes = guess(wind=[2, 7, 1, 8, 2, None], sky=["sun", "rain"] * 3)
    assert found == ("wind", "sky") and notes == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1, 2, 3, 4, 5, 6], "numbers the rows"),
        ([60, 50, 40, 30, 20, 10], "numbers the rows"),
        ([7, 7, 7, 7, 7, 7], "never changes"),
        ([7, None, 7, 7, 7, 7], "never changes"),
        (Y, "a copy"),
        ([str(value) for value in Y], "a copy"),
        (["only"] * 6, "1 kinds of text"),
        ([day + dt.timedelta(days=400) for day in DAYS], "dates"),
    ],
)
def test_what_says_nothing_is_left_out_with_the_reason(values, why):
    found, notes = guess(odd=values)
    assert found == () and notes == [f"columns not read: odd ({why})"]


def test_of_two_equal_columns_one_is_read():
    found, notes = guess(a=[2, 7, 1, 8, 2, 8], b=[2, 7, 1, 8, 2, 8])
    assert found == ("a",) and notes == ["columns not read: b (a copy)"]


def test_text_of_many_kinds_is_left_out():
    frame = {
        "step": [i * i for i in range(40)],
        "y": [i % 7 for i in range(40)],
        "id": [f"k{i % 21}" for i in range(40)],
    }
    assert guess_inputs(frame, taken=["y"], time=()) == (("step",), ["columns not read: id (21 kinds of text)"])


def test_what_is_taken_is_neither_read_nor_told_of_nor_taken_for_the_time():
    found, notes = guess(taken=("y", "shop", "timestamp"), shop=list("ababab"), timestamp=DAYS, wind=[2, 7, 1, 8, 2, 8])
    assert found == ("wind",) and notes == []


def test_a_named_time_is_left_out_and_the_others_are_not_times():
    found, notes = guess(time="when", when=[1.5, 2.5, 4.5, 5.5, 9.5, 9.75], wind=[2, 7, 1, 8, 2, 8])
    assert found == ("wind",) and notes == ["columns not read: date (dates)"]
