"""The command line of voice commands: a folder of sounds to labels, and every bad input in one sentence."""

import json

import numpy as np
import polars as pl
import pytest
import soundfile

from elman.cli import run

QUICK = ["--steps", "20", "--hidden", "8", "--batch-size", "16", "--quiet"]
FIT = ["fit", "classify", "words", *QUICK]
HERTZ = {"high": 1500, "low": 300}


def tone(hertz, at, rate=8000):
    draw = np.random.default_rng(at)
    steps = np.arange(round(rate * draw.uniform(0.15, 0.3)))
    wave = np.sin(2 * np.pi * hertz * draw.uniform(0.9, 1.1) * steps / rate)
    return 0.3 * wave + draw.normal(0, 0.01, len(steps))


def words(folder, count, begin=0):
    for word, hertz in HERTZ.items():
        (folder / word).mkdir(parents=True)
        for at in range(begin, begin + count):
            soundfile.write(folder / word / f"{at}.wav", tone(hertz, at), 8000)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with sounds of two words, more of them to judge by, and a model."""
    folder = tmp_path_factory.mktemp("made")
    words(folder / "words", 20)
    words(folder / "more", 4, begin=50)
    assert run(["fit", "classify", str(folder / "words"), *QUICK, "--out", str(folder / "words.elman")]) == 0
    return folder


def test_fit_evaluate_and_refit(here, printed):
    found = json.loads(printed(*FIT, "--test", "more", "--out", "new.elman", "--json"))
    assert (found["task"], found["rows"], found["model"]) == ("classify", 8, "new.elman")
    assert set(found["baselines"]) == {"majority", "summaries"}
    again = json.loads(printed("evaluate", "new.elman", "more", "--json"))
    assert again["metrics"] == pytest.approx(found["metrics"])
    same = json.loads(printed("refit", "new.elman", "words", "--test", "more", "--out", "same.elman", "--json", "-q"))
    assert same["metrics"] == found["metrics"]


def test_a_file_a_folder_and_a_table_are_labelled(here, printed):
    one = printed("predict", "words.elman", "more/low/50.wav").splitlines()
    assert one[0] == "file,label,probability,p_high,p_low"
    assert one[1].startswith("more/low/50.wav,low,")
    soundfile.write(here / "more" / "low" / "still.wav", np.zeros(800), 8000)
    printed("predict", "words.elman", "more", "--out", "labels.csv")
    frame = pl.read_csv(here / "labels.csv")
    assert frame.height == 9
    assert frame.filter(pl.col("file") == "more/low/still.wav")["label"].to_list() == [None]
    rows = json.loads(printed("predict", "words.elman", "more", "--json"))["rows"]
    assert [row["label"] for row in rows] == frame["label"].to_list()
    (here / "list.tsv").write_text("file\tsaid\nmore/low/50.wav\tlow\nmore/high/51.wav\thigh\n")
    assert printed("predict", "words.elman", "list.tsv").count("\n") == 3


def test_settings_are_flags(here, printed):
    flags = ["--features", "mel", "--bands", "20", "--no-deltas", "--no-augment", "--no-trim", "--rate", "4000"]
    assert json.loads(printed(*FIT, *flags, "--out", "flags.elman", "--json"))["rows"] == 8
    encoder = json.loads((here / "flags.elman" / "encoders.json").read_text())["encoder"]
    assert (encoder["kind"], encoder["bands"], encoder["deltas"], encoder["rate"]) == ("mel", 20, False, 4000)
    assert len(encoder["mean"]) == 20


def corrupt(here):
    (here / "words" / "low" / "bad.wav").write_bytes(b"no sound" * 50)


def bare(here):
    (here / "words" / "none").mkdir()


def quiet(here):
    for word in HERTZ:
        for path in (here / "words" / word).iterdir():
            soundfile.write(path, np.zeros(800), 8000)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (corrupt, "bad.wav cannot be read as sound (Format not recognised): its content must be that of a .wav, "),
        (bare, "holds no sounds (.wav, .flac, .ogg, .mp3): put some there, or remove it"),
        (quiet, "all 40 files are silent: give files with sound in them"),
    ],
)
def test_bad_folders_are_refused(here, refused, spoil, said):
    spoil(here)
    assert said in refused(*FIT, "--out", "bad.elman")


def test_bad_files_are_refused(here, refused):
    (here / "empty.wav").write_bytes(b"")
    (here / "list.csv").write_text("file\nx.wav\nmore/low/50.wav\ny.wav\n")
    for given, said in {
        "empty.wav": "empty.wav holds no samples: give files with sound in them",
        "none.wav": "there is no file none.wav: give the name of a file of sound",
        "list.csv": "2 of 3 files are absent: x.wav, y.wav; correct the names, or leave the rows out",
        "turn left": "the model reads sounds, but 'turn left' was given: give a file, a folder or a table of them",
        "words.elman": "words.elman holds no sounds (.wav, .flac, .ogg, .mp3): name another folder",
    }.items():
        assert said in refused("predict", "words.elman", given)
    assert "--bands must" in refused(*FIT, "--bands", "3", "--out", "bad.elman")
    assert "--bands is 200, too many at 8,000 Hz" in refused(*FIT, "--bands", "200", "--out", "bad.elman")


def test_what_to_do_next_is_said_of_sounds(here, capsys):
    assert run([*FIT, "--out", "next.elman"]) == 0
    said = capsys.readouterr().err
    assert "elman predict next.elman x.wav" in said and "some text" not in said
