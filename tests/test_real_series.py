"""Real files at their real size: what the README promises of them, in half a minute each."""

from pathlib import Path

import numpy as np
import pytest

import elman

SERIES = Path(__file__).parents[2] / "shared" / "data" / "series"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SERIES.is_dir(), reason="the series of ../shared/data are absent"),
]


def test_electricity_beats_last_week_by_far_and_keeps_its_time():
    model = elman.Forecaster(target="Demand", horizon=48, known=("Temperature", "Holiday"), stride=48, minutes=0.7).fit(
        SERIES / "vic_electricity.csv"
    )
    score = model.evaluate()
    assert round(score.baselines["seasonal_naive"]["mae"], 1) == 242.4
    assert score.metrics["mae"] < 150
    assert score.good
    assert model.seconds_ < 0.7 * 60 * 1.1


@pytest.mark.parametrize("horizon", [1, 5])
def test_prices_the_verdict_says_what_the_scores_say(horizon):
    score = elman.Forecaster(target="Close", horizon=horizon, minutes=0.2).fit(SERIES / "sp500.csv").evaluate()
    assert abs(score.skill) < 0.05  # nobody forecasts an index by more
    best = min(found["mae"] for found in score.baselines.values())
    assert score.skill == pytest.approx(1 - score.metrics["mae"] / best)
    word = {True: "Better than", False: "Does NOT beat", None: "No clear difference"}[score.good]
    assert score.verdict.startswith(word)
    assert score.good is not True or score.metrics["mae"] < best


def test_traffic_with_duplicates_and_gaps():
    source = SERIES / "metro_traffic.csv"
    with pytest.raises(elman.InputError, match="duplicate"):
        elman.Forecaster(target="traffic_volume", horizon=24).fit(source)
    model = elman.Forecaster(target="traffic_volume", horizon=24, duplicates="first", minutes=0.5).fit(source)
    assert any("11,976 missing" in note for note in model.notes_)
    assert model.evaluate().good
    assert np.isfinite(model.predict()["forecast"].to_numpy()).all()


def test_road_sensors_all_at_once():
    model = elman.Forecaster(target="*", lookback=12, horizon=3, minutes=0.5).fit(SERIES / "los_speed.csv")
    assert len(model.predict()) == 207 * 3
    assert model.evaluate().metrics["rmse"] < 5.543
