"""Pictures at the command line: a classifier of them, and a painter by either of its names."""

import json

import numpy as np
import pytest
from PIL import Image

from made_pictures import bars, folder_of_bars

QUICK = ["--steps", "20", "--hidden", "8", "--batch-size", "16", "--quiet"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Pictures in a folder and in an archive."""
    folder = tmp_path_factory.mktemp("made")
    folder_of_bars(folder / "bars", 16)
    x, y = bars(60)
    np.savez(folder / "bars.npz", x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    return folder


def test_pictures_are_classified(here, printed):
    found = json.loads(printed("fit", "classify", "bars", "--as", "rows", *QUICK, "--members=1", "--json"))
    assert found["metrics"]["accuracy"] >= 0
    rows = printed("predict", "bars.elman", "bars/lying/0.png").splitlines()
    assert rows[0].startswith("file,label,probability") and len(rows) == 2
    (here / "rows.toml").write_text('as = "pixels"\nposition = 2\n')
    printed("fit", "classify", "bars.npz", "--config", "rows.toml", *QUICK, "--members=1", "--out", "m")
    assert json.loads((here / "m" / "config.json").read_text())["config"]["as_"] == "pixels"


def test_pictures_are_painted(here, printed, capsys):
    printed("fit", "generate", "bars.npz", "--as", "pixels", *QUICK)
    assert json.loads((here / "bars.elman" / "config.json").read_text())["task"] == "paint"
    printed("predict", "bars.elman", "--count", "4", "--out", "grid.png", "--seed", "0")
    with Image.open(here / "grid.png") as picture:
        assert picture.size == (17, 17)  # two by two, a pixel between them
    said = json.loads(printed("predict", "bars.elman", "bars/lying", "--keep", "0.5", "--out", "r.png", "--json"))
    assert said == {"pictures": 16, "width": 8, "height": 8, "file": "r.png"}
    printed("fit", "paint", "bars", *QUICK, "--levels", "4", "--out", "four")
    assert json.loads(printed("evaluate", "four", "bars.npz", "--json"))["metrics"]["nats"] > 0


def test_wrong_use_is_refused(printed, refused):
    assert "to paint say --as pixels" in refused("fit", "generate", "bars.npz")
    assert "to paint say --as pixels" in refused("fit", "generate", "bars")
    assert "--as is 'sound', but what is generated is text or pixels" in refused(
        "fit", "generate", "bars.npz", "--as=sound"
    )
    assert "--as" in refused("fit", "classify", "bars", "--as", "columns", *QUICK)
    printed("fit", "paint", "bars", *QUICK)
    assert "can be painted: give another --out" in refused("predict", "bars.elman", "--out", "x.csv")
    assert "--count must be a whole number" in refused("predict", "bars.elman", "--count", "2.5")
    assert "--prompt is for generate models" in refused("predict", "bars.elman", "--prompt", "a")
    assert "painted.png exists" in _twice(printed, refused)


def _twice(printed, refused):
    printed("predict", "bars.elman", "--count", "1")
    return refused("predict", "bars.elman", "--count", "1")
