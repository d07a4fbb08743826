"""A real series that an installed package carries, for the demo."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from elman.errors import MissingDependency


def temperatures() -> Path:
    """Hourly temperatures of San Francisco in 2010 (NOAA normals, in the package vega_datasets): a CSV of temp and date."""
    found = find_spec("vega_datasets")
    if found is None or found.origin is None:
        raise MissingDependency("the demo needs the data of the package vega_datasets: pip install 'elman[demo]'")
    return Path(found.origin).parent / "_data" / "sf-temps.csv"
