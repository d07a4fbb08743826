"""Counts of pixels: distributions, and costs worked out by hand."""

import itertools
import math

import numpy as np
import pytest

from elman.evaluate.pictures.neighbours import BITS, LEAST, NEAR, Neighbours, Places, _contexts


def pictures(levels, shape=(50, 4, 5, 1), seed=0):
    return np.random.default_rng(seed).integers(0, levels, shape)


@pytest.mark.parametrize("levels", [2, 3, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_probabilities_sum_to_1_in_every_context(levels, channels):
    x = pictures(levels, (20, 4, 5, channels))
    near = Neighbours.fit(x, levels, 2)
    assert near.counts.shape == (levels**2, levels)
    assert near.counts.sum() == pytest.approx(x.size + LEAST * levels**3)
    assert (near.counts >= LEAST).all()
    places = Places.fit(x, levels)
    assert places.counts.shape == (4, 5, channels, levels)
    np.testing.assert_allclose(places.counts.sum(-1), 20 + LEAST * levels)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_probabilities_of_all_pictures_sum_to_1(count):
    x = pictures(2, (30, 2, 3, 1))
    every = np.array(list(itertools.product(range(2), repeat=6))).reshape(-1, 2, 3, 1)
    for model in (Neighbours.fit(x, 2, count), Places.fit(x, 2)):
        assert np.exp(-model.nats(every)).sum() == pytest.approx(1)


def test_places_by_hand():
    x = np.array([[[0, 1]], [[0, 1]], [[0, 0]]])[..., None]
    # 3 + 1/2 of 4 are 0 at the first place, 1 + 1/2 of 4 at the second.
    assert Places.fit(x, 2).nats(x) == pytest.approx(
        [-math.log(3.5 / 4) - math.log(2.5 / 4)] * 2 + [-math.log(3.5 / 4) - math.log(1.5 / 4)]
    )


def test_neighbours_by_hand():
    x = np.array([[[1, 1, 0]]])[..., None]
    # After nothing or 0: 1 once; after 1: 1 once and 0 once.
    near = Neighbours.fit(x, 2, 1)
    assert near.counts.tolist() == [[0.5, 1.5], [1.5, 1.5]]
    assert near.nats(x) == pytest.approx([-math.log(0.75) - 2 * math.log(0.5)])


def test_without_neighbours_they_are_plain_frequencies():
    x = np.array([[[1, 1, 1, 0]]])[..., None]
    near = Neighbours.fit(x, 2, 0)
    assert near.counts.tolist() == [[1.5, 3.5]]
    assert near.nats(x) == pytest.approx([-3 * math.log(0.7) - math.log(0.3)])


def test_neighbours_come_before_the_pixel():
    assert len(set(NEAR)) == len(NEAR)
    assert all(up > 0 or (up == 0 and right < 0) for up, right in NEAR)
    x = pictures(3, (1, 5, 6, 1))
    for row, column in itertools.product(range(5), range(6)):
        before = x.copy()
        before.reshape(1, -1)[:, row * 6 + column :] = 0
        assert _contexts(before, 3, 12)[0, row, column, 0] == _contexts(x, 3, 12)[0, row, column, 0]


def _context(x, row, column, levels, count):
    found = 0
    for up, right in NEAR[:count]:
        y, at = row - up, column + right
        inside = y >= 0 and 0 <= at < x.shape[1]
        found = found * levels + (int(x[y, at]) if inside else 0)
    return found


@pytest.mark.parametrize(("levels", "count"), [(2, 12), (3, 5), (4, 3)])
def test_costs_are_those_of_a_plain_loop(levels, count):
    train, x = pictures(levels, (30, 4, 5, 1)), pictures(levels, (3, 4, 5, 1), 1)
    near = Neighbours.fit(train, levels, count)
    counts = np.full((levels**count, levels), LEAST)
    for one, row, column in itertools.product(train[..., 0], range(4), range(5)):
        counts[_context(one, row, column, levels, count), one[row, column]] += 1
    np.testing.assert_array_equal(near.counts, counts)
    p = counts / counts.sum(1, keepdims=True)
    expected = [
        -sum(math.log(p[_context(one, y, c, levels, count), one[y, c]]) for y in range(4) for c in range(5))
        for one in x[..., 0]
    ]
    assert near.nats(x) == pytest.approx(expected)


@pytest.mark.parametrize(("levels", "count"), [(2, 12), (4, 8), (16, 3), (256, 1), (1000, 0)])
def test_as_many_neighbours_as_can_be_counted(levels, count):
    near = Neighbours.fit(pictures(levels, (2, 3, 3, 1)), levels)
    assert near.count == count
    assert near.counts.size <= 2**BITS


def test_bytes_are_counted_as_whole_numbers_are():
    x = pictures(256)
    assert (Neighbours.fit(x.astype(np.uint8), 256).nats(x.astype(np.uint8)) == Neighbours.fit(x, 256).nats(x)).all()


def test_what_is_learnt_pays():
    x = (np.indices((4, 6)).sum(0) % 2)[None, ..., None].repeat(40, 0)
    noise = pictures(2, (40, 4, 6, 1))
    for fit in (lambda x: Neighbours.fit(x, 2, 2), lambda x: Places.fit(x, 2)):
        assert fit(x).nats(x).mean() < 4
        assert fit(noise).nats(x).mean() > 12
