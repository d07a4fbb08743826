"""Intervals hold their share after widening, stay nested, and come back in the target's own units."""

import numpy as np
import pytest

from elman.evaluate.forecast.intervals import BANDS, MEAN, MIDDLE, QUANTILES, Intervals


def outputs(scale, rows=4000):
    """Quantiles of a normal whose deviation is taken to be ``scale``, and what came of one with deviation 1."""
    normal = np.array([-1.96, -1.2816, 0.0, 1.2816, 1.96, 0.5]) * scale
    actual = np.random.default_rng(0).normal(size=(rows, 1))
    return np.tile(normal, (rows, 1, 1)), actual


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.8])
def test_they_hold_their_share(scale):
    out, actual = outputs(scale)
    found = Intervals.fit(out, actual)
    assert found.widen[0.8] == pytest.approx(1 / scale, rel=0.05)
    _, bands = found.decode(out, np.zeros((1, 1)), np.ones((1, 1)), "median")
    for level, (low, high) in bands.items():
        assert ((low <= actual) & (actual <= high)).mean() == pytest.approx(level, abs=0.005)


def test_what_did_not_come_is_not_scored():
    out, actual = outputs(1.0)
    holes = np.concatenate([actual, np.full_like(actual, np.nan)])
    assert Intervals.fit(np.concatenate([out, 5 * out]), holes).widen == Intervals.fit(out, actual).widen


def test_the_narrow_one_stays_inside_and_units_come_back():
    out, _ = outputs(1.0, rows=2)
    point, bands = Intervals({0.8: 10.0, 0.95: 1.0}).decode(out, np.full((2, 1), 100.0), np.full((2, 1), 3.0), "mean")
    assert point == pytest.approx(np.full((2, 1), 101.5))
    assert (bands[0.95][0] <= bands[0.8][0]).all() and (bands[0.8][1] <= bands[0.95][1]).all()
    assert bands[0.8][1] == pytest.approx(np.full((2, 1), 100 + 3 * 10 * 1.2816))


def test_each_level_is_bounded_by_its_quantiles():
    for level, (low, high) in BANDS.items():
        assert QUANTILES[high] - QUANTILES[low] == pytest.approx(level)
    assert QUANTILES[MIDDLE] == 0.5 and len(QUANTILES) == MEAN
