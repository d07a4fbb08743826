"""The command line of a voice: sounds written whole or not at all, and every bad input in one sentence."""

import json

import numpy as np
import pytest

from elman.cli import run

soundfile = pytest.importorskip("soundfile")

RATE = 8000
TONES = {"a": 400.0, "b": 900.0, " ": 0.0}
SIZES = ["--steps", "12", "--hidden", "8", "--bands", "12", "--test-share", "0.2"]
SPEAK = ["--text", "text", "--sound", "file", *SIZES, "--quiet"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with recordings and a voice that learnt next to nothing from them."""
    folder = tmp_path_factory.mktemp("made")
    t = np.arange(RATE // 10) / RATE
    lines = ["file\ttext"]
    for at, text in enumerate(["ab", "ba", "aa", "bb", "aba", "bab", "ab a", "ba b"] * 2):
        wave = np.concatenate([0.4 * np.sin(2 * np.pi * TONES[letter] * t) for letter in text])
        soundfile.write(folder / f"{at}.wav", wave, RATE)
        lines.append(f"{at}.wav\t{text}")
    (folder / "voice.tsv").write_text("\n".join(lines) + "\n")
    (folder / "texts.csv").write_text("text\nab\nba a\n")
    assert run(["fit", "speak", str(folder / "voice.tsv"), *SPEAK, "--out", str(folder / "voice.elman")]) == 0
    return folder


def test_fit_evaluate_and_refit(here, printed):
    found = json.loads(printed("fit", "speak", "voice.tsv", *SPEAK, "--out", "new.elman", "--json"))
    assert found["task"] == "speak" and set(found["baselines"]) == {"mean_frame"}
    assert json.loads(printed("evaluate", "new.elman", "--json"))["metrics"] == found["metrics"]
    assert json.loads(printed("evaluate", "new.elman", "voice.tsv", "--json"))["rows"] == 16
    printed("refit", "voice.elman", "voice.tsv", "--out", "again.elman", "-q")
    first, second = ((here / name / "weights.safetensors").read_bytes() for name in ("voice.elman", "again.elman"))
    assert first == second


def test_one_text_becomes_one_sound(here, printed, capsys):
    found = json.loads(printed("predict", "voice.elman", "ab b", "--out", "x.wav", "--json"))["rows"]
    assert [row["text"] for row in found] == ["ab b"] and found[0]["file"] == "x.wav"
    assert set(found[0]) == {"text", "file", "seconds", "stopped", "focus"}
    wave, rate = soundfile.read("x.wav")
    assert rate == RATE and len(wave) / rate == pytest.approx(found[0]["seconds"], abs=1e-3)
    assert printed("predict", "voice.elman", "ab b", "--out", "x.flac") == ""
    assert run(["predict", "voice.elman", "a?b", "--out", "y.wav"]) == 0
    assert "does not know '?'" in capsys.readouterr().err


def test_a_file_of_texts_becomes_a_folder_with_a_manifest(here, printed):
    rows = json.loads(printed("predict", "voice.elman", "texts.csv", "--out", "spoken", "--json"))["rows"]
    assert [row["text"] for row in rows] == ["ab", "ba a"]
    assert {path.name for path in (here / "spoken").iterdir()} == {"1.wav", "2.wav", "manifest.tsv"}
    assert (here / "spoken" / "manifest.tsv").read_text() == "file\ttext\n1.wav\tab\n2.wav\tba a\n"
    assert json.loads(printed("evaluate", "voice.elman", "spoken/manifest.tsv", "--json"))["rows"] == 2
    (here / "spoken" / "own.txt").write_text("mine")
    (here / "one.txt").write_text("bb\n")
    before = (here / "spoken" / "1.wav").read_bytes()
    printed("predict", "voice.elman", "one.txt", "--out", "spoken", "--overwrite")
    assert (here / "spoken" / "own.txt").read_text() == "mine"
    assert (here / "spoken" / "1.wav").read_bytes() != before
    assert not [path for path in here.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ab"], "give --out x.wav, or --out FOLDER"),
        (["ab", "--out", "x.csv"], "x.csv ends in '.csv', but .wav, .flac, .ogg, .mp3 can be written, or a folder"),
        (["ab", "--out", "0.wav"], "0.wav exists"),
        (["ab", "--out", "none/x.wav"], "there is no directory none"),
        (["texts.csv", "--out", "x.wav"], "there are 2 texts, but x.wav is one sound: give a folder"),
        (["texts.csv", "--out", "voice.elman"], "ends in '.elman'"),
        (["texts.csv", "--out", "none/spoken"], "there is no directory none"),
        (["none.csv", "--out", "spoken"], "no such file: none.csv"),
        (["voice.tsv", "--out", "folder"], "folder exists"),
        (["", "--out", "x.wav"], "there is nothing to speak"),
        (["???", "--out", "x.wav"], "has nothing to speak"),
        (["--out", "x.wav"], "there is nothing to speak"),
        (["ab", "--out", "x.wav", "--top-k", "3"], "--top-k is for generate models, but voice.elman is a speak one"),
    ],
)
def test_a_bad_use_of_a_voice_is_refused(here, refused, arguments, said):
    (here / "folder").mkdir()
    assert said in refused("predict", "voice.elman", *arguments)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("file\ttext\nx.wav\ta\ny.wav\tb\n0.wav\tab\n", "2 of 3 files are absent: x.wav, y.wav"),
        ("file\ttext\n0.wav\t\n\tab\n", "no row of bad.tsv has something in columns 'file' and 'text'"),
        ("name\ttext\n0.wav\tab\n", "has no column 'file'"),
        ("file\ttext\nvoice.tsv\tab\n", "voice.tsv cannot be read as sound"),
    ],
)
def test_a_bad_manifest_is_refused(here, refused, content, said):
    (here / "bad.tsv").write_text(content)
    assert said in refused("fit", "speak", "bad.tsv", *SPEAK)
