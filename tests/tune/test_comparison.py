"""One setting compared: paired over folds, sure where it can be, and never surer than its folds."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tune import comparison as page
from elman.tune.comparison import Arm, compare
from elman.tune.job import Job


def found(job, *arms, overlap=0.25):
    made = [Arm(word, np.asarray(scores, float), 1.0, 0.002, 0.5) for word, scores in arms]
    return page._compared("cell", "MAE", made, overlap, 3.0, job, 1)


@pytest.fixture
def job(quick, weekly):
    return Job.of(quick(), weekly)


def test_a_small_but_steady_difference_is_clear(job):
    """The folds differ by far more than the cells do: only fold by fold is there anything to see."""
    folds = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    noise = np.array([[0.01], [-0.01], [0.0], [0.01], [-0.01]])
    result = found(job, ("lstm", folds + 0.5 + noise), ("gru", folds), ("rnn", folds + 1 - noise))
    assert [arm.word for arm in result.arms] == ["gru", "lstm", "rnn"]
    assert result.good is True
    assert result.sentence.startswith("gru is the clear winner for cell; MAE 3.00 against 3.50 of lstm, 14 % lower")
    assert "A step takes 2.00 ms with gru, 2.00 ms with lstm, 2.00 ms with rnn." in result.sentence
    assert result.reach["gru"] > 1


def test_an_unsteady_difference_is_not(job):
    result = found(job, ("lstm", [[1.0], [2.0], [3.0]]), ("gru", [[1.5], [1.2], [3.0]]))
    assert result.good is None
    assert result.sentence.startswith("No clear winner for cell: gru has the lowest MAE, but not for sure;")
    assert "so that may be chance" in result.sentence
    gap = result.behind["lstm"]
    assert gap.low < 0 < gap.high


def test_seeds_of_a_fold_count_as_one(job):
    """Ten seeds of two folds are two observations of what other data would give."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, 10)) * 0.01
    result = found(job, ("lstm", np.array([[1.0], [1.3]]) + noise), ("gru", np.array([[0.9], [1.0]]) + noise))
    assert result.good is None


def test_cells_are_compared_on_the_same_folds(quick, weekly):
    lines = []
    result = compare(quick(), weekly, "cell", folds=2, seeds=2, told=lines.append)
    assert {arm.word for arm in result.arms} == {"rnn", "lstm", "gru"}
    assert [arm.scores.shape for arm in result.arms] == [(2, 2)] * 3
    assert len(lines) == 12
    assert all(arm.seconds > 0 and arm.step_seconds > 0 and arm.best_seconds > 0 for arm in result.arms)
    told = result.to_json()
    assert [one["value"] for one in told["values"]] == [arm.word for arm in result.arms]
    assert told["values"][0]["behind_the_best"] is None
    assert "hidden 4" in result.notes[1]


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("residual", {"false", "true"}),
        ("layers", {"1", "2", "3"}),
        ("lookback=4,8", {"4", "8"}),
        ("level=none,last", {"none", "last"}),
    ],
)
def test_any_setting_can_be_compared(quick, weekly, setting, values):
    assert {arm.word for arm in compare(quick(steps=4), weekly, setting, folds=2).arms} == values


def test_an_augmentation_is_compared():
    x = np.random.default_rng(0).normal(size=(48, 6, 2)).cumsum(axis=1)
    from elman.data.labelled import Pairs

    task = Classifier(steps=6, hidden=4, test_share=0.25)
    result = compare(task, Pairs(x, x[:, -1, 0] > 0), "augment", folds=2)
    assert {arm.word for arm in result.arms} == {"false", "true"}
    assert result.measure == "log loss"
    assert "each label in its proportion" in result.notes[0]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("cell=gru", "to compare cell at least two listed values are needed"),
        ("hidden=8..64", "to compare hidden at least two listed values are needed: --compare hidden=a,b"),
        ("hidden", "hidden has no few values of its own"),
        ("colour", "'colour' cannot be searched"),
    ],
)
def test_what_cannot_be_compared_is_refused(quick, weekly, setting, said):
    with pytest.raises(InputError, match=said):
        compare(quick(), weekly, setting, folds=2)


def test_counts_are_checked(quick, weekly):
    with pytest.raises(InputError, match="--folds must be at least 2, but is 1"):
        compare(quick(), weekly, "cell", folds=1)
    with pytest.raises(InputError, match="--seeds must be at least 1, but is 0"):
        compare(quick(), weekly, "cell", seeds=0)
