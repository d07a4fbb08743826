"""What a row costs: the mean is the score that the evaluation has by another way; a fit can hold its judging back."""

from __future__ import annotations

import numpy as np
import pytest

from elman.data.labelled import Pairs
from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.forecast import Forecaster
from elman.tasks.generate import Generator
from elman.tasks.regress import Regressor
from elman.tasks.tag import Tagger
from elman.tasks.translate import Translator

QUICK = {"steps": 15, "hidden": 4}
TEXTS = [f"{word} {end} day {at}" for word in ("good", "bad") for end in "abcdef" for at in range(8)]
MOODS = [text.split()[0] for text in TEXTS]
WORDS = [text.split() for text in TEXTS]
TAGS = [["N" if len(word) > 1 else "P" for word in words] for words in WORDS]
ARRAYS = np.random.default_rng(0).normal(size=(80, 6, 2))


def weekly(rows=160):
    days = np.datetime64("2020-01-01") + np.arange(rows)
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 7) + np.random.default_rng(0).normal(0, 1, rows)
    return {"day": days, "y": wave}


CASES = {
    "median": (Forecaster(target="y", horizon=3, lookback=8, **QUICK), weekly(), lambda m: m["mae"]),
    "mean": (Forecaster(target="y", horizon=3, lookback=8, point="mean", **QUICK), weekly(), lambda m: m["rmse"] ** 2),
    "texts": (Classifier(**QUICK), Pairs(TEXTS, MOODS), lambda m: m["log_loss"]),
    "arrays": (Classifier(**QUICK), Pairs(ARRAYS, ARRAYS[:, 0, 0] > 0), lambda m: m["log_loss"]),
    "numbers": (Regressor(**QUICK), Pairs(TEXTS, [float(len(text)) for text in TEXTS]), lambda m: m["mae"]),
    "tags": (Tagger(**QUICK), Pairs(WORDS, TAGS), lambda m: 1 - m["accuracy"]),
    "text": (Generator(batch_size=4, **QUICK), "\n".join(TEXTS), lambda m: m["bits_per_character"]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_mean_cost_is_the_score(name):
    task, source, score = CASES[name]
    rows, test = task.cut(source, None)
    assert test is None
    rest, judge = rows.parted(0.25, 0)
    task.fit(rest.whole(), test=judge, judged=False)
    assert task.evaluation_ is None
    costs = task.held_costs()
    assert len(costs.rows) == len(costs.values) == len(np.unique(costs.rows))
    task.judge_held()
    assert task.held_ is None
    assert costs.mean == pytest.approx(score(task.evaluation_.metrics), rel=1e-4)


def test_windows_are_known_again_whatever_was_learnt_from_before_them():
    rows, _ = CASES["median"][0].cut(weekly(), None)
    rest, judge = rows.parted(0.25, 0)
    found = [
        Forecaster(target="y", horizon=3, lookback=lookback, **QUICK).fit(part, test=judge, judged=False).held_costs()
        for lookback, part in ((8, rest.whole()), (12, rest.some(0.5, 0)))
    ]
    np.testing.assert_array_equal(found[0].rows, found[1].rows)


def test_a_task_that_cannot_be_cut_says_so():
    with pytest.raises(InputError, match="a translate model cannot be tuned: of forecast, classify, regress"):
        Translator(source="zh", target="en").cut("pairs.tsv", None)


def test_sizes_are_resolved_without_a_fit():
    config = Forecaster(target="y", horizon=3).resolve(weekly())
    assert (config.hidden, config.lookback) == (32, 16)
