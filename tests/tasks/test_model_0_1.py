"""A model saved by elman 0.1 loads in every later version and says what it said then."""

from pathlib import Path

import polars as pl
import pytest

from elman.tasks.load import load

HERE = Path(__file__).parent
NUMBERS = ["forecast", "lower", "upper", "lower_80", "upper_80"]


@pytest.mark.parametrize("source", [None, HERE / "model_0_1_sales.csv"], ids=["kept", "file"])
def test_it_forecasts_as_recorded(source):
    recorded = pl.read_csv(HERE / "model_0_1_forecast.csv", try_parse_dates=True)
    found = load(HERE / "model_0_1").predict(source)
    assert found.columns == recorded.columns
    assert found["shop"].to_list() == recorded["shop"].to_list()
    assert found["time"].to_list() == recorded["time"].to_list()
    for name in NUMBERS:
        assert found[name].to_numpy() == pytest.approx(recorded[name].to_numpy(), abs=1e-6, rel=1e-6), name


def test_it_knows_its_score_and_reproduces_it():
    model = load(HERE / "model_0_1")
    recorded, again = model.evaluate(), model.evaluate(HERE / "model_0_1_sales.csv")
    assert recorded.rows == again.rows > 0
    assert again.metrics == pytest.approx(recorded.metrics, rel=1e-5)


def test_it_is_small():
    assert sum(path.stat().st_size for path in (HERE / "model_0_1").iterdir()) < 100_000


def test_it_saves_itself_again(tmp_path):
    again = load(load(HERE / "model_0_1").save(tmp_path / "model")).predict()
    assert again.equals(load(HERE / "model_0_1").predict())
