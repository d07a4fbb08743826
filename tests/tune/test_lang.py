"""The pages of a search, a comparison and a learning curve in Chinese: no word of them is left in English."""

import pytest

from elman.tasks.classify import Classifier
from elman.tune import report
from elman.tune.comparison import compare
from elman.tune.learning_curve import curve
from elman.tune.tuning import tune
from left_in_english import left_in_english

ALSO = {"rnn", "lstm", "gru", "fANOVA", "t"}  # values of a setting, and methods


@pytest.fixture
def greek(weekly):
    return {"χ": weekly["day"], "ψ": weekly["y"]}


def left(page):
    return left_in_english(page, ALSO)


def test_a_search(quick, greek):
    task = quick(target="ψ", steps=8, lang="zh")
    tuned = tune(task, greek, trials=6, folds=2, seeds=2, written=("dropout=0..0.5", "learning_rate=1e-3..1e-1"))
    page = report.tuned_page(tuned, "ψ")
    assert left(page) == []
    assert ">学习率<" in page and "学习率 learning_rate" in page


def test_a_comparison_and_a_curve(quick, greek):
    task = quick(target="ψ", steps=8)
    compared, measured = compare(task, greek, "cell", folds=2), curve(task, greek, seeds=2)
    for page, made in ((report.comparison_page, compared), (report.curve_page, measured)):
        assert left(page(made, task.name, "ψ", "zh")) == []
        assert len(left(page(made, task.name, "ψ"))) > 10


def test_of_labelled_rows():
    rows = [f"{word} {'δ' * (1 + at % 9)}" for at, word in enumerate(("αβγ", "ηθι") * 40)]
    made = compare(
        Classifier(text="φ", label="λ", hidden=4, steps=6, test_share=0.25),
        {"φ": rows, "λ": ["ά", "έ"] * 40},
        "batch_size=8,16",
        folds=2,
    )
    page = report.comparison_page(made, "classify", "φ", "zh")
    assert left(page) == [] and "批大小" in page
