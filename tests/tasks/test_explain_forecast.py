"""Why a forecast is as it is: the column that drives a made series comes first, and one forecast's parts add up."""

from copy import deepcopy

import numpy as np
import polars as pl
import pytest
import torch

from elman.errors import InputError
from elman.tasks.forecast import Forecaster
from elman.tasks.load import load


def driven(rows=900, seed=0):
    """Hours whose demand is tomorrow's known heat, a little of the time of day, and nothing of the noise beside it."""
    rng = np.random.default_rng(seed)
    times = (np.datetime64("2024-01-01T00", "h") + np.arange(rows)).astype("datetime64[us]")
    heat = rng.normal(size=rows)
    y = 50 + 10 * heat + 3 * np.sin(2 * np.pi * np.arange(rows) / 24)
    return pl.DataFrame({"time": times, "y": y, "heat": heat, "noise": rng.normal(size=rows)})


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "driven.csv"
    driven().write_csv(path)
    return path


@pytest.fixture(scope="module")
def model(file):
    settings = {"horizon": 4, "lookback": 24, "hidden": 16, "steps": 250, "learning_rate": 0.01}
    return Forecaster(target="y", known=("heat", "noise"), **settings).fit(file)


@pytest.fixture(scope="module")
def explained(model, file):
    return model.explain(file)


def test_the_driver_comes_first_and_the_noise_matters_not(explained):
    found = explained.facts["importance"]
    assert next(iter(found)) == "heat" and found["heat"]["low"] > 1
    assert abs(found["noise"]["share"]) < 0.1 * found["heat"]["share"]
    assert explained.sentence.startswith("The forecasts rest most on heat (error +")
    assert {"time of day", "y, last day"} <= set(found)
    assert explained.table.rows[0][0] == "heat"


def test_the_parts_of_one_forecast_add_up_to_its_difference(explained, model, file):
    one = explained.facts["forecast"]
    assert sum(one["integrated_gradients"].values()) == pytest.approx(one["total"])
    assert one["total"] == pytest.approx(one["difference"], rel=0.01)
    assert next(iter(one["integrated_gradients"])) == "heat"
    for row in (400, 800):
        found = model.explain(file, row).facts["forecast"]
        assert found["total"] == pytest.approx(found["difference"], rel=0.01)


def test_the_row_that_is_named_is_the_first_one_forecast(model, file):
    one = model.explain(file, 700).facts["forecast"]
    assert one["from"] == "2024-01-30 03:00"
    cut = driven().with_columns(pl.when(pl.int_range(900) < 699).then(pl.col("y")).otherwise(None).alias("y"))
    assert one["mean"] == pytest.approx(model.predict(cut)["forecast"].mean(), rel=1e-5)


def test_a_linear_forecast_has_the_exact_terms(model, file):
    """With the correction of the network taken away, what is left repeats the last value and that of a day before."""
    linear = deepcopy(model)
    linear.network_.head[-1].weight.data.zero_()
    linear.network_.head[-1].bias.data.zero_()
    linear.network_.repeat.data.copy_(torch.tensor([0.25, 0.5, 0.0]).expand(4, -1))
    one = linear.explain(file, 700).facts["forecast"]
    y = driven()["y"].to_numpy()[:703]  # what lies after the forecast is not looked at
    lag = np.concatenate([np.full(24, y[0]), y[:-24]])
    exact = 0.25 * (y[698] - y.mean()) + 0.5 * (lag[699:].mean() - lag.mean())
    share = one["integrated_gradients"]
    assert share["y, last day"] == pytest.approx(exact, abs=1e-4)
    assert share["heat"] == pytest.approx(0, abs=1e-9) and share["noise"] == pytest.approx(0, abs=1e-9)
    assert one["hidden"]["y, last day"] == pytest.approx(share["y, last day"], abs=1e-6)


def test_without_a_file_one_forecast_is_explained(tmp_path):
    model = Forecaster(target="y", horizon=3, lookback=24, hidden=4, steps=20).fit(driven(300).select("time", "y"))
    explained = load(model.save(tmp_path / "m.elman")).explain()
    assert "importance" not in explained.facts and "told by a file" in explained.notes[0]
    assert explained.facts["forecast"]["mean"] == pytest.approx(model.predict()["forecast"].mean(), rel=1e-5)
    assert explained.sentence.startswith("The forecast from 2024-01-13 12:00 on lies ")


def test_units_are_named_with_what_they_follow(explained):
    signals = {unit["signal"] for unit in explained.facts["units"]}
    assert signals & {"y", "heat", "time of day (day_sin1)", "time of day (day_cos1)"}
    assert all(abs(unit["correlation"]) > unit["chance"] for unit in explained.facts["units"])


@pytest.mark.parametrize(
    ("row", "said"),
    [(0, "the file has rows 1 to 900"), (901, "the file has rows 1 to 900"), (5, "but the model reads 24")],
)
def test_rows_that_cannot_be_explained_are_refused(model, file, row, said):
    with pytest.raises(InputError, match=said):
        model.explain(file, row)


def test_a_row_without_a_file_is_refused(model):
    with pytest.raises(InputError, match="no file is given"):
        model.explain(None, 3)


def test_many_groups_and_rows_without_times_are_explained():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"shop": ["a"] * 150 + ["b"] * 150, "y": rng.normal(size=300).cumsum()})
    model = Forecaster(target="y", group="shop", time="none", horizon=2, hidden=4, lookback=9, steps=20).fit(frame)
    explained = model.explain(frame, 280)
    assert explained.facts["forecast"]["from"] == "step 129"
    assert set(explained.facts["importance"]) == {"y, last 3 steps", "y, the 3 steps before", "y, earlier steps"}
