"""Tables as they come: groups, columns as series, columns known ahead, gaps, no times, any library's frame."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from elman.errors import InputError
from elman.tasks.load import load


def test_groups_are_forecast_one_by_one(quick, weekly, tmp_path):
    frame = pl.concat(
        [weekly(seed=at).with_columns(pl.col("y") * 10**at, shop=pl.lit(f"s{at}")) for at in range(3)]
    ).sample(fraction=1.0, shuffle=True, seed=0)
    model = load(quick(group="shop").fit(frame).save(tmp_path / "model"))
    found = model.predict()
    assert found["shop"].to_list() == [f"s{at}" for at in range(3) for _ in range(3)]
    assert found["time"].n_unique() == 3
    means = found.group_by("shop", maintain_order=True).agg(pl.col("forecast").mean())["forecast"].to_numpy()
    assert means / 50 == pytest.approx([1, 10, 100], rel=0.4)
    # Forecasting one group alone gives what it got beside the others.
    alone = model.predict(frame.filter(pl.col("shop") == "s1"))
    assert alone["forecast"].to_numpy() == pytest.approx(found.filter(pl.col("shop") == "s1")["forecast"].to_numpy())


def test_every_number_column_as_a_series(quick, weekly, tmp_path):
    wide = weekly().rename({"y": "north"}).with_columns(south=weekly(seed=3)["y"] + 5)
    model = quick(target="*").fit(wide)
    found = load(model.save(tmp_path / "model")).predict()
    assert found.columns[:2] == ["series", "time"]
    assert found["series"].unique().sort().to_list() == ["north", "south"]
    assert found.equals(model.predict())
    assert model.title() == "Forecast of 2 series, 3 steps ahead"


def test_known_columns_need_their_future(quick, weekly):
    frame = weekly().with_columns(price=pl.Series(np.random.default_rng(1).normal(size=200)))
    frame = frame.with_columns(pl.col("y") + 8 * pl.col("price"))
    model = quick(known=("price",), steps=60).fit(frame)
    with pytest.raises(InputError, match=r"column 'price' must be known for the 3 steps after 2020-07-18.*3 are"):
        model.predict()
    days = np.datetime64("2020-07-19") + np.arange(3)

    def ahead(prices):
        rows = pl.DataFrame({"day": days[: len(prices)], "y": [None] * len(prices), "price": prices})
        return pl.concat([frame, rows.cast({"y": pl.Float64})])

    with pytest.raises(InputError, match="but 1 are missing"):
        model.predict(ahead([1.0, 1.0]))
    low, high = (model.predict(ahead([price] * 3)) for price in (-2.0, 2.0))
    assert [day.date() for day in low["time"]] == days.tolist()
    assert (high["forecast"] != low["forecast"]).all()


def test_future_rows_in_the_file_of_the_fit_are_kept(quick, weekly, tmp_path):
    frame = weekly().with_columns(price=pl.Series(np.random.default_rng(1).normal(size=200)))
    frame = frame.with_columns(pl.when(pl.int_range(pl.len()) < 197).then(pl.col("y")).alias("y"))
    model = quick(known=("price",)).fit(frame)
    found = load(model.save(tmp_path / "model")).predict()
    assert [day.date().isoformat() for day in found["time"]] == ["2020-07-16", "2020-07-17", "2020-07-18"]
    assert found.equals(model.predict(frame))


def test_rows_as_steps(quick, weekly, tmp_path):
    model = quick(time="none").fit({"y": weekly()["y"].to_list()})
    found = load(model.save(tmp_path / "model")).predict()
    assert found.columns[0] == "step"
    assert found["step"].to_list() == [200, 201, 202]
    assert any("without times" in note for note in model.evaluate({"y": weekly(seed=9)["y"].to_list()}).notes)


def test_missing_values_and_missing_days(quick, weekly):
    rng = np.random.default_rng(0)
    holes = weekly().with_columns(pl.when(pl.Series(rng.random(200) > 0.1)).then(pl.col("y")).alias("y"))
    holes = holes.filter(pl.int_range(pl.len()) % 23 != 5)
    model = quick().fit(holes)
    missing = holes["y"].null_count() + 200 - holes.height
    assert any("inserted as missing" in note for note in model.notes_)
    assert model.context_.values.shape[0] > 0
    assert model.evaluate().rows < 3 * 38
    assert missing > 20
    assert np.isfinite(model.predict().drop("time").to_numpy()).all()


def test_a_long_gap_is_bridged_alike_with_and_without_the_file(quick, weekly):
    gap = weekly().with_columns(pl.when(~pl.int_range(pl.len()).is_between(165, 190)).then(pl.col("y")).alias("y"))
    gap = gap.with_columns(rain=pl.when(pl.int_range(pl.len()) % 50 == 0).then(pl.col("y") % 3))
    model = quick().fit(gap)
    assert model.predict().equals(model.predict(gap))


def test_business_days_go_on_after_the_weekend(quick, weekly):
    days = pd.bdate_range("2020-01-01", periods=200)
    assert days[-1].day_name() == "Tuesday"
    frame = pl.DataFrame({"day": days.to_numpy(), "y": weekly()["y"]})[:198]
    found = quick(horizon=3).fit(frame).predict()
    assert days[197].day_name() == "Friday"
    assert [day.strftime("%a") for day in found["time"]] == ["Mon", "Tue", "Wed"]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.Table])
def test_a_frame_of_the_kind_that_was_given_comes_back(quick, weekly, kind):
    frame = {pd.DataFrame: pl.DataFrame.to_pandas, pl.DataFrame: pl.DataFrame.clone, pa.Table: pl.DataFrame.to_arrow}[
        kind
    ](weekly())
    model = quick().fit(frame)
    assert type(model.predict()) is kind
    assert type(model.predict(weekly())) is pl.DataFrame
    native = model.predict(frame)
    assert type(native) is kind
    values = np.asarray(native["forecast"], dtype=float)
    assert values == pytest.approx(quick().fit(weekly()).predict()["forecast"].to_numpy())


def test_too_few_rows_to_read_are_refused(fitted, weekly):
    with pytest.raises(InputError, match="has 9 rows up to its last target, but the model reads 10: give more rows"):
        fitted.predict(weekly(9))
    with pytest.raises(InputError, match="there is no window to judge"):
        fitted.evaluate(weekly(11))


def test_another_rhythm_is_refused(fitted, weekly):
    monthly = weekly().with_columns(
        pl.date_range(pl.date(2000, 1, 1), pl.date(2016, 8, 1), "1mo", eager=True).alias("day")
    )
    with pytest.raises(InputError, match="trained on steps of 1 day"):
        fitted.predict(monthly)
