"""A small series and a forecaster that learns little, but at once."""

from __future__ import annotations

import numpy as np
import pytest

from elman.tasks.forecast import Forecaster

pytest.importorskip("optuna")


@pytest.fixture(scope="session")
def weekly():
    days = np.datetime64("2020-01-01", "us") + np.arange(240) * np.timedelta64(1, "D")
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(240) / 7) + np.random.default_rng(0).normal(0, 1, 240)
    return {"day": days, "y": wave}


@pytest.fixture
def quick():
    def make(**settings):
        return Forecaster(**{"target": "y", "horizon": 2, "steps": 12, "hidden": 4, "lookback": 8, **settings})

    return make
