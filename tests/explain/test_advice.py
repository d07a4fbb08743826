"""Each cause gets its advice, with the figures; where nothing is wrong it is said so."""

import pytest

from elman.explain.advice import findings
from elman.explain.through_time import Flow

SETTINGS = {"cell": "lstm", "layers": 1, "clip": 1.0, "learning_rate": 3e-3, "dropout": 0.2, "memory": None}


def look(**changes):
    flow = Flow(
        name="layer",
        cell="lstm",
        steps=100,
        lags=[0, 99],
        norms=[1.0, 0.5],
        verdict="healthy",
        memory=99,
        factor=0.993,
        direct=0.0,
        radius={},
        stuck={},
        silent=0,
        units=32,
    )
    return [{"step": 0, "inside": [{**flow.to_json(), **changes}]}]


def record(**changes):
    return {"step": 10, "valid": 1.0, "loss": 1.0, "grad_norm": 0.5, "clipped": 0.0, "moved": 1e-3, **changes}


def found(looks=(), history=(), settings=SETTINGS, **options):
    return findings(looks, history, settings, **options)


def test_health_is_said():
    (one,) = found(look(), [record()])
    assert one.kind == "fine" and "healthy" in one.cause and "50 %" in one.cause


FAINT = {"verdict": "vanishing", "memory": 12, "factor": 0.6, "norms": [1.0, 1e-20]}


@pytest.mark.parametrize(
    ("flow", "settings", "change"),
    [
        ({"cell": "rnn", "radius": {"h": 0.6}}, {"cell": "rnn"}, {"cell": "lstm", "memory": 100}),
        ({}, {}, {"memory": 100}),
        ({}, {"memory": 100, "layers": 2, "residual": False}, {"residual": True}),
        ({}, {"memory": 100}, {}),
    ],
)
def test_a_vanishing_gradient_wants_gates_that_are_open(flow, settings, change):
    (one,) = found(look(**FAINT, **flow), settings=SETTINGS | settings)
    assert one.kind == "problem" and one.settings == change
    assert "12 of 100 steps" in one.cause and "60 %" in one.cause
    assert ("spectral radius of W_hh 0.60" in one.cause) == ("radius" in flow)
    for name in change:
        assert f"--{name}" in str(one)


def test_it_is_a_note_where_the_model_is_good_or_attention_goes_around():
    first, second = found(look(**FAINT), good=True)
    assert (first.kind, second.kind) == ("note", "fine")
    assert [one.kind for one in found(look(**FAINT, direct=0.9))] == ["note", "fine"]


def test_an_exploding_gradient_is_held_or_taught_more_slowly():
    loud = look(verdict="exploding", norms=[1.0, 1e5])
    assert found(loud)[0].settings == {"learning_rate": 1e-3}
    assert found(loud, settings=SETTINGS | {"clip": 0.0})[0].settings == {"clip": 1.0}


def test_units_that_do_nothing_and_states_that_are_stuck():
    assert [one.settings for one in found(look(silent=20)) if one.kind == "note"] == [{"hidden": 12}]
    (one,) = found(look(cell="rnn", stuck={"h": [0.4, 0.3]}))
    assert one.settings == {"learning_rate": 1e-3} and "70 %" in one.cause


@pytest.mark.parametrize(("moved", "rate"), [(0.2, 1e-3), (1e-6, 9e-3), (1e-3, None), (0.0, None)])
def test_how_far_a_step_goes(moved, rate):
    changes = [one.settings for one in found(history=[record(moved=moved)] * 6)]
    assert changes == ([] if rate is None else [{"learning_rate": rate}])


def test_a_clip_that_cuts_every_step_is_noted():
    (one,) = found(history=[record(clipped=1.0, grad_norm=40.0)] * 6)
    assert one.kind == "note" and "norm of 40" in one.cause


def test_learning_by_heart_and_a_time_that_was_too_short():
    scores = zip(range(10, 70, 10), (3, 2, 2.5, 3, 3.5, 4), strict=True)
    worse = [record(step=step, valid=valid) for step, valid in scores]
    (one,) = found(history=worse)
    assert one.kind == "problem" and one.settings == {"dropout": 0.4} and "step 20 of 60" in one.cause
    better = [record(step=step, valid=1 / step) for step in range(10, 70, 10)]
    (one,) = found(history=better, settings=SETTINGS | {"minutes": 2.0})
    assert one.kind == "note" and one.settings == {"minutes": 4.0}
    assert found(history=better)[0].settings == {} and found(history=better, good=True) == []


def test_scores_that_were_not_finite_are_no_scores():
    assert found(history=[record(valid=None)] * 6) == []


@pytest.mark.parametrize(("last", "told"), [(0.5, True), (0.899, False)])
def test_still_learning_takes_a_gain(last, told):
    history = [record(step=step, valid=valid) for step, valid in ((10, 1.0), (20, 0.9), (30, 0.91), (40, last))]
    assert any("it was still learning" in one.cause for one in found(look(), history)) == told
