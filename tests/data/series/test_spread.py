"""What is summed up piece by piece is what numpy says of the whole, and the pieces matter for the last digits alone."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.series import spread
from elman.data.series.spread import Rows


def rows_of(values):
    return Rows(lambda a, b: values[a:b], len(values))


def world(seed, rows, missing):
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 1, rows).cumsum()
    values = np.stack([y, y + rng.normal(0, 0.5, rows), rng.normal(3, 2, rows)], 1)
    values[rng.random(values.shape) < missing] = np.nan
    return values


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 60), st.sampled_from([0.0, 0.3]), st.integers(1, 9), st.integers(1, 70))
def test_pieces_say_what_the_whole_says(seed, rows, missing, horizon, piece):
    values = world(seed, rows, missing)
    values[:2] = np.arange(6.0).reshape(2, 3)  # so that there is something of each
    spans = {1, -(-horizon // 2), horizon}
    y = values[:, 0]
    moves = np.concatenate([y[h:] - y[:-h] for h in spans if h < rows] or [y[:0]])
    moves = moves[~np.isnan(moves)]
    with patch.object(spread, "PIECE", piece):
        found = spread.scaler(rows_of(values))
        np.testing.assert_allclose(found.mean, np.nanmean(values, 0))
        np.testing.assert_allclose(found.deviation, np.nanstd(values, 0))
        assert spread.missing(rows_of(values)).tolist() == np.isnan(values).any(0).tolist()
        mean, deviation = spread.scale(rows_of(values).column(0), "last", horizon)
        assert mean == pytest.approx(np.nanmean(y))
        if len(moves) and moves.any():
            assert deviation == pytest.approx(np.sqrt(np.mean(moves**2)))
        assert spread.scale(rows_of(values).column(0), "none", horizon)[1] == pytest.approx(np.nanstd(y))
        both = ~np.isnan(values[:, :2]).any(1)
        expected = np.corrcoef(values[both, 0], values[both, 1])[0, 1] if both.sum() > 2 else 0.0
        assert spread.correlation(rows_of(values), 0, 1) == pytest.approx(expected)
        ratio = np.abs(moves).mean() / np.nanmean(np.abs(y - np.nanmean(y))) if len(moves) else 1.0
        if abs(ratio - 0.4) > 1e-6:
            assert spread.choose_level([rows_of(y)], horizon) == ("last" if ratio < 0.4 else "none")


def test_a_column_that_never_moves_goes_with_none():
    values = np.stack([np.arange(9.0), np.full(9, 4.0)], 1)
    assert spread.correlation(rows_of(values), 0, 1) == 0.0
    assert spread.correlation(rows_of(values[:2]), 0, 0) == 0.0
