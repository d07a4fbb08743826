"""The parts of a window, in the words of people: each number belongs to one, and lags to the days they come from."""

import numpy as np
import polars as pl
import pytest

from elman.data.series.encoder import SeriesEncoder
from elman.data.series.pieces import Pieces
from elman.data.series.series import read_series


def made(rows=24 * 60, step="h", **columns):
    times = (np.datetime64("2024-01-01T00", step) + np.arange(rows)).astype("datetime64[us]")
    y = np.sin(np.arange(rows)) + 3
    return pl.DataFrame({"time": times, "y": y, **columns})


def fitted(frame, lags=(24, 168), horizon=24, known=(), columns=()):
    series = read_series(frame, targets=["y"], columns=[*known, *columns])
    ends = series.starts[1:]
    encoder = SeriesEncoder.fit(series, ends, known=tuple(known), lags=lags, horizon=horizon, level="none", factors=0)
    return series, encoder


def pieces(series, encoder, lookback=48, horizon=24, seasons=(24, 168)):
    return Pieces(encoder, lookback, horizon, seasons, series.layout, "y")


def test_every_number_of_a_window_belongs_to_one_part():
    rows = 24 * 60
    sky = np.where(np.arange(rows) % 3 == 0, "clear", "grey")
    heat = np.where(np.arange(rows) % 7 == 0, np.nan, np.arange(rows) % 5)
    series, encoder = fitted(made(rows, sky=sky, heat=heat), known=("heat",), columns=("sky",))
    found = pieces(series, encoder).parts()
    for table in ("x", "known"):
        assert (sum(part[table].int() for part in found.values()) == 1).all()
    assert set(found) == {
        "y, last day",
        "y, the day before",
        "y, earlier days",
        "y, a week before",
        "heat",
        "sky",
        "time of day",
        "day of the week",
    }


def test_the_columns_are_named_in_the_order_of_the_tables():
    rows = 24 * 60
    heat = np.where(np.arange(rows) % 7 == 0, np.nan, np.arange(rows) % 5.0)
    series, encoder = fitted(made(rows, heat=heat, wind=np.arange(rows) % 11.0), known=("heat",), columns=("wind",))
    tables = encoder.encode(series)
    assert len(encoder.past_columns) == tables.past.shape[1]
    assert len(encoder.future_columns) == tables.future.shape[1]
    place = {(c.of, c.kind, c.lag): j for j, c in enumerate(encoder.past_columns)}
    past = tables.past.numpy()
    np.testing.assert_array_equal(past[:, place["heat", "observed", 0]], np.isfinite(heat))
    np.testing.assert_allclose(np.corrcoef(past[:, place["wind", "value", 0]], series.values[:, 2])[0, 1], 1, atol=1e-6)
    np.testing.assert_allclose(past[200:, place["y", "value", 168]], past[200 - 168 : -168, place["y", "value", 0]])
    ahead = {(c.of, c.kind, c.lag): j for j, c in enumerate(encoder.future_columns)}
    for key, j in ahead.items():
        np.testing.assert_array_equal(tables.future.numpy()[:, j], past[:, place[key]])


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (1, "last day"),
        (24, "last day"),
        (25, "the day before"),
        (48, "the day before"),
        (49, "earlier days"),
        (144, "earlier days"),
        (145, "a week before"),
        (168, "a week before"),
        (300, "a week before"),
    ],
)
def test_steps_back_are_said_in_days(ago, said):
    series, encoder = fitted(made())
    assert pieces(series, encoder).when(ago) == said


def test_without_a_season_the_look_back_is_parted_in_three():
    series, encoder = fitted(made(), lags=())
    own = pieces(series, encoder, lookback=10, seasons=())
    assert [own.when(ago) for ago in (1, 4, 5, 9)] == [
        "last 4 steps",
        "last 4 steps",
        "the 4 steps before",
        "earlier steps",
    ]


@pytest.mark.parametrize(("step", "seasons", "said"), [("D", (7,), "last week"), ("M", (12,), "last year")])
def test_other_clocks_have_other_seasons(step, seasons, said):
    series, encoder = fitted(made(120, step), lags=seasons, horizon=2)
    assert pieces(series, encoder, 14, 2, seasons).when(1) == said
