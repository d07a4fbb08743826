"""Numbers as a reader writes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.evaluate.wording import beside, column, lasting, number, percent


@pytest.mark.parametrize(
    "value, text",
    [
        (98.24, "98.2"),
        (25.0, "25.0"),
        (12345.6, "12,346"),
        (0.01234, "0.0123"),
        (9.996, "10.0"),
        (-0.5, "-0.500"),
        (0.0, "0"),
        (1.2e-9, "1.20e-09"),
        (3e20, "3.00e+20"),
        (7, "7"),
        (np.int64(1234567), "1,234,567"),
        (np.float32(0.25), "0.250"),
        (float("nan"), "–"),
        (float("-inf"), "-∞"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@given(st.floats(-1e300, 1e300, allow_subnormal=False))
def test_a_number_read_back_is_near(value):
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=6e-3)


def test_a_column_shares_its_decimals_where_sizes_allow():
    assert column([98.24, 242.43, float("nan"), 251]) == ["98.2", "242.4", "–", "251.0"]
    assert column([0.473, 2.7, 0]) == ["0.473", "2.700", "0.000"]
    assert column([0.00123, 12345.6]) == ["0.00123", "12,346"]
    assert column([1, 1000000, float("nan")]) == ["1", "1,000,000", "–"]
    assert column([]) == []


@given(st.floats(1e-3, 1e6), st.floats(1e-9, 0.1))
def test_two_numbers_that_differ_look_different(value, more):
    other = value * (1 + more)
    first, second = beside(value, other)
    assert (first == second) == (value == other)


@pytest.mark.parametrize(
    "share, text",
    [(0.594, "59 %"), (0.002, "less than 1 %"), (0.9999, "more than 99 %"), (1.0, "100 %"), (0.0, "0 %")],
)
def test_percent(share, text):
    assert percent(share) == text


def test_times_are_seconds_or_minutes():
    assert [lasting(seconds) for seconds in (0.4, 4.2, 59.4, 60, 150)] == ["0 s", "4 s", "59 s", "1.0 min", "2.5 min"]
