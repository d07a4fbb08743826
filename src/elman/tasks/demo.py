"""A real series that an installed package carries, for the demo."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from elman.errors import MissingDependency


def weather() -> Path:
    """Daily weather of Seattle, 2012 to 2015 (NOAA, carried by the package vega_datasets)."""
    found = find_spec("vega_datasets")
    if found is None or found.origin is None:
        raise MissingDependency("the demo needs the data of the package vega_datasets: pip install 'elman[demo]'")
    return Path(found.origin).parent / "_data" / "seattle-weather.csv"
