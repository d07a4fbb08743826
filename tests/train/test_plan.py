"""A plan ends its schedule however often it is estimated again, and its record gives the same learning rates."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.train.plan import Plan, learning_rate


def follow(plan, estimates=()):
    """The progress before every step to the end; ``estimates`` {step: steps left} are made on the way."""
    seen = []
    while not plan.done:
        seen.append(plan.progress)
        plan.advance()
        if plan.replaying or (plan.step in estimates and not plan.done):
            plan.estimate(dict(estimates).get(plan.step, 0))
    plan.last = plan.step
    return seen


def started(left, every=1):
    plan = Plan(every)
    plan.estimate(left)
    return plan


@given(st.integers(1, 300), st.dictionaries(st.integers(1, 200), st.integers(1, 200), max_size=8))
def test_replaying_the_record_gives_the_same_learning_rates(left, estimates):
    plan = started(left, every=7)
    made = follow(plan, estimates)
    state = json.loads(json.dumps(plan.to_json()))
    again = Plan.from_json(state)
    assert again.replaying and not plan.replaying and again.every == 7
    again.estimate(0)
    assert follow(again) == made
    assert again.to_json() == state


@given(st.integers(1, 300), st.dictionaries(st.integers(1, 200), st.integers(1, 200), max_size=8))
def test_progress_rises_from_0_and_ends_at_1_with_the_last_estimate(left, estimates):
    plan = started(left)
    made = follow(plan, estimates)
    assert made[0] == 0 and all(a < b for a, b in pairwise(made))
    assert plan.progress == pytest.approx(1, abs=1e-9)
    assert plan.step == plan.total == len(made)


def test_an_estimate_that_halves_what_is_left_doubles_the_pace():
    plan = started(100)
    for _ in range(50):
        plan.advance()
    plan.estimate(25)
    before = plan.progress
    plan.advance()
    assert plan.progress - before == pytest.approx(0.02)
    assert plan.record == [(0, 100), (50, 25)] and plan.total == 75


def test_a_replay_ends_where_the_recorded_run_was_stopped():
    plan = started(100)
    plan.last = 30
    again = Plan.from_json(plan.to_json())
    again.estimate(0)
    assert len(follow(again)) == 30


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_learning_rate_warms_up_from_almost_nothing_and_follows_its_schedule(schedule):
    rates = [learning_rate(step / 1000, 0.5, 0.1, schedule) for step in range(1001)]
    assert 0 < rates[0] < 0.02 * 0.5
    assert all(a < b for a, b in pairwise(rates[:101]))
    assert max(rates) == rates[100] == 0.5
    ends = {"cosine": (0.25, 0.0), "linear": (0.25, 0.0), "constant": (0.5, 0.5)}
    assert (rates[550], rates[1000]) == pytest.approx(ends[schedule])
    assert all(a >= b for a, b in pairwise(rates[100:]))


def test_without_warm_up_the_first_step_has_the_peak():
    assert learning_rate(0.0, 0.5, 0.0, "cosine") == 0.5
