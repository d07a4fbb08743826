"""Ranks against a plain sort, and the scores made of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.errors import InputError
from elman.evaluate.recommendation.metrics import Ranking, rank_metrics, ranked


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.data())
def test_a_rank_counts_all_that_score_as_high(scores, data):
    target = data.draw(st.integers(0, len(scores) - 1))
    found = ranked([scores], [target])
    assert found.ranks[0] == sum(score >= scores[target] for score in scores)
    assert sorted(scores, reverse=True)[:20] == [scores[item] for item in found.top[0]]


def test_a_model_that_scores_all_alike_has_the_last_rank():
    assert ranked(np.zeros((2, 30)), [0, 29]).ranks.tolist() == [30, 30]


def test_what_is_no_item_is_missed():
    scores = np.array([[-np.inf, -np.inf, 1.0, 2.0]])
    found = ranked(np.repeat(scores, 2, 0), [1, 2], first=2)
    assert found.ranks.tolist() == [np.inf, 2]
    assert found.top.tolist() == [[3, 2], [3, 2]]


def test_scores_by_hand():
    counts = np.array([0, 3, 1, 6])
    found = rank_metrics(Ranking(np.array([1, 6, np.inf, 20.0]), np.array([[1, 2], [1, 3]] * 2)), counts)
    assert found["recall_5"] == 0.25 and found["recall_10"] == 0.5 and found["recall_20"] == 0.75
    assert found["mrr_20"] == pytest.approx((1 + 1 / 6 + 1 / 20) / 4)
    assert found["ndcg_10"] == pytest.approx((1 + 1 / np.log2(7)) / 4)
    assert found["coverage_20"] == 1
    assert found["popularity_20"] == pytest.approx(np.mean([3, 1, 3, 6]) / (46 / 10))


def test_nothing_to_score_and_shapes_that_do_not_fit_are_said():
    with pytest.raises(InputError, match="no event to score"):
        rank_metrics(Ranking(np.zeros(0), np.zeros((0, 20), int)), [1])
    with pytest.raises(InputError, match="do not fit"):
        ranked(np.zeros((2, 3)), [1])
