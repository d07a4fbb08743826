"""Each of the models that count against a plain loop over the sessions."""

from itertools import pairwise

import numpy as np
import pytest

from elman.evaluate.recommendation.neighbours import rivals

ITEMS = 12
random = np.random.default_rng(0)
SESSIONS = [random.integers(2, ITEMS, random.integers(1, 9)).tolist() for _ in range(40)]
HAD = [[3], [5, 2, 5], [7, 8, 9, 3], [11, 4]]


@pytest.fixture(scope="module")
def known():
    starts = np.cumsum([0, *map(len, SESSIONS)])
    return rivals(np.concatenate(SESSIONS), starts, ITEMS, 2)


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("had", HAD)
def test_counting_models(known, had):
    counts = np.bincount(np.concatenate(SESSIONS), minlength=ITEMS)
    close(known["popularity"].scores(np.array(had)), counts)
    follows, both, single = np.zeros(ITEMS), np.zeros(ITEMS), np.zeros(ITEMS)
    for session in SESSIONS:
        for a, b in pairwise(session):
            follows[b] += a == had[-1]
        for item in set(session):
            single[item] += 1
            both[item] += had[-1] in session and item != had[-1]
    close(known["markov"].scores(np.array(had)), follows)
    close(known["item_knn"].scores(np.array(had)), both / np.sqrt((single[had[-1]] + 20) * (single + 20)))


@pytest.mark.parametrize("had", HAD)
@pytest.mark.parametrize("own", [-1, 5])
@pytest.mark.parametrize(("sample", "nearest"), [(1000, 100), (12, 4)])
def test_session_neighbours(known, had, own, sample, nearest):
    weight = {item: (place + 1) / len(had) for place, item in enumerate(had)}
    alike = [
        (sum(weight.get(item, 0) for item in set(session)), at) for at, session in enumerate(SESSIONS) if at != own
    ]
    near = [(value, at) for value, at in alike if value > 0][-sample:]
    near = sorted(near, key=lambda pair: -round(pair[0], 5))[:nearest]
    expected = np.zeros(ITEMS)
    for value, at in near:
        back = min(steps for steps, item in enumerate(reversed(had), 1) if item in SESSIONS[at])
        for item in set(SESSIONS[at]):
            expected[item] += value / back
    model = known["v_sknn"]
    model.sample, model.nearest = sample, nearest
    close(model.scores(np.array(had), own), expected)


def test_ties_go_to_the_more_popular(known):
    scores = known["markov"].scores(np.array([2]))
    never = [item for item in range(2, ITEMS) if scores[item] < 1e-6]
    counts = known["popularity"].scores(np.array([2]))
    assert sorted(never, key=lambda item: scores[item]) == sorted(never, key=lambda item: counts[item])


def test_an_item_that_nobody_had_is_answered_with_popularity(known):
    starts = np.array([0, 3])
    alone = rivals(np.array([2, 3, 2]), starts, 6, 2)
    assert alone["v_sknn"].scores(np.array([5])).argmax() == 2
