"""The place in the year is a column only where training saw a whole year."""

import json

import numpy as np
import pandas as pd
import pytest

from elman.data.series.encoder import SeriesEncoder
from elman.data.series.series import read_series

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
YEAR = ("year_sin1", "year_cos1")


def fitted(series, train):
    ends = series.starts[:-1] + np.array(train)
    return SeriesEncoder.fit(series, ends, known=(), lags=(), horizon=3, level="none", factors=0)


def daily(*rows):
    """Groups of so many days from 1 January 2021."""
    frames = [
        pd.DataFrame({"t": pd.date_range("2021-01-01", periods=n, freq="D"), "g": f"g{g}", "y": np.sin(np.arange(n))})
        for g, n in enumerate(rows)
    ]
    return read_series(pd.concat(frames), targets=["y"], time="t", group="g")


@pytest.mark.parametrize(("train", "kept"), [(364, WEEKDAYS), (365, WEEKDAYS + YEAR)])
def test_the_training_part_alone_decides(train, kept):
    series = daily(800)
    encoder = fitted(series, [train])
    assert encoder.calendar == kept
    names, columns = series.clock.features(series.times)
    expected = columns[:, [names.index(name) for name in kept]]
    tables = encoder.encode(series)
    np.testing.assert_array_equal(tables.future.numpy(), expected)
    np.testing.assert_array_equal(tables.past[:, -len(kept) :].numpy(), expected)


def test_one_long_group_shows_the_year_to_all_and_two_halves_do_not():
    assert fitted(daily(200, 500), [100, 400]).calendar == WEEKDAYS + YEAR
    assert fitted(daily(200, 500), [200, 200]).calendar == WEEKDAYS


def test_what_was_left_out_stays_out_after_saving_whatever_is_encoded():
    encoder = fitted(daily(300), [200])
    loaded = SeriesEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert loaded.calendar == WEEKDAYS
    longer = daily(900)
    np.testing.assert_array_equal(loaded.encode(longer).future.numpy(), encoder.encode(longer).future.numpy())
    assert loaded.encode(longer).future.shape == (900, 7)


def test_less_than_a_year_of_months_leaves_no_calendar_and_still_something_to_decode_from():
    frame = pd.DataFrame({"t": pd.date_range("2021-01-01", periods=20, freq="MS"), "y": np.arange(20.0)})
    series = read_series(frame, targets=["y"], time="t")
    assert fitted(series, [11]).calendar == ()
    assert fitted(series, [11]).encode(series).future.shape == (20, 1)
    assert fitted(series, [12]).calendar == ("year_sin1", "year_cos1", "year_sin2", "year_cos2")
