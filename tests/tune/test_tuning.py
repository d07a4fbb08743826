"""Tuning as a whole: nested, so that the score that is told was not chosen; and what is said of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from elman.data.labelled import Pairs
from elman.errors import InputError
from elman.evaluate.costs import Costs, Difference
from elman.tasks.classify import Classifier
from elman.tasks.generate import Generator
from elman.tasks.regress import Regressor
from elman.tasks.tag import Tagger
from elman.tasks.translate import Translator
from elman.tune import final
from elman.tune import job as jobs
from elman.tune.final import Side
from elman.tune.tuning import Wanted, join, tune

TEXTS = [f"{word} {end} day {at}" for word in ("good", "bad") for end in "abcdef" for at in range(6)]
SMALL = {"trials": 2, "folds": 2, "seeds": 1, "written": ("learning_rate=1e-3,1e-2",), "grid": True}


def test_no_trial_sees_what_judges(quick, weekly, monkeypatch):
    """The days that the fits learnt from and were judged on, with those of the end last."""
    seen = []
    fit = jobs.Job.fit

    def watched(self, settings, train, judge, **more):
        seen.append((train["day"].max(), judge["day"].min(), judge["day"].max()))
        return fit(self, settings, train, judge, **more)

    monkeypatch.setattr(jobs.Job, "fit", watched)
    tuned = tune(quick(), weekly, trials=3, folds=2, seeds=2)
    end = weekly["day"][int(0.8 * 240)]
    *searched, _, _, _, last = seen if not tuned.found.best.default else [*seen, seen[-1], seen[-1]]
    assert all(train < begin <= until < end for train, begin, until in searched)
    assert last[:2] == (end - np.timedelta64(1, "D"), end)


def test_the_score_told_is_not_the_one_chosen_by(quick, weekly):
    lines = []
    tuned = tune(quick(), weekly, trials=4, folds=2, seeds=2, written=("learning_rate=1e-5..3e-2",), told=lines.append)
    told = json.loads(json.dumps(tuned.to_json(), allow_nan=False))
    assert told["searched_score"] == min(one["score"] for one in told["trials"] if one["score"] is not None)
    assert told["tuned"]["score"] == pytest.approx(np.mean(told["tuned"]["seeds"]))
    assert told["tuned"]["score"] != told["searched_score"]
    assert len(told["tuned"]["seeds"]) == len(told["default"]["seeds"]) == 2
    assert set(told["tuned"]["settings"]) == {"learning_rate", "cell", "layers", "dropout"}
    assert [line.partition(":")[0] for line in lines[:4]] == ["trial 1", "trial 2", "trial 3", "trial 4"]
    # The model is that of the first seed, judged where the search was not, and ready to be used.
    assert tuned.model.evaluation_.metrics["mae"] == pytest.approx(told["tuned"]["seeds"][0])
    assert tuned.model.config_.learning_rate == tuned.found.best.settings["learning_rate"]
    assert len(tuned.model.predict()) == 2


def test_the_default_stays_where_nothing_beats_it(quick, weekly):
    tuned = tune(
        quick(steps=40, learning_rate=2e-2), weekly, written=("learning_rate=2e-2,1e-7",), grid=True, folds=2, seeds=2
    )
    assert tuned.found.best.default
    assert tuned.difference is None
    assert tuned.good is None
    assert tuned.sentence.startswith("None of 2 trials beat the default settings in cross-validation: they stay")
    assert tuned.to_json()["default"]["score"] == tuned.tuned.score


def test_a_bad_default_is_beaten_clearly(quick, weekly):
    task = quick(steps=60, learning_rate=1e-6)
    tuned = tune(task, weekly, written=("learning_rate=1e-6,3e-2",), grid=True, folds=2, seeds=2)
    assert tuned.good is True
    assert tuned.sentence.startswith("Better than the default settings: MAE ")
    assert tuned.difference.high < 0


@pytest.mark.parametrize(
    "case",
    [
        (Classifier(steps=8, hidden=4), Pairs(TEXTS, [text.split()[0] for text in TEXTS]), "log loss"),
        (Regressor(steps=8, hidden=4), Pairs(TEXTS, [float(len(text)) for text in TEXTS]), "MAE"),
        (
            Tagger(steps=8, hidden=4),
            Pairs([text.split() for text in TEXTS], [["W", "E", "D", "N"] for _ in TEXTS]),
            "share of wrong tags",
        ),
        (Generator(steps=8, hidden=4, batch_size=4), "\n".join(TEXTS), "bits per character"),
    ],
    ids=["classify", "regress", "tag", "generate"],
)
def test_other_tasks_are_tuned(case):
    task, source, measure = case
    tuned = tune(task, source, **SMALL)
    assert tuned.measure == measure
    assert {trial.state for trial in tuned.found.trials} == {"complete"}
    assert tuned.model.evaluation_ is not None


def test_minutes_are_the_budget_of_everything(quick, weekly):
    tuned = tune(quick(steps=None), weekly, minutes=0.1, folds=2, seeds=1)
    assert tuned.seconds < 0.1 * 60 + 15  # one trial and the end at least, on a machine that others use too
    assert tuned.found.seconds_a_fit == 0.5
    assert tuned.model.config_.minutes * 60 <= 4 * 0.5


def test_a_share_of_nothing_cannot_judge(quick, weekly):
    with pytest.raises(InputError, match="nothing is left to judge what is found: give a --test-share above 0"):
        tune(quick(test_share=0.0), weekly)


def test_a_given_part_judges(quick, weekly):
    train = {name: column[:200] for name, column in weekly.items()}
    rest = {name: column[200:] for name, column in weekly.items()}
    tuned = tune(quick(test_share=0.0), train, test=rest, **SMALL)
    assert tuned.model.evaluation_.rows == 2 * 39


def test_rows_of_one_name_stay_together():
    table = {"text": TEXTS, "mood": [text.split()[0] for text in TEXTS], "who": [at % 9 for at in range(len(TEXTS))]}
    task = Classifier(steps=6, hidden=4, text="text", label="mood")
    tuned = tune(task, table, together="who", **SMALL)
    assert "rows of one who together" in " ".join(tuned.notes)
    with pytest.raises(InputError, match="no column 'speaker'"):
        tune(task, table, together="speaker", **SMALL)


def test_together_is_for_tables_without_an_order(quick, weekly):
    with pytest.raises(InputError, match="--together is for rows of a table that have no order in time"):
        tune(quick(), weekly, together="day")


def test_a_task_that_cannot_be_tuned_says_so():
    with pytest.raises(InputError, match="a translate model cannot be tuned"):
        tune(Translator(source="zh", target="en"), "pairs.tsv")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trials": 0}, "--trials must be at least 1, but is 0"),
        ({"folds": 1}, "--folds must be at least 2, but is 1"),
        ({"seeds": 0}, "--seeds must be at least 1, but is 0"),
        ({"minutes": 0}, "--minutes must be more than 0, but is 0"),
        (
            {"grid": True, "written": ("hidden=4..8",)},
            "--grid needs listed values, but hidden=4..8 is a range",
        ),
    ],
)
def test_what_cannot_be_searched_so_is_refused(quick, weekly, options, said):
    with pytest.raises(InputError, match=said):
        tune(quick(), weekly, **options)


def test_a_second_process_makes_trials_for_the_first(quick, weekly, tmp_path):
    with pytest.raises(InputError, match="to join a search its storage is needed"):
        join(quick(), weekly)
    shared = {"folds": 2, "storage": str(tmp_path / "trials.db")}
    assert len(join(quick(), weekly, trials=1, **shared).trials) == 1
    tuned = tune(quick(), weekly, trials=2, seeds=1, **shared)
    assert tuned.found.resumed == 1
    assert len(tuned.found.trials) == 2


def test_the_trials_are_20_unless_something_else_ends_them():
    assert (Wanted().most, Wanted(trials=3).most) == (20, 3)
    assert Wanted(minutes=1.0).most is Wanted(grid=True).most is None
    assert Wanted().share(10.0) is None
    assert Wanted(minutes=10.0, trials=10, folds=2, seeds=2).share(600.0) == pytest.approx(590 / (20 + 6))


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (Difference(-0.1, -0.15, -0.05), "Better than the default settings: MAE 0.900 against 1.000 on rows that"),
        (Difference(-0.1, -0.3, 0.1), "No clear difference from the default settings: MAE 0.900 against 1.000"),
        (Difference(0.1, 0.05, 0.15), "NOT better than the default settings: MAE 0.900 against 1.000"),
    ],
)
def test_what_is_said(gap, said):
    sides = [Side({}, (Costs("MAE", np.full(4, level), np.arange(4)),)) for level in (0.9, 1.0)]
    assert final._sentence(*sides, gap, 20).startswith(said)
