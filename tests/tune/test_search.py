"""The search: the default first, trials that end early, fail or are interrupted, and a storage that outlives them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from elman.errors import ElmanError, InputError
from elman.tune import job as jobs
from elman.tune import search as page
from elman.tune.job import Job
from elman.tune.search import search, started
from elman.tune.space import searched

WRITTEN = ["learning_rate=1e-4..3e-2", "cell=rnn,gru,lstm"]


@pytest.fixture
def make(quick, weekly):
    """A search over the small series; ``study`` and what ``search`` takes."""

    def ready(storage=None, written=WRITTEN, seed=0, pruner="none", **identity):
        job = Job.of(quick(seed=seed), weekly)
        config = job.base.config()
        study, job = started(job, storage, identity, pruner)
        space = searched(config, config, written, own=False)
        default = {dimension.name: getattr(config, dimension.name) for dimension in space}
        return study, job, space, default

    return ready


def test_the_default_comes_first_and_the_best_is_the_lowest(make):
    lines = []
    found = search(*make(), trials=6, folds=2, told=lambda trial, ended: lines.append((trial.number, ended)))
    assert [trial.default for trial in found.trials] == [True, *[False] * 5]
    assert found.trials[0].settings == {"learning_rate": 3e-3, "cell": "lstm"}
    assert lines == [(at, at + 1) for at in range(6)]
    assert found.best.score == min(trial.score for trial in found.trials)
    for trial in found.trials:
        assert trial.state == "complete"
        assert trial.score == pytest.approx(sum(trial.folds) / 2)
        assert trial.seconds > 0
    assert set(found.importance) == {"learning_rate", "cell"}
    assert sum(found.importance.values()) == pytest.approx(1)


def test_the_same_seed_proposes_the_same(make):
    first, again = (search(*make(seed=3), trials=4, folds=2) for _ in range(2))
    assert [trial.words for trial in first.trials] == [trial.words for trial in again.trials]
    assert [trial.score for trial in first.trials] == pytest.approx([trial.score for trial in again.trials])


def test_a_default_outside_of_the_space_is_tried_all_the_same(make):
    found = search(*make(written=["learning_rate=1e-4..1e-3", "cell=lstm,gru"]), trials=2, folds=2)
    assert found.trials[0].default
    assert found.trials[0].words == {"cell": "lstm"}
    assert 1e-4 <= found.trials[1].settings["learning_rate"] <= 1e-3


def test_a_grid_is_walked_once(make):
    ready = make(written=["cell=rnn,lstm", "layers=1,2"])
    found = search(*ready, trials=None, folds=2, grid=True)
    points = [(trial.settings["cell"], trial.settings["layers"]) for trial in found.trials]
    assert points[0] == ("lstm", 1)
    assert sorted(points) == [("lstm", 1), ("lstm", 2), ("rnn", 1), ("rnn", 2)]
    assert len(search(*ready, trials=None, folds=2, grid=True).trials) == 4


def test_a_trial_that_stays_behind_is_ended(make, monkeypatch):
    monkeypatch.setattr(page, "STARTUP", 1)
    found = search(*make(written=["learning_rate=1e-6..3e-2"], pruner="median"), trials=14, folds=2)
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.score is None and not trial.default for trial in pruned)
    assert found.best.state == "complete"


def test_a_trial_that_fails_is_kept_as_such(make, monkeypatch):
    fit = jobs.Job.fit

    def sometimes(self, settings, *args, **kwargs):
        if settings["cell"] == "gru":
            raise ElmanError("the gradient was not finite")
        return fit(self, settings, *args, **kwargs)

    monkeypatch.setattr(jobs.Job, "fit", sometimes)
    found = search(*make(written=["cell=lstm,gru"]), trials=None, folds=2, grid=True)
    failed = [trial for trial in found.trials if trial.state == "failed"]
    assert [(trial.settings["cell"], trial.why) for trial in failed] == [("gru", "the gradient was not finite")]
    assert found.best.settings["cell"] == "lstm"


def test_a_default_that_cannot_be_fitted_is_refused(make, monkeypatch):
    def never(self, *args, **kwargs):
        raise InputError("the file holds nothing")

    monkeypatch.setattr(jobs.Job, "fit", never)
    with pytest.raises(InputError, match="the file holds nothing"):
        search(*make(), trials=3, folds=2)


def test_where_every_trial_fails_the_reason_is_said(make, monkeypatch):
    def never(self, *args, **kwargs):
        raise ElmanError("the gradient was not finite")

    monkeypatch.setattr(jobs.Job, "fit", never)
    with pytest.raises(ElmanError, match="no trial was completed: the gradient was not finite"):
        search(*make(), trials=3, folds=2)


def test_an_interrupted_search_goes_on(make, tmp_path, monkeypatch):
    file = str(tmp_path / "trials.db")

    def stop(trial, ended):
        if ended == 2:
            monkeypatch.setattr(jobs.Job, "fit", interrupted)

    def interrupted(self, *args, **kwargs):
        raise KeyboardInterrupt

    fit = jobs.Job.fit
    with pytest.raises(KeyboardInterrupt):
        search(*make(file), trials=4, folds=2, told=stop)
    monkeypatch.setattr(jobs.Job, "fit", fit)
    found = search(*make(file), trials=4, folds=2)
    assert found.resumed == 2
    # The one that was interrupted is neither a trial nor a failure.
    assert [trial.state for trial in found.trials] == ["complete"] * 4
    assert sum(trial.default for trial in found.trials) == 1
    # It proposes what it would have proposed without the interruption.
    straight = search(*make(), trials=5, folds=2)
    assert [trial.words for trial in found.trials] == [
        trial.words for trial in straight.trials if trial.number in {one.number for one in found.trials}
    ]


def test_the_budget_and_the_sizes_are_those_that_the_search_began_with(quick, weekly, tmp_path):
    job = Job.of(quick(), weekly)
    file = str(tmp_path / "trials.db")
    _, first = started(replace(job, seconds=2.0, fixed={"hidden": 8}), file, {}, "none")
    _, later = started(replace(job, seconds=5.0, fixed={"hidden": 16}), file, {}, "none")
    assert (first.seconds, first.fixed) == (later.seconds, later.fixed) == (2.0, {"hidden": 8})


def test_without_time_the_default_alone_is_tried(make):
    found = search(*make(), trials=3, folds=2, deadline=time.perf_counter() - 1)
    assert [trial.default for trial in found.trials] == [True]
