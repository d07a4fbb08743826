"""A backtest puts the model beside its baselines, over the same cells."""

import json

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.forecast.backtest import backtest
from elman.evaluate.forecast.report import sections

WORDS = {"naive": "the last value", "drift": "the line", "seasonal_naive": "the value a week ago"}


def judged(y, point, origins, season=7):
    bands = {0.8: (point - 1, point + 1), 0.95: (point - 2, point + 2)}
    times = np.datetime64("2024-01-01", "us") + np.arange(len(y)) * np.timedelta64(1, "D")
    train = origins[:1]
    starts = np.array([0])
    return times, backtest(y, starts, origins, times, point, bands, train=train, season=season, words=WORDS)


def wave(rows=200):
    return np.sin(np.arange(rows) * 2 * np.pi / 7) * 5 + np.random.default_rng(0).normal(0, 0.5, rows)


def test_a_perfect_model_is_better_and_covered():
    y = wave()
    origins = np.arange(100, 190)
    _, result = judged(y, y[origins[:, None] + np.arange(3)], origins)
    score = result.evaluation
    assert score.metrics["mae"] == 0
    assert score.metrics["coverage_80"] == 1
    assert score.skill == 1
    assert score.good
    assert score.rows == 270
    assert min(score.baselines, key=lambda name: score.baselines[name]["mae"]) == "seasonal_naive"
    assert Evaluation.from_json(json.loads(json.dumps(score.to_json()))).to_json() == score.to_json()


def test_repeating_the_last_value_is_not_better_than_repeating_the_last_value():
    y = np.random.default_rng(1).normal(size=300).cumsum()
    origins = np.arange(100, 290)
    _, result = judged(y, np.repeat(y[origins - 1][:, None], 3, axis=1), origins)
    assert result.evaluation.good is not True
    assert result.evaluation.skill <= 0


def test_missing_targets_are_left_out_everywhere():
    y = wave()
    y[150:160] = np.nan
    origins = np.arange(100, 190)
    point = np.nan_to_num(y[origins[:, None] + np.arange(3)])
    _, result = judged(y, point, origins)
    assert result.evaluation.rows == np.isfinite(y[origins[:, None] + np.arange(3)]).sum()
    with pytest.raises(InputError, match="every target in this part is missing"):
        judged(np.where(np.arange(200) < 100, y, np.nan), point, origins)


def test_the_report_shows_windows_that_do_not_overlap():
    y = wave()
    origins = np.arange(100, 190)
    times, result = judged(y, y[origins[:, None] + np.arange(3)] + 1, origins)
    when = times[origins[:, None] + np.arange(3)]
    made, picture = sections(result, when, origins, np.zeros(len(origins), int), "load", ("",))
    assert [section.title for section in made] == ["Score", "Forecast and what came"]  # and no notes, no section
    assert "<svg" in picture.svg
