"""The command line of the transcriber: fit, evaluate, refit, predict, and bad input in one sentence."""

import json

import numpy as np
import polars as pl
import pytest

from elman.cli import run

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("jiwer")

RATE = 8000
FIT = ["fit", "transcribe", "spoken.tsv", "--sound", "file", "--text", "text"]
QUICK = ["--steps", "4", "--hidden", "8", "--layers", "1", "--bands", "20", "--quiet"]


def tone(hertz):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(0.3 * RATE)) / RATE)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with sounds, their manifest, and a model of them."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "wav").mkdir()
    lines = ["file\ttext"]
    for at in range(40):
        soundfile.write(folder / "wav" / f"{at:02}.wav", tone(300 + 400 * (at % 3)), RATE)
        lines.append(f"wav/{at:02}.wav\t{('low', 'mid', 'high')[at % 3]}")
    (folder / "spoken.tsv").write_text("\n".join(lines) + "\n")
    assert run([*FIT[:2], str(folder / FIT[2]), *FIT[3:], *QUICK, "--out", str(folder / "spoken.elman")]) == 0
    return folder


def test_fit_evaluate_and_refit_print_one_object(here, printed):
    found = json.loads(printed(*FIT, *QUICK, "--out", "new.elman", "--json"))
    assert found["task"] == "transcribe" and set(found["baselines"]) == {"most_frequent", "empty"}
    assert set(found["metrics"]) == {"wer", "cer", "exact"}
    again = json.loads(printed("evaluate", "new.elman", "--json"))
    assert again["metrics"] == found["metrics"]
    fresh = json.loads(printed("evaluate", "new.elman", "spoken.tsv", "--json"))
    assert fresh["rows"] == 40
    printed("refit", "spoken.elman", "spoken.tsv", "--out", "again.elman", "-q")
    first, second = ((here / model / "weights.safetensors").read_bytes() for model in ("spoken.elman", "again.elman"))
    assert first == second


def test_predict_of_a_sound_a_manifest_and_a_folder(here, printed):
    one = printed("predict", "spoken.elman", "wav/00.wav").splitlines()
    assert one[0] == "file,text" and one[1].startswith("wav/00.wav,") and len(one) == 2
    assert printed("predict", "spoken.elman", "spoken.tsv", "--out", "heard.tsv") == ""
    heard = pl.read_csv("heard.tsv", separator="\t")
    assert heard["file"].to_list() == pl.read_csv("spoken.tsv", separator="\t")["file"].to_list()
    rows = json.loads(printed("predict", "spoken.elman", "wav", "--json"))["rows"]
    assert [row["file"] for row in rows] == sorted(heard["file"])


def test_bad_input_is_one_sentence(here, refused):
    (here / "bad.tsv").write_text("file\ttext\ngone.wav\ta\nwav/00.wav\tb\nalso.wav\tc\n")
    bad = [*FIT[:2], "bad.tsv", *FIT[3:]]
    said = refused(*bad, *QUICK)
    assert "2 of 3 files are absent" in said and "gone.wav" in said and "also.wav" in said
    assert "attention" in refused(*FIT, "--by", "ear", *QUICK)
    assert "--stack must be at least 1" in refused(*FIT, "--stack", "0", *QUICK)
    assert "no column 'words'" in refused(*FIT[:-1], "words", *QUICK, "--out", "new.elman")
    assert "there is no file gone.wav" in refused("predict", "spoken.elman", "gone.wav")
    (here / "text.wav").write_text("this is no sound, whatever its name says")
    assert "cannot be read as sound" in refused("predict", "spoken.elman", "text.wav")
    soundfile.write(here / "silent.wav", np.zeros(RATE), RATE)
    assert "silent" in refused("predict", "spoken.elman", "silent.wav")
    (here / "long.tsv").write_text("file\ttext\n" + f"wav/00.wav\t{'word ' * 99}\n" * 10)
    long = [*FIT[:2], "long.tsv", *FIT[3:]]
    assert "too short for ctc to say their texts" in refused(*long, *QUICK)


def test_sounds_of_all_kinds_are_heard(here, printed):
    for name, rate, channels, how in (
        ("a.wav", 48_000, 2, "PCM_24"),
        ("b.wav", 16_000, 1, "FLOAT"),
        ("c.flac", 22_050, 2, "PCM_16"),
    ):
        wave = 0.5 * np.sin(2 * np.pi * 700 * np.arange(round(0.3 * rate)) / rate)
        soundfile.write(here / name, np.repeat(wave[:, None], channels, 1), rate, subtype=how)
        assert printed("predict", "spoken.elman", name).startswith("file,text\n")
