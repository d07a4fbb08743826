"""The language of pages on the command line: that of the fit, or the one that is asked for."""

import numpy as np
import polars as pl
import pytest

from elman.cli import run
from left_in_english import left_in_english

LITTLE = ["--target", "ψ", "--horizon", "2", "--hidden", "4", "--lookback", "8", "--steps", "8", "--lang", "zh"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a series, and a model whose report is in Chinese."""
    folder = tmp_path_factory.mktemp("made")
    days = np.datetime64("2024-01-01") + np.arange(200)
    pl.DataFrame({"χ": days, "ψ": np.random.default_rng(0).normal(size=200)}).write_csv(folder / "ω.csv")
    file, out = str(folder / "ω.csv"), str(folder / "ω.elman")
    assert run(["fit", "forecast", file, *LITTLE, "--out", out, "--quiet"]) == 0
    return folder


def test_explain(here, printed, refused):
    printed("explain", "ω.elman", "ω.csv", "--quiet")
    printed("explain", "ω.elman", "--lang", "en", "--out", "here", "--quiet")
    there, english = ((here / name / "explained.html").read_text("utf-8") for name in ("ω.explained", "here"))
    assert [text for text in left_in_english(there) if "ω.csv" not in text] == []
    assert "One forecast, from" in english
    assert "--lang" in refused("explain", "ω.elman", "--lang", "de", "--out", "de")


def test_tune(here, printed):
    printed("tune", "forecast", "ω.csv", *LITTLE, "--curve", "--seeds", "1", "--out", "curve.html", "--quiet")
    page = (here / "curve.html").read_text("utf-8")
    assert '<html lang="zh-CN">' in page and [text for text in left_in_english(page) if "ω.csv" not in text] == []
