"""Scaling gives mean 0 and deviation 1 of what was observed, and goes back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from elman.data.scale import Scaler


def test_observed_values_get_mean_0_and_deviation_1():
    values = np.random.default_rng(0).normal([5, -300], [2, 70], (200, 2))
    values[::7, 0] = np.nan
    z = Scaler.fit(values).scale(values)
    assert np.nanmean(z, axis=0) == pytest.approx([0, 0], abs=1e-12)
    assert np.nanstd(z, axis=0) == pytest.approx([1, 1])
    np.testing.assert_array_equal(np.isnan(z), np.isnan(values))


@given(arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=st.floats(-1e6, 1e6)))
def test_restoring_undoes_scaling(values):
    scaler = Scaler.fit(values)
    np.testing.assert_allclose(scaler.restore(scaler.scale(values)), values, rtol=1e-9, atol=1e-6)
    again = Scaler.from_json(json.loads(json.dumps(scaler.to_json())))
    np.testing.assert_array_equal(again.scale(values), scaler.scale(values))


@pytest.mark.parametrize("level", [0.0, 0.1, -7e8])
def test_a_column_that_never_moves_becomes_0(level):
    scaler = Scaler.fit(np.full(11, level))
    assert scaler.deviation == 1
    assert scaler.scale(np.array([level])) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_the_unit_of_a_column_does_not_matter(unit):
    values = np.array([1.0, 2.0, 4.0, 7.0])
    np.testing.assert_allclose(Scaler.fit(unit * values).scale(unit * values), Scaler.fit(values).scale(values))


def test_a_column_without_a_value_stays_missing_around_mean_0():
    scaler = Scaler.fit(np.array([[np.nan, 1.0], [np.nan, 3.0]]))
    assert scaler.mean.tolist() == [0, 2] and scaler.deviation.tolist() == [1, 1]
    assert Scaler.fit(np.empty(0)).deviation == 1
