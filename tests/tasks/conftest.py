"""Small series with known habits, and one fitted model that many tests look at and none may change."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from elman.tasks.forecast import Forecaster

DAYS = np.arange("2020-01-01", "2020-11-01", dtype="datetime64[D]")
SMALL = {"steps": 20, "hidden": 4, "lookback": 10}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weekly(rows: int = 300, noise: float = 0.5, seed: int = 0) -> pl.DataFrame:
    """A week's wave with noise: column ``y`` by column ``day``."""
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 7)
    return pl.DataFrame({"day": DAYS[:rows], "y": wave + np.random.default_rng(seed).normal(0, noise, rows)})


@pytest.fixture(scope="session")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "prices.csv"
    weekly().write_csv(path)
    return path


@pytest.fixture(scope="session")
def fitted(prices: Path) -> Forecaster:
    return Forecaster(target="y", horizon=3, **SMALL).fit(prices)


@pytest.fixture
def saved(fitted: Forecaster, tmp_path: Path) -> Path:
    return fitted.save(tmp_path / "prices.elman")
