"""A transcriber as ONNX: from frames to the symbols that elman hears."""

import numpy as np
import polars as pl
import pytest
import torch

import elman
from elman.errors import InputError
from elman.nn.ctc import BLANK

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("soundfile")
pytest.importorskip("jiwer")

import soundfile

from elman.deploy import export

RATE = 8000


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Forty tones and their names."""
    folder, rng = tmp_path_factory.mktemp("tones"), np.random.default_rng(0)
    names = ["ab"[at % 2] for at in range(40)]
    for at, name in enumerate(names):
        time = np.arange(RATE * rng.uniform(0.2, 0.4)) / RATE
        soundfile.write(folder / f"{at}.wav", np.sin(2 * np.pi * {"a": 300, "b": 900}[name] * time), RATE)
    pl.DataFrame({"file": [f"{at}.wav" for at in range(40)], "text": names}).write_csv(folder / "said.csv")
    return folder / "said.csv"


def quick(**settings):
    return elman.Transcriber(sound="file", text="text", bands=20, hidden=8, steps=30, **settings)


def test_frames_become_symbols(manifest, tmp_path, answers):
    model = quick(by="ctc", layers=2, stack=2, join=2, learning_rate=0.02).fit(manifest)
    assert export.model(model, tmp_path / "small.onnx", int8=True).int8["size_ratio"] < 1
    run, told = answers(export.model(model, tmp_path / "said.onnx", overwrite=True))
    waves = model.recordings(str(manifest)).waves[:6]
    x, lengths = model.encoder_.encode(waves).padded(torch.arange(6))
    found = run({"frames": x.transpose(0, 1).numpy(), "lengths": lengths.int().numpy()})
    texts = []
    for said, steps in zip(found["said"], found["steps"], strict=True):
        said[:, told["text"]["unknown"]] = -np.inf
        best = said[:steps].argmax(-1)
        kept = [s for s, before in zip(best, [-1, *best[:-1]], strict=True) if s not in (before, BLANK)]
        texts.append("".join(told["text"]["symbols"][symbol] for symbol in kept))
    assert texts == model.transcripts(waves, beam=1)


def test_a_decoder_is_refused(manifest, tmp_path):
    with pytest.raises(InputError, match="fit with --by ctc to export it"):
        export.model(quick(by="attention").fit(manifest), tmp_path / "said.onnx")
