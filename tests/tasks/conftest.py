"""Small series with known habits, and one fitted model that many tests look at and none may change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from elman.tasks.forecast import Forecaster


def make_weekly(rows: int = 200, noise: float = 0.5, seed: int = 0) -> pl.DataFrame:
    days = np.datetime64("2020-01-01") + np.arange(rows)
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 7)
    return pl.DataFrame({"day": days, "y": wave + np.random.default_rng(seed).normal(0, noise, rows)})


def make_quick(**settings: Any) -> Forecaster:
    return Forecaster(**{"target": "y", "horizon": 3, "steps": 20, "hidden": 4, "lookback": 10, **settings})


@pytest.fixture(scope="session")
def weekly() -> Callable[..., pl.DataFrame]:
    """A frame of a week's wave with noise: column ``y`` by column ``day``."""
    return make_weekly


@pytest.fixture(scope="session")
def quick() -> Callable[..., Forecaster]:
    """A forecaster that learns little, but at once."""
    return make_quick


@pytest.fixture(scope="session")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "prices.csv"
    make_weekly().write_csv(path)
    return path


@pytest.fixture(scope="session")
def fitted(prices: Path) -> Forecaster:
    return make_quick().fit(prices)


@pytest.fixture
def saved(fitted: Forecaster, tmp_path: Path) -> Path:
    return fitted.save(tmp_path / "prices.elman")
