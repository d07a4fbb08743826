"""The example that has ONNX Runtime, NumPy and a JSON file says what elman says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import elman

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from elman.deploy import export

EXAMPLE = Path(__file__).parents[3] / "examples" / "onnx_alone.py"
QUICK = {"steps": 30, "hidden": 8}
ASKED = ["The Room was lovely, it's QUIET!", "Unheard-of words: 3.5 中文 Staleness", ""]
ALONE = """
import runpy, sys
sys.modules["torch"] = sys.modules["elman"] = None  # what is not there cannot be asked
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def said(path, *arguments, example=EXAMPLE):
    command = [sys.executable, "-W", "error", "-c", ALONE, str(example), str(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


@pytest.mark.parametrize("spelling", [True, False])
@pytest.mark.parametrize("blend", [True, False])
def test_a_text_is_classified(spelling, blend, moods, tmp_path):
    model = elman.Classifier(**QUICK, blend=blend, spelling=spelling, rarest=1).fit(*moods)
    done = export.model(model, tmp_path / "mood.onnx")
    assert ("grams" in done.inputs) == (spelling and model.spelling_ is not None)
    for text in ASKED:
        label, *probabilities = said(done.onnx, text).split()
        assert label == model.predict([text])[0]
        np.testing.assert_allclose(np.array(probabilities, float), model.predict_proba([text])[0], atol=1e-6)


def test_a_number_is_told_of_characters(tmp_path):
    words = ["房间很脏", "服务很好", "  早餐 一般", "位置不错"]
    texts = [f"{words[at % 4]}{words[at % 3]}" for at in range(80)]
    model = elman.Regressor(**QUICK).fit(texts, [float(len(text)) for text in texts])
    assert model.share_ < 1 and model.linear_.characters
    found = float(said(export.model(model, tmp_path / "length.onnx").onnx, texts[2]))
    np.testing.assert_allclose(found, model.predict([texts[2]])[0], rtol=1e-5)


def test_words_are_tagged(sentences, tmp_path):
    model = elman.Tagger(**QUICK).fit(*sentences)
    text = "The Room was Unspotless, and odd."
    frame = model.predict(text)
    told = [f"{word}/{tag}" for word, tag in zip(frame["word"], frame["tag"], strict=True)]
    assert said(export.model(model, tmp_path / "tags.onnx").onnx, text).split() == told


def test_a_text_goes_on(moods, tmp_path):
    model = elman.Generator(**QUICK).fit("\n".join(moods[0]))
    path = export.model(model, tmp_path / "text.onnx").onnx
    for prompt in ("The room", ""):
        assert said(path, prompt, "40") == model.predict(prompt, length=40, temperature=0).rstrip("\n")
    thirty = said(path, "The room", "1e-6", example=EXAMPLE.with_name("onnx_writer.py"))
    assert thirty == model.predict("The room", length=200, temperature=0).rstrip("\n")


def test_a_price_is_forecast_with_its_calendar(daily, tmp_path):
    model = elman.Forecaster(target="price", horizon=3, **QUICK).fit(daily.select("day", "price"))
    lines = [line.split() for line in said(export.model(model, tmp_path / "price.onnx").onnx).splitlines()]
    right = model.predict()
    assert [line[0][:10] for line in lines] == right["time"].dt.strftime("%Y-%m-%d").to_list()
    np.testing.assert_allclose([float(line[1]) for line in lines], right["forecast"], rtol=1e-8)
