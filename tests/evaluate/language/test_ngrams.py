"""Counting language models: they sum to one, are what a plain implementation is, and longer contexts help."""

from collections import Counter
from math import log

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.language.ngrams import KneserNey, unigram, unigram_nats

RNG = np.random.default_rng(0)
SHORT = (RNG.integers(0, 4, 80) ** 2 // 3).tolist()  # ids 0, 1 and 3 of 5


def plain(ids, V, order):
    """Interpolated Kneser-Ney with dictionaries, word for word as the docstring of KneserNey has it."""
    grams = [[tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)] for n in range(order + 1)]
    counts = [None] + [Counter(dict.fromkeys(grams[n], 0)) for n in range(1, order + 1)]
    counts[order] = Counter(grams[order])
    for n in range(1, order):
        for longer in set(grams[n + 1]):
            counts[n][longer[1:]] += 1

    def discounts(n):
        times = [sum(c == k for c in counts[n].values()) for k in range(5)]
        Y = times[1] / (times[1] + 2 * times[2]) if times[1] and times[2] else 0.5
        D = [k - (k + 1) * Y * times[k + 1] / max(times[k], 1) for k in (1, 2, 3)]
        return [0.0] + [min(max(d, 0.1 * k), k) for k, d in enumerate(D, 1)]

    D = [None] + [discounts(n) for n in range(1, order + 1)]

    def p(word, context, n):
        if n == 0:
            return 1 / V
        c = tuple(context[len(context) - n + 1 :])
        lower = p(word, context, n - 1)
        followers = {gram: k for gram, k in counts[n].items() if gram[:-1] == c}
        total = sum(followers.values())
        if not total:
            return lower
        own = followers.get((*c, word), 0)
        freed = sum(D[n][min(k, 3)] for k in followers.values())
        return (own - D[n][min(own, 3)] + freed * lower) / total

    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_is_the_plain_implementation(order):
    ours, p = KneserNey.fit(SHORT, 5, order), plain(SHORT, 5, order)
    for _ in range(30):
        text = RNG.integers(0, 5, 6).tolist()
        want = [-log(p(text[i], text[:i], min(order, i + 1))) for i in range(6)]
        np.testing.assert_allclose(ours.nats(text), want, rtol=1e-12)


@pytest.mark.parametrize("ids", [SHORT, [1], [0, 1], [0, 1, 2], [2] * 9], ids=len)
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_after_anything(ids, order):
    model = KneserNey.fit(ids, 4, order)
    for _ in range(20):
        before = RNG.integers(0, 4, RNG.integers(0, 6)).tolist()
        assert sum(np.exp(-model.nats([*before, word])[-1]) for word in range(4)) == pytest.approx(1)


def test_longer_contexts_help_where_the_text_has_them_and_cost_little_where_not():
    phrase = RNG.integers(0, 20, 12)
    text = np.concatenate([np.append(phrase, RNG.integers(0, 20, 3)) for _ in range(400)])
    costs = [KneserNey.fit(text[:5000], 20, order).nats(text[5000:]).mean() for order in (1, 2, 3)]
    assert costs[0] > costs[1] + 1 and costs[1] > costs[2] > 0.2 * log(20)
    noise = RNG.integers(0, 20, 6000)
    assert KneserNey.fit(noise[:5000], 20, 3).nats(noise[5000:]).mean() < log(20) + 0.1


def test_what_is_only_counted_once_is_not_believed_outright():
    once = KneserNey.fit([0, 1, 2, 3, 0, 2, 1, 3], 5, 3)
    assert once.nats([0, 1, 4])[-1] < 6  # never seen, and still possible


def test_it_is_kept_as_arrays():
    model = KneserNey.fit(SHORT, 5, 3)
    again = KneserNey.from_arrays(model.arrays())
    assert len(again.keys) == 3
    np.testing.assert_array_equal(again.nats(SHORT), model.nats(SHORT))


def test_unigram_by_hand():
    shares = unigram([0, 0, 1], 3)
    np.testing.assert_allclose(shares, [3 / 6, 2 / 6, 1 / 6])
    np.testing.assert_allclose(unigram_nats(shares, [2, 0]), [log(6), log(2)])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: KneserNey.fit([0, 1], 2, 0), "order is 0"),
        (lambda: KneserNey.fit([], 2), r"shape \(0,\)"),
        (lambda: KneserNey.fit([0.5], 2), "whole numbers"),
        (lambda: KneserNey.fit([0, 2], 2), "run from 0 to 2: they must lie from 0 to 1"),
        (lambda: KneserNey.fit([0, 1], 2).nats([-1]), "run from -1 to -1"),
        (lambda: unigram([5], 2), "run from 5 to 5"),
    ],
)
def test_ids_that_cannot_be_counted_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
