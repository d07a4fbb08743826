"""Models as ONNX, at the command line."""

import json

import polars as pl
import pytest

from elman.cli import run

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

FIT = ["--text", "text", "--label", "mood", "--steps", "20", "--hidden", "8", "--quiet"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    words = ["lovely room", "dirty room"] * 40
    frame = pl.DataFrame({"text": [f"{text} {at}" for at, text in enumerate(words)], "mood": ["good", "bad"] * 40})
    frame.write_csv(folder / "said.csv")
    assert run(["fit", "classify", str(folder / "said.csv"), *FIT, "--out", str(folder / "said.elman")]) == 0
    return folder


def test_a_model_is_exported_and_told_of(here, printed, capsys):
    found = json.loads(printed("export", "said.elman", "said.onnx", "--json"))
    assert found["model"] == "said.elman" and found["onnx"] == "said.onnx" and found["json"] == "said.json"
    assert found["bytes"] == (here / "said.onnx").stat().st_size and found["largest_difference"] < 1e-4
    assert found["outputs"] == {"probabilities": ["batch", 2]} and found["inputs"]["lengths"] == ["batch"]
    assert found["int8"] is None and found["scores"] is None
    beside = json.loads((here / "said.json").read_text(encoding="utf-8"))
    assert beside["labels"] == ["bad", "good"] and beside["inputs"] == found["inputs"]
    assert run(["export", "said.elman", "said.onnx", "--overwrite"]) == 0
    out, err = capsys.readouterr()
    assert out == "" and "ONNX Runtime answers as the network does, within" in err and "Wrote said.onnx" in err


def test_whole_numbers_and_what_they_cost(here, printed, capsys):
    found = json.loads(printed("export", "said.elman", "small.onnx", "--int8", "--test", "said.csv", "--json"))
    assert 0 < found["int8"]["largest_difference"] < 0.5 and found["int8"]["size_ratio"] < 1
    assert set(found["scores"]) == {"elman", "exported"} and found["scores"]["exported"]["accuracy"] >= 0.5
    assert run(["export", "said.elman", "small.onnx", "--int8", "--overwrite"]) == 0
    assert "is told by --test FILE" in capsys.readouterr().err


def test_what_cannot_be_written_is_refused(refused, here):
    assert "there is no model at none.elman" in refused("export", "none.elman", "x.onnx")
    assert "does not end in .onnx" in refused("export", "said.elman", "x.pt")
    assert "--opset is 9, but 18 to 22 are written" in refused("export", "said.elman", "x.onnx", "--opset", "9")
    assert "fit with --no-bidirectional" in refused("export", "said.elman", "x.onnx", "--streaming")
    assert "no such file: none.csv" in refused("export", "said.elman", "x.onnx", "--test", "none.csv")
    (here / "x.json").write_text("mine")
    assert "x.json exists" in refused("export", "said.elman", "x.onnx")


def test_without_the_libraries_it_says_what_to_install(refused, monkeypatch):
    monkeypatch.setattr("elman.deploy.export.find_spec", lambda name: None)
    assert "pip install 'elman[export]'" in refused("export", "said.elman", "x.onnx")
