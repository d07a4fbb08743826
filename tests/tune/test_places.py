"""Who makes which trial: whatever processes do by turns, each place is made once, and none is lost."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.tune.places import (
    ATTEMPTS,
    DEFAULT,
    Unborn,
    ended,
    enqueue,
    going,
    key_of,
    lost,
    place_of,
    places_of,
    running,
)
from elman.tune.space import Choice

SPACE = (Choice("cell", {"rnn": "rnn", "gru": "gru"}), Choice("layers", {"1": 1, "2": 2}))
OWN = {"cell": "gru", "layers": 1}
FAIL = optuna.trial.TrialState.FAIL


@pytest.fixture(autouse=True, scope="module")
def silent():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def new(storage=None):
    sampler = optuna.samplers.RandomSampler(seed=0)
    return optuna.create_study(storage=storage, study_name="elman", sampler=sampler, load_if_exists=True)


def rows_of(study):
    return study.get_trials(deepcopy=False)


class Process:
    """What a process of ``search`` does, cut where another one may come between: look, take a trial, decide, end it."""

    def __init__(self, study, trials, grid):
        self.study, self.trials, self.grid = study, trials, grid
        self.next, self.done, self.place = self.look, False, None

    def look(self, how):
        self.seen = places_of(rows_of(self.study), self.grid)
        self.next = self.act

    def act(self, how):
        self.next = self.look
        if enqueue(self.study, self.seen, SPACE, OWN, self.trials, self.grid):
            return
        if going(self.seen, self.trials, self.grid):
            self.trial = self.study.ask()
            self.next = self.decide
        else:
            self.done = not any(map(running, rows_of(self.study)))

    def decide(self, how):
        rows = rows_of(self.study)
        self.place, self.next = place_of(rows, self.trial.number, self.trials, self.grid), self.end
        if self.place is None:
            self.trial.set_user_attr("given back", True)
            self.tell(FAIL)
        elif lost(rows, self.trial.number) >= ATTEMPTS:
            self.trial.set_user_attr("why", "gone")
            self.tell(FAIL)
        else:
            for dimension in SPACE:
                dimension.suggest(self.trial)

    def end(self, how):
        if how in ("stopped", "failed"):
            self.trial.set_user_attr(*(("given back", True) if how == "stopped" else ("why", "it diverged")))
        self.tell(None if how == "whole" else FAIL)  # one that is gone is told to have failed by another process

    def tell(self, state):
        self.study.tell(self.trial, 1.0 if state is None else None, state=state)
        self.next, self.place = self.look, None


TURNS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["whole", "failed", "stopped", "gone"])), max_size=40)


@settings(max_examples=100, deadline=None)
@given(TURNS, st.booleans(), st.integers(1, 6))
def test_each_place_is_made_once_whatever_happens_between(turns, grid, trials):
    wanted = None if grid else trials
    study = new()
    processes = [Process(study, wanted, grid) for _ in range(3)]

    def turn(process, how):
        process.next(how)
        at_work = [one.place for one in processes if one.place is not None]
        assert len(at_work) == len(set(at_work))

    for at, how in turns:
        processes[at].done or turn(processes[at], how)
    for _ in range(40):
        for process in processes:
            process.done or turn(process, "whole")
    assert all(process.done for process in processes)
    places = list(places_of(rows_of(study), grid).values())
    made = [[one for one in attempts if ended(one)] for attempts in places]
    assert [len(one) for one in made[:wanted]] == [1] * (4 if grid else trials)
    assert not any(made[len(made[:wanted]) :])
    (default,) = [one for (one,) in made[:wanted] if key_of(one) == DEFAULT]
    assert default.params in ({"cell": "gru", "layers": "1"}, {})  # none where its processes were gone too often
    if grid:
        assert len({tuple(sorted(one.system_attrs["fixed_params"].items())) for (one,) in made}) == 4


@pytest.fixture(params=["in memory", "SQLite"])
def two(request, tmp_path):
    """The study as two processes see it, the default made."""
    url = f"sqlite:///{tmp_path / 'trials.db'}"
    first = new(url if request.param == "SQLite" else None)
    second = new(url) if request.param == "SQLite" else first
    assert enqueue(first, {}, SPACE, OWN, 3, False)
    first.tell(first.ask(), 1.0)
    return first, second


def test_two_at_once_have_two_places_and_a_third_has_none(two):
    a, b = two
    first, second, third = a.ask(), b.ask(), a.ask()
    assert [place_of(rows_of(a), one.number, 3) for one in (first, second, third)] == [1, 2, None]
    assert [place_of(rows_of(b), one.number, 3) for one in (first, second, third)] == [1, 2, None]
    assert not going(places_of(rows_of(b)), 3, False)


def test_what_was_stopped_is_made_again_with_its_settings_by_another(two):
    a, b = two
    trial = a.ask()
    words = {dimension.name: trial.suggest_categorical(dimension.name, list(dimension.values)) for dimension in SPACE}
    trial.set_user_attr("given back", True)
    a.tell(trial, state=FAIL)
    assert enqueue(b, places_of(rows_of(b)), SPACE, OWN, 3, False)
    assert not enqueue(a, places_of(rows_of(a)), SPACE, OWN, 3, False)  # it waits already
    again = b.ask()
    assert (place_of(rows_of(b), again.number, 3), lost(rows_of(b), again.number)) == (1, 0)
    assert {d.name: again.suggest_categorical(d.name, list(d.values)) for d in SPACE} == words


def test_settings_that_end_their_process_are_counted(two):
    a, b = two
    a.tell(a.ask(), state=FAIL)
    for gone in range(1, ATTEMPTS + 1):
        enqueue(b, places_of(rows_of(b)), SPACE, OWN, 3, False)
        trial = b.ask()
        assert (place_of(rows_of(a), trial.number, 3), lost(rows_of(a), trial.number)) == (1, gone)
        b.tell(trial, state=FAIL)


def test_a_process_without_a_sign_of_life_is_missed_after_a_while(two, monkeypatch):
    a, b = two
    silent, alive = a.ask(), a.ask()
    alive.set_user_attr("began", True)
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    watching = Unborn(30)

    def states():
        watching.end(optuna, b)
        return {one.number: one.state.name for one in rows_of(b) if one.number in (silent.number, alive.number)}

    assert set(states().values()) == {"RUNNING"}
    now[0] += 29
    assert set(states().values()) == {"RUNNING"}
    now[0] += 2
    assert states() == {silent.number: "FAIL", alive.number: "RUNNING"}
    assert going(places_of(rows_of(b)), 3, False)
