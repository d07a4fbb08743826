"""Evaluations and report sections of classifiers."""

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.labels import report
from elman.evaluate.report import Report, Shaded

RNG = np.random.default_rng(0)


def sure(y, every, C=3, p=0.8, first=0):
    """Probabilities that guess y, save for every so-manieth row."""
    guess = np.where(np.arange(len(y)) % every == first, (y + 1) % C, y)
    return np.where(np.eye(C)[guess] > 0, p, (1 - p) / (C - 1))


Y = RNG.integers(0, 3, 400)
GOOD, LINEAR = sure(Y, 10), sure(Y, 3)
MAJORITY = report.majority(Y, 3)


def titles(pages):
    return [page.title for page in pages]


def test_a_classifier_is_judged_by_the_most_accurate_baseline():
    score = report.judge(Y, GOOD, {"majority": MAJORITY, "n-grams": LINEAR}, notes=("400 texts",))
    assert score.task == "classify" and score.rows == 400 and score.good is True
    assert score.verdict.startswith("Better than a linear bag of n-grams (the best of 2 baselines): accuracy ")
    assert set(score.metrics) == set(score.baselines["majority"]) == set(score.baselines["n-grams"])
    assert score.baselines["majority"]["accuracy"] == pytest.approx(np.mean(MAJORITY.argmax() == Y))
    close = report.judge(Y, GOOD, {"other": sure(Y, 10, first=5)}, words={"other": "the other"})
    assert close.good is None and "the other" in close.verdict and "McNemar" in close.verdict
    worse = report.judge(Y, LINEAR, {"n-grams": GOOD})
    assert worse.good is False and "use a linear bag of n-grams instead" in worse.verdict
    with pytest.raises(InputError, match="at least one"):
        report.judge(Y, GOOD, {})


def test_majority_is_the_shares():
    np.testing.assert_allclose(report.majority([0, 0, 2], 4), [2 / 3, 0, 1 / 3, 0])
    with pytest.raises(InputError, match="no labels"):
        report.majority([], 3)


def test_the_pages_of_a_classifier():
    score = report.judge(Y, GOOD, {"majority": MAJORITY}, notes=("400 texts",))
    texts = [f"text <{i}> " + "long " * 100 for i in range(400)]
    labels = ["negative", "neutral", "positive"]
    shaded = [Shaded(["very", "good"], [0.2, 0.8], "positive, rightly")]
    pages, picture = report.sections(score, Y, GOOD, labels, texts, shaded)
    assert titles(pages) == ["Score", "Label by label", "Worst mistakes", "What it looked at", "Data"]
    assert picture.title == "Confusion matrix"
    (table,) = pages[2].items
    wrong = np.flatnonzero(GOOD.argmax(axis=1) != Y)
    assert [row[0] for row in table.rows] == [texts[i][:300].rstrip() + "…" for i in wrong[:10]]
    assert all(row[1] != row[2] and row[3:] == [80, 10] for row in table.rows)
    html = Report("t", verdict=score.verdict, good=score.good, sections=pages).render()
    assert "text &lt;" in html and "<svg" in html
    each = pages[1].items[-1]
    assert [row[0] for row in each.rows] == labels and sum(row[-1] for row in each.rows) == 400


def test_a_perfect_classifier_has_no_mistakes_to_show():
    score = report.judge(Y, np.eye(3)[Y], {"majority": MAJORITY})
    pages, _ = report.sections(score, Y, np.eye(3)[Y], ["a", "b", "c"], ["x"] * 400)
    assert titles(pages) == ["Score", "Label by label"] and score.skill == 1


def test_many_labels_have_a_table_in_place_of_the_picture():
    y = RNG.integers(0, 40, 500)
    p = sure(y, 5, C=40)
    score = report.judge(y, p, {"majority": report.majority(y, 40)})
    pages, picture = report.sections(score, y, p, [f"label {i}" for i in range(40)])
    assert picture is None
    confusions = pages[1].items[-1]
    assert confusions.columns == ["True label", "guessed to be", "rows"] and len(confusions.rows) == 20
    assert all((int(a.split()[1]) + 1) % 40 == int(b.split()[1]) for a, b, _ in confusions.rows)
