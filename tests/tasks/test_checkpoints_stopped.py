"""A fit that is stopped or killed keeps what it learnt: it says where, ends soon, and goes on to the same bits."""

import signal

import pytest

from crashed import prepared
from interrupted import Fit, killed, lasting, result, steps

# Where a signal meets a fit, and the step that is kept of it.
PLACES = {
    "preparing": None,
    "sizing": None,
    "step": 5,
    "evaluation": 3,
    "checkpoint": 2,
    "judging": 10,
    "saving": 10,
}
SOON = 5.0  # seconds; what is under way takes half of one


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("stopped") / "home")


@pytest.fixture(scope="module")
def wanted(home):
    assert Fit(home, "--overwrite").ended().code == 0
    return result(home)


def stopped(home, wanted, place, number):
    before = result(home)
    fit = Fit(home, "--overwrite", around=lasting(place))
    fit.reached()
    ended = fit.send(number)
    assert ended.code == 128 + number and ended.seconds < SOON
    step = PLACES[place]
    left = "nothing was written" if step is None else f"step {step} is kept in {home / 'text.elman.unfinished'}"
    assert ended.sentence.startswith(f"elman: stopped by {number.name}; {left}")
    assert max(steps(home), default=None) == step
    assert result(home) == before
    again = Fit(home, "--overwrite", "--resume").ended()
    assert again.code == 0 and result(home) == wanted
    assert {entry.name for entry in home.iterdir()} == {"text.txt", "text.elman"}


@pytest.mark.parametrize("place", ["step", "evaluation"])
def test_a_fit_that_is_asked_to_end_keeps_its_step(home, wanted, place):
    stopped(home, wanted, place, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_wherever_it_is(home, wanted, place, number):
    stopped(home, wanted, place, number)


def test_kills_under_load(home):
    found = killed(home, 3, steps=200)
    assert found.kills == 3 and found.other == 0


@pytest.mark.slow
def test_many_kills_under_load(home):
    found = killed(home, 60, seed=1, steps=200)
    assert found.kills >= 60 and found.chains >= 2 and found.other == 0
