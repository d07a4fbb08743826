"""Why an answer is as it is, at the command line."""

import json

import numpy as np
import polars as pl
import pytest

from elman.cli import run

FORECAST = ["--target", "y", "--horizon", "3", "--steps", "20", "--hidden", "4", "--lookback", "10", "--quiet"]
CLASSIFY = ["--text", "text", "--label", "mood", "--steps", "20", "--hidden", "4", "--quiet"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    days = np.datetime64("2020-01-01") + np.arange(200)
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(200) / 7)
    pl.DataFrame({"day": days, "y": wave + np.random.default_rng(0).normal(0, 0.5, 200)}).write_csv(folder / "y.csv")
    words = ["lovely room", "dirty room"] * 40
    frame = pl.DataFrame({"text": [f"{text} {at}" for at, text in enumerate(words)], "mood": ["good", "bad"] * 40})
    frame.write_csv(folder / "said.csv")
    assert run(["fit", "forecast", str(folder / "y.csv"), *FORECAST, "--out", str(folder / "y.elman")]) == 0
    assert run(["fit", "classify", str(folder / "said.csv"), *CLASSIFY, "--out", str(folder / "said.elman")]) == 0
    return folder


def test_a_forecaster_is_explained_by_a_file(here, printed, capsys):
    found = json.loads(printed("explain", "y.elman", "y.csv", "--json"))
    assert set(found["importance"]) == {"y, last week", "y, the week before", "y, earlier weeks", "day of the week"}
    assert found["sentence"].startswith("The forecasts rest ") and found["out"] == "y.explained"
    names = {path.name for path in (here / "y.explained").iterdir()}
    drawn = ("importance", "forecast", "past", "steps", "future", "through_time")
    assert names == {"explained.html", *(f"{name}.svg" for name in drawn)}
    assert "What single units follow" in (here / "y.explained" / "explained.html").read_text()
    assert run(["explain", "y.elman", "y.csv", "--row", "150", "--out", "other"]) == 0
    out, err = capsys.readouterr()
    assert out == "" and "shuffled" in err and "Saved other: open other/explained.html" in err


def test_a_forecaster_explains_its_latest_from_its_own_data(here, printed, capsys):
    found = json.loads(printed("explain", "y.elman", "--json", "--quiet", "--out", "alone"))
    assert "importance" not in found and abs(found["forecast"]["total"] - found["forecast"]["difference"]) < 1
    assert run(["explain", "y.elman", "--quiet", "--out", "alone", "--overwrite"]) == 0
    assert capsys.readouterr().err.startswith("The forecast from 2020-07-19 on lies ")


def test_a_text_is_explained(here, printed):
    found = json.loads(printed("explain", "said.elman", "a lovely room", "--json"))
    assert [part["part"] for part in found["parts"]] == ["a", "lovely", "room"]
    assert (here / "said.explained" / "pieces.svg").read_text().startswith("<svg")
    assert json.loads(printed("explain", "said.elman", "said.csv", "--row", "2", "--json", "--overwrite"))["row"] == 2


def test_what_cannot_be_explained_is_refused(refused, here):
    assert "there is no model at none.elman" in refused("explain", "none.elman", "y.csv")
    assert "no file is given" in refused("explain", "y.elman", "--row", "3")
    assert "--row is 999, but the file has rows 1 to 200" in refused("explain", "y.elman", "y.csv", "--row", "999")
    assert "but the model reads 10: give a later --row" in refused("explain", "y.elman", "y.csv", "--row", "4")
    assert "column" in refused("explain", "y.elman", "said.csv")
    assert "--row is 0, but there is row 1" in refused("explain", "said.elman", "a text", "--row", "0")
    (here / "full").mkdir()
    (here / "full" / "note.txt").write_text("mine")
    assert "no elman explanation" in refused("explain", "y.elman", "--out", "full", "--overwrite")
    assert "there is no directory" in refused("explain", "y.elman", "--out", "no/where")
