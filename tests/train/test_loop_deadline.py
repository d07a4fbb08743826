"""Training keeps its deadline on machines that slow down and speed up, and a replay gives the same bits.

Time is a clock that each step and each validation moves on by what it costs, so the tests are exact on any machine.
"""

import itertools
import json
import time
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from elman.data.batch import Batch
from elman.train import loop, pace
from elman.train.config import TrainConfig
from elman.train.plan import Plan

SECONDS = 12.0


class Line:
    def __init__(self, count):
        self.x = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return len(self.x)

    def batch(self, rows):
        return Batch({"input": self.x[rows]}, self.x[rows].sum(1, keepdim=True), rows)


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 1))


class Machine:
    """A clock, and a loss and a validation that take time by it: ``step(now)`` and ``valid`` seconds."""

    def __init__(self, step, valid=0.05):
        self.now, self.step, self.valid = 100.0, step, valid

    def perf_counter(self):
        return self.now

    def loss(self, outputs, batch):
        self.now += self.step(self.now - 100.0)
        return (outputs - batch.y).square().mean()

    def validate(self, module):
        self.now += self.valid
        return 1.0 / self.now  # always better than before


def timed(monkeypatch, machine, count=4000, seconds=SECONDS, **settings):
    for page in (loop, pace):
        monkeypatch.setattr(page, "time", SimpleNamespace(perf_counter=machine.perf_counter))
    fitted, rates = network(), []
    config = TrainConfig(batch_size=2, **settings)
    training = loop.train(
        fitted,
        Line(count),
        machine.loss,
        machine.validate,
        config,
        deadline=machine.now + seconds,
        watch=lambda e: rates.append(e["lr"]) if e["event"] == "step" else None,
    )
    return fitted, training, rates


def jitter():
    costs = itertools.cycle([0.008, 0.03, 0.014, 0.011, 0.02])
    return lambda now: next(costs)


PACES = {
    "steady": lambda: lambda now: 0.015,
    "jitter": jitter,
    "slows down": lambda: lambda now: 0.01 if now < 5 else 0.03,
    "speeds up": lambda: lambda now: 0.03 if now < 5 else 0.01,
    "halts": lambda: lambda now: 1.0 if 4 < now < 5 else 0.012,
}


@pytest.mark.parametrize("going", PACES)
def test_the_deadline_is_kept_within_a_few_percent_and_the_schedule_completed(monkeypatch, going):
    machine = Machine(PACES[going]())
    _, training, rates = timed(monkeypatch, machine)
    assert 0.95 * SECONDS < machine.now - 100 < 1.01 * SECONDS
    assert training.seconds == pytest.approx(machine.now - 100)
    assert training.plan.progress > 0.97 and rates[-1] < 0.01 * 3e-3
    assert len(training.plan.record) > 10 and training.steps == len(rates) == training.plan.last


@pytest.mark.parametrize("going", PACES)
def test_replaying_the_plan_of_a_timed_run_gives_its_bits(monkeypatch, going):
    fitted, training, rates = timed(monkeypatch, Machine(PACES[going](), valid=0.3))
    state = json.loads(json.dumps(training.plan.to_json()))
    machine, again, replayed = Machine(lambda now: 1e-3), network(), []
    result = loop.train(
        again,
        Line(4000),
        machine.loss,
        machine.validate,
        TrainConfig(batch_size=2),
        plan=Plan.from_json(state),
        watch=lambda e: replayed.append(e["lr"]) if e["event"] == "step" else None,
    )
    assert replayed == rates
    assert [r["step"] for r in result.history] == [r["step"] for r in training.history]
    assert result.plan.to_json() == state
    for name, tensor in fitted.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_a_machine_that_halts_at_the_end_stops_with_the_time_over(monkeypatch):
    machine = Machine(lambda now: 2.0 if now > 11 else 0.02)
    _, training, _ = timed(monkeypatch, machine)
    assert training.why == "the time was over"
    assert machine.now - 100 < SECONDS + 2.0 + 0.05 + 1e-6  # the step and the validation under way are ended
    assert training.history[-1]["step"] == training.steps


@pytest.mark.parametrize("settings", [{}, {"epochs": 4}])
def test_more_time_than_needed_stops_at_the_cap(monkeypatch, settings):
    machine = Machine(jitter())
    _, training, rates = timed(monkeypatch, machine, count=20, seconds=60.0, **settings)
    assert training.steps == pace.most(Line(20), TrainConfig(batch_size=2, **settings)) == len(rates)
    assert training.steps == 10 * settings.get("epochs", 60)
    assert machine.now - 100 < 15 and training.why == "the planned steps were made"
    assert len(training.plan.record) > 1 or settings
    assert training.plan.progress == pytest.approx(1)


def test_validation_that_is_slow_takes_a_quarter_of_the_time_at_most(monkeypatch):
    machine = Machine(lambda now: 0.01, valid=0.5)
    _, training, _ = timed(monkeypatch, machine)
    assert 2 < len(training.history) <= 0.25 * SECONDS / 0.5
    assert machine.now - 100 < 1.05 * SECONDS


def test_by_a_real_clock_too_with_generator_and_threads_as_before():
    torch.set_num_threads(2)
    state, machine = torch.get_rng_state(), Machine(lambda now: 0.0)
    deadline = time.perf_counter() + 1
    training = loop.train(
        network(), Line(100_000), machine.loss, lambda m: 1.0, TrainConfig(batch_size=2, patience=0), deadline=deadline
    )
    # On a machine that does other work a single step can stall for a second; the other tests have a clock of their own.
    assert 0.7 < training.seconds < 5
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == 2
    assert training.plan.threads in (1, 2)
