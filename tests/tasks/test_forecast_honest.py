"""What a forecast may know, and what the verdict may claim."""

import numpy as np
import polars as pl
import pytest
import torch

from elman.data.series.window import Windows
from elman.tasks.forecast import Forecaster


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("level", ["last", "window", "none"])
def test_the_first_forecast_hears_the_last_observation(quick, weekly, cell, level):
    model = quick(cell=cell, level=level).fit(weekly())
    tables = model.encoder_.encode(model.context_)
    batch = Windows(tables, np.array([len(model.context_.times) - 3]), 10, 3).batch(torch.arange(1))
    x = batch.inputs["x"].requires_grad_()
    model.network_(**batch.inputs)[0, 0, 2].backward()
    assert x.grad[0, -1, 0].abs() > 1e-4
    # The way through the recurrent state alone, which repeating the last value does not take.
    x.grad = None
    _, state = model.network_.encoder(x.transpose(0, 1))
    (state[0] if isinstance(state, tuple) else state).sum().backward()
    assert x.grad[0, -1, 0].abs() > 1e-4


def test_forecasts_before_a_change_do_not_move(fitted, weekly):
    frame, cut = weekly(), 180
    changed = frame.with_columns(
        pl.when(pl.int_range(pl.len()) >= cut).then(-3 * pl.col("y")).otherwise(pl.col("y")).alias("y")
    )
    points = []
    for table in (frame, changed):
        series = fitted.reader_.read(table)
        at = np.arange(160, 198)
        points.append(fitted._decoded(Windows(fitted.encoder_.encode(series), at, 10, 3))[0])
    early = at <= cut  # an origin reads the rows before it
    assert (points[0][early] == points[1][early]).all()
    assert (points[0][~early] != points[1][~early]).any(axis=1).all()


def test_training_and_choosing_do_not_see_the_rows_that_judge(quick, weekly):
    frame = weekly()
    changed = frame.with_columns(
        pl.when(pl.int_range(pl.len()) >= 160).then(-3 * pl.col("y")).otherwise(pl.col("y")).alias("y")
    )
    one, other = quick().fit(frame), quick().fit(changed)
    for name, tensor in one.network_.state_dict().items():
        assert torch.equal(tensor, other.network_.state_dict()[name]), name
    assert one.encoder_.to_json() == other.encoder_.to_json()
    assert one.intervals_ == other.intervals_
    assert one.evaluate().metrics["mae"] != other.evaluate().metrics["mae"]


def test_a_group_never_seen_is_judged_without_its_own_future(quick, weekly):
    groups = pl.concat([weekly(seed=at).with_columns(name=pl.lit(name)) for at, name in enumerate("ab")])
    model = quick(group="name").fit(groups)
    new = weekly(60, seed=5).with_columns(name=pl.lit("new"))
    later = new.with_columns(pl.when(pl.int_range(pl.len()) >= 50).then(1000.0).otherwise(pl.col("y")).alias("y"))
    seen = []
    decoded = model._decoded
    model._decoded = lambda windows: seen.append((windows.origins.numpy(), *decoded(windows))) or seen[-1][1:]
    for frame in (new, later):
        model.evaluate(frame)
    (at, one, _), (_, other, _) = seen
    assert (one[at <= 50] == other[at <= 50]).all()
    assert (one[at > 50] != other[at > 50]).any()


def test_a_season_is_forecast_better_than_any_baseline(weekly):
    model = Forecaster(target="y", horizon=3, hidden=8, steps=250, learning_rate=0.01).fit(weekly(500, noise=1.5))
    found = model.evaluate()
    assert found.good is True, found.verdict
    assert found.skill > 0.05
    assert found.verdict.startswith("Better than the value 7 steps of 1 day ago")
    assert set(found.baselines) == {"naive", "drift", "seasonal_naive"}
    assert 0.5 < found.metrics["coverage_80"] < 0.95


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_walk_is_not_called_better(seed):
    walk = np.random.default_rng(seed).normal(size=400).cumsum()
    found = Forecaster(target="y", time="none", horizon=3, hidden=8, steps=100).fit({"y": walk}).evaluate()
    assert found.good is not True, found.verdict
    assert not found.verdict.startswith("Better")


def test_the_best_baseline_is_the_one_the_verdict_names(fitted):
    found = fitted.evaluate()
    best = min(scores["mae"] for scores in found.baselines.values())
    assert found.skill == pytest.approx(1 - found.metrics["mae"] / best)
    assert found.good is False
    assert "Does NOT beat" in found.verdict
