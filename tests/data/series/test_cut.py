"""A table of series cut in time: at moments that all its series share, with rows in any order, and the future kept."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from elman.tasks.forecast import Forecaster


def table(days=40, groups=("a", "b"), future=0):
    when = np.datetime64("2021-03-01") + np.arange(days)
    frames = [pl.DataFrame({"day": when, "shop": group, "y": np.arange(days) * 1.0}) for group in groups]
    frame = pl.concat(frames)
    late = pl.col("day") >= pl.lit(when[days - future]) if future else pl.lit(False)
    return frame.with_columns(pl.when(late).then(None).otherwise(pl.col("y")).alias("y"))


def cut(frame, **settings):
    rows, test = Forecaster(**{"target": "y", "group": "shop", **settings}).cut(frame, None)
    assert test is None
    return rows


@pytest.mark.parametrize("shuffled", [False, True])
def test_all_series_are_cut_at_the_same_moment(shuffled):
    frame = table().sample(fraction=1.0, shuffle=True, seed=0) if shuffled else table()
    rest, judged = cut(frame).parted(0.25, 0)
    assert (len(rest), judged.height) == (30, 20)
    assert rest.whole()["day"].max() < judged["day"].min()
    for train, part in rest.folds(3, 0):
        assert train["day"].max() < part["day"].min()
        assert set(part["shop"]) == {"a", "b"}


def test_rows_of_the_future_go_with_the_last_part():
    rows = cut(table(future=3))
    assert len(rows) == 37
    rest, judged = rows.parted(0.2, 0)
    assert judged["y"].null_count() == 6
    assert rest.whole()["y"].null_count() == 0


def test_rows_without_a_time_are_counted_within_their_series():
    frame = table(days=12).drop("day").sample(fraction=1.0, shuffle=True, seed=1)
    rows = cut(frame, time="none")
    assert len(rows) == 12
    first = rows.between(0, 4)
    for shop in ("a", "b"):
        own = frame.filter(pl.col("shop") == shop)["y"].to_list()
        assert first.filter(pl.col("shop") == shop)["y"].to_list() == own[:4]


def test_a_part_can_be_fitted_and_judged():
    wave = pl.DataFrame({"day": np.datetime64("2021-03-01") + np.arange(120), "y": np.sin(np.arange(120))})
    rows, _ = Forecaster(target="y").cut(wave, None)
    train, judge = rows.parted(0.2, 0)[0].folds(2, 0)[0]
    model = Forecaster(target="y", horizon=2, steps=5, hidden=4, lookback=6).fit(train, test=judge, judged=False)
    # Every window whose horizon lies in the judging part, with its past in the training part.
    assert model.held_costs().values.shape == (judge.height - 1, 2)
