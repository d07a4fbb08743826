"""The verdict over shares: McNemar's test is exact, intervals of ratios hold the truth, and the words are plain."""

from math import comb

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.verdict import mcnemar, paired_interval, ratio_interval, share_verdict

LINEAR, COMMONEST = "a linear bag of n-grams", "the commonest label"
SCORES = {LINEAR: {"accuracy": 0.77}, COMMONEST: {"accuracy": 0.2}}


def test_the_words():
    said = share_verdict({"accuracy": 0.813}, SCORES, p=0.01)
    assert said.sentence == (
        f"Better than {LINEAR} (the best of 2 baselines): accuracy 81.3 % against 77.0 %, 4.3 points higher."
    )
    assert said.good is True and said.best == LINEAR and said.skill == pytest.approx(1 - 0.187 / 0.23)
    said = share_verdict({"accuracy": 0.71}, SCORES, p=0.01)
    assert said.sentence.endswith(f"71.0 % against 77.0 %; use {LINEAR} instead.") and said.good is False
    assert said.sentence.startswith("Does NOT beat")
    said = share_verdict({"accuracy": 0.78}, SCORES, p=0.62)
    assert said.sentence.startswith("No clear difference") and said.good is None
    assert said.sentence.endswith("but that may be chance (McNemar's exact test: p = 0.62).")


def test_an_interval_decides_too():
    span = {LINEAR: {"span_f1": 0.7}}
    assert share_verdict({"span_f1": 0.8}, span, "span_f1", (0.05, 0.15)).good is True
    assert share_verdict({"span_f1": 0.6}, span, "span_f1", (-0.15, -0.05)).good is False
    said = share_verdict({"span_f1": 0.71}, span, "span_f1", (-0.02, 0.04))
    assert said.good is None and "span F1 71.0 % against 70.0 %" in said.sentence
    assert "(95 % interval of the difference: -2.00 to 4.00 points)" in said.sentence
    assert "too little was scored" in share_verdict({"span_f1": 1.0}, span, "span_f1", (-np.inf, np.inf)).sentence


@pytest.mark.parametrize("wrong", [{}, {"accuracy": np.nan}, {"accuracy": 81.0}])
def test_what_is_no_share_is_refused(wrong):
    with pytest.raises(InputError, match="the model has error"):
        share_verdict(wrong, SCORES)


@pytest.mark.parametrize("b, c", [(0, 0), (1, 0), (0, 6), (10, 25), (25, 10), (40, 40)])
def test_mcnemar_is_the_binomial_test(b, c):
    model = np.repeat([True, False, True, False], [b, c, 9, 4])
    best = np.repeat([False, True, True, False], [b, c, 9, 4])
    n = b + c
    exact = min(1.0, 2 * sum(comb(n, k) for k in range(min(b, c) + 1)) / 2**n)
    assert mcnemar(model, best) == pytest.approx(exact)


def test_mcnemar_of_many_rows_is_finite():
    model = np.arange(100_000) % 2 == 0
    assert mcnemar(model, ~model) == 1.0
    assert mcnemar(np.ones(100_000), np.zeros(100_000)) < 1e-300
    with pytest.raises(InputError, match="shapes"):
        mcnemar([True], [True, False])


def test_ratio_interval_is_paired_interval_where_bottoms_agree():
    rng = np.random.default_rng(0)
    size = rng.integers(1, 20, 50)
    model, best = rng.binomial(size, 0.8), rng.binomial(size, 0.7)
    sentence = np.repeat(np.arange(50), size)
    wrong = [np.concatenate([np.arange(n) >= k for n, k in zip(size, right, strict=True)]) for right in (model, best)]
    low, high = paired_interval(*wrong, 1, sentence)
    assert ratio_interval(model, size, best, size) == pytest.approx((-high, -low))


def test_ratio_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(600):
        true = rng.poisson(3, 80)
        hits, fewer = rng.binomial(true, 0.8), rng.binomial(true, 0.6)
        extra, more = rng.poisson(0.6, 80), rng.poisson(1.2, 80)
        low, high = ratio_interval(2 * hits, hits + extra + true, 2 * fewer, fewer + more + true)
        gap = 2 * 2.4 / (2.4 + 0.6 + 3) - 2 * 1.8 / (1.8 + 1.2 + 3)
        held += low <= gap <= high
    assert 0.92 <= held / 600 <= 0.98


def test_ratio_interval_of_too_little():
    assert ratio_interval([1], [2], [1], [2]) == (-np.inf, np.inf)
    assert ratio_interval([0, 0], [0, 0], [0, 0], [0, 0]) == (0, 0)
    with pytest.raises(InputError, match=r"\(1,\), \(2,\)"):
        ratio_interval([1], [1, 2], [1, 2], [1, 2])
