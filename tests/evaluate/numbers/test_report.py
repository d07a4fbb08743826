"""Evaluations and report sections of models of numbers."""

import numpy as np
import pytest

from elman.evaluate.numbers import report

RNG = np.random.default_rng(0)


def titles(pages):
    return [page.title for page in pages]


def test_numbers_are_judged_by_absolute_error():
    y = RNG.normal(5, 2, 300)
    guess = y + RNG.normal(0, 0.5, 300)
    score = report.judge(y, guess, {"median": np.median(y), "n-grams": y + RNG.normal(0, 1, 300)})
    assert score.good is True and "Better than a linear bag of n-grams (the best of 2 baselines): MAE" in score.verdict
    assert score.metrics["r2"] == pytest.approx(1 - np.mean((y - guess) ** 2) / np.var(y))
    assert score.baselines["median"]["r2"] == pytest.approx(0, abs=0.02)
    assert np.isnan(report.regress_metrics([1.0, 1.0], [1.0, 2.0])["r2"])
    pages, picture = report.sections(score, y, guess, [f"row {i}" for i in range(300)])
    assert titles(pages) == ["Score", "Guesses and truth", "Worst mistakes"]
    worst = pages[2].items[0].rows[0]
    assert worst[0] == f"row {np.abs(y - guess).argmax()}" and "<svg" in picture.svg
