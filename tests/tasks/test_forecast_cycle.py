"""Fit, judge, predict, save, load, fit again: nothing is lost on the way, and the same settings give the same bits."""

from dataclasses import asdict

import polars as pl
import pytest

from elman.errors import InputError
from elman.tasks.forecast import Forecaster
from elman.tasks.load import load


def contents(path):
    return {entry.name: entry.read_bytes() for entry in path.iterdir()}


def test_saved_and_loaded_model_predicts_and_judges_the_same(fitted, saved, prices):
    loaded = load(saved)
    assert isinstance(loaded, Forecaster)
    assert loaded.predict().equals(fitted.predict())
    assert loaded.predict(prices).equals(fitted.predict(prices))
    assert loaded.evaluate().to_json() == fitted.evaluate().to_json()
    assert loaded.get_params() == fitted.get_params()
    assert loaded.config_ == fitted.config_


def test_forecast_follows_the_data_with_ordered_intervals(fitted, weekly):
    frame = fitted.predict()
    assert frame.columns == ["time", "forecast", "lower", "upper", "lower_80", "upper_80"]
    assert [day.date().isoformat() for day in frame["time"]] == ["2020-07-19", "2020-07-20", "2020-07-21"]
    edges = frame.select("lower", "lower_80", "upper_80", "upper").to_numpy()
    assert (edges[:, 1:] >= edges[:, :-1]).all()
    assert fitted.predict(weekly(150))["time"][0].date().isoformat() == "2020-05-30"


def test_a_loaded_model_saves_itself_whole(saved, tmp_path):
    again = load(saved).save(tmp_path / "again.elman")
    assert contents(again) == contents(saved)


def test_two_fits_give_the_same_bytes_and_another_seed_others(quick, weekly, tmp_path):
    fits = [quick(seed=seed).fit(weekly()).save(tmp_path / str(at)) for at, seed in enumerate([0, 0, 1])]
    weights = [(path / "weights.safetensors").read_bytes() for path in fits]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_a_timed_fit_is_repeated_bit_for_bit(quick, weekly, tmp_path):
    timed = quick(steps=None, minutes=0.03, batch_size=16).fit(weekly())
    old = load(timed.save(tmp_path / "timed"))
    again = Forecaster(**asdict(old.config_)).fit(weekly(), plan=old.plan_)
    again.save(tmp_path / "again")
    first, second = contents(tmp_path / "timed"), contents(tmp_path / "again")
    assert old.plan_.last > 20
    assert first["weights.safetensors"] == second["weights.safetensors"]
    assert first["encoders.json"] == second["encoders.json"]
    assert timed.predict().equals(again.predict())


def test_the_same_file_reproduces_the_recorded_score(fitted, saved, prices):
    recorded, again = fitted.evaluate(), load(saved).evaluate(prices)
    assert again.rows == recorded.rows
    assert again.metrics == pytest.approx(recorded.metrics, rel=1e-6)
    for name, scores in recorded.baselines.items():
        assert again.baselines[name] == pytest.approx(scores, rel=1e-6)
    assert any("only rows after" in note for note in again.notes)


def test_a_longer_file_is_judged_on_unseen_rows_alone(fitted, weekly):
    longer = weekly(260)
    altered = longer.with_columns(
        pl.when(pl.int_range(pl.len()) < 100).then(pl.col("y") + 500).otherwise(pl.col("y")).alias("y")
    )
    scores = [fitted.evaluate(frame) for frame in (longer, altered)]
    assert scores[0].metrics["mae"] == scores[1].metrics["mae"]
    assert scores[0].rows == 3 * (260 - 160 - 2)  # 160 of the 200 rows trained and chose; the rest opens windows
    assert fitted.evaluate(longer).rows > fitted.evaluate().rows


def test_a_file_that_was_seen_is_said_to_be(fitted, weekly):
    assert any("WARNING" in note for note in fitted.evaluate(weekly(120)).notes)


def test_given_parts_are_kept(quick, weekly, tmp_path):
    frame, paths = weekly(), {}
    for name, begin, end in (("train", 0, 120), ("valid", 120, 160), ("test", 160, 200)):
        paths[name] = tmp_path / f"{name}.csv"
        frame[begin:end].write_csv(paths[name])
    parts = quick().fit(paths["train"], valid=paths["valid"], test=paths["test"])
    assert parts.evaluate().rows == 3 * 38
    assert "all three parts were given" in parts.notes_
    assert parts.predict()["time"][0].date().isoformat() == "2020-07-19"
    unjudged = quick().fit(paths["train"], valid=paths["valid"])
    with pytest.raises(InputError, match="without a part to be judged on"):
        unjudged.evaluate()
    own = quick().fit(paths["train"], test=frame[120:])
    assert own.evaluate().rows == 3 * 78
    with pytest.raises(InputError, match="each part must lie after the one before"):
        quick().fit(paths["valid"], test=paths["train"])


def test_without_a_test_share_nothing_is_judged_and_the_model_is_saved(quick, weekly, tmp_path):
    model = load(quick(test_share=0.0).fit(weekly()).save(tmp_path / "model"))
    assert model.evaluation_ is None
    assert model.predict().height == 3


def test_a_perfect_baseline_leaves_a_skill_that_can_be_saved(quick, weekly, tmp_path):
    still = weekly().with_columns(pl.when(pl.int_range(pl.len()) < 120).then(pl.col("y")).otherwise(50.0).alias("y"))
    model = quick().fit(still)
    assert model.evaluate().skill == -float("inf")
    assert model.evaluate().good is False
    assert load(model.save(tmp_path / "model")).evaluate().skill == -float("inf")


def test_a_model_that_is_not_fitted_says_so():
    for act in (Forecaster.predict, Forecaster.evaluate, lambda model: model.save("never")):
        with pytest.raises(InputError, match="not fitted yet: call fit"):
            act(Forecaster(target="y"))
