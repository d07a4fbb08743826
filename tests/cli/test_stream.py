"""elman stream: lines in, an answer a line out, and a state that is kept."""

import io
import json
import signal
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import elman
from elman.cli.entry import run


@pytest.fixture(scope="module")
def moods(tmp_path_factory):
    texts = ["good film", "bad film", "a good plot", "a bad plot"] * 15
    model = elman.Classifier(steps=5, hidden=8, causal=True).fit(texts, [text.split()[-2] for text in texts])
    return model.save(tmp_path_factory.mktemp("streamed") / "mood.elman")


def streamed(monkeypatch, capsys, arguments, raw):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    code = run(["stream", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, [json.loads(line) for line in printed.out.splitlines()], printed.err


def test_each_line_is_answered(moods, monkeypatch, capsys):
    code, answers, _ = streamed(monkeypatch, capsys, [moods], b"a\n\ngood\r\nplot\n")
    assert code == 0
    assert [answer["steps"] for answer in answers] == [1, 2, 3]
    expected = elman.load(moods).predict_proba(["a good plot"])[0]
    np.testing.assert_allclose(list(answers[-1]["probabilities"].values()), expected, atol=1e-5)


def test_a_state_is_kept_and_gone_on_from(moods, tmp_path, monkeypatch, capsys):
    arguments = [moods, "--state", tmp_path / "state"]
    streamed(monkeypatch, capsys, arguments, b"a good\n")
    _, (answer,), told = streamed(monkeypatch, capsys, arguments, b"plot\n")
    assert answer["steps"] == 3
    assert "Goes on from" in told


def test_numbers_parted_by_commas(tmp_path, monkeypatch, capsys):
    x = np.random.default_rng(0).normal(size=(40, 5, 2))
    model = elman.Classifier(steps=3, hidden=8, causal=True).fit(x, (x[:, :, 0].sum(1) > 0).astype(int))
    model.save(tmp_path / "m.elman")
    _, answers, _ = streamed(monkeypatch, capsys, [tmp_path / "m.elman"], b"0.5,1\n[[1, 2], [0, -1]]\n")
    assert [answer["steps"] for answer in answers] == [1, 3]


def test_rows_as_csv_and_as_json(tmp_path, monkeypatch, capsys):
    days = np.datetime64("2020-01-01") + np.arange(120)
    frame = pl.DataFrame({"day": days, "y": np.sin(np.arange(120))})
    elman.Forecaster(target="y", steps=3, hidden=4, lookback=8).fit(frame).save(tmp_path / "m.elman")
    raw = b'day,y\n2020-04-30,0.5\n2020-05-01,\n{"day": "2020-05-01", "y": 0.25}\n'
    code, answers, told = streamed(monkeypatch, capsys, [tmp_path / "m.elman"], raw)
    assert code == 0, told
    assert [answer["time"] for answer in answers] == [["2020-05-01T00:00:00"]] * 2 + [["2020-05-02T00:00:00"]]


def test_sound_comes_as_samples(tmp_path, monkeypatch, capsys):
    soundfile = pytest.importorskip("soundfile")
    for at in range(24):
        (tmp_path / "s" / "ab"[at % 2]).mkdir(parents=True, exist_ok=True)
        tone = 0.3 * np.sin((300 + 400 * (at % 2)) * 2 * np.pi * np.arange(3000) / 8000)
        soundfile.write(tmp_path / "s" / "ab"[at % 2] / f"{at}.wav", tone, 8000)
    elman.Classifier(steps=5, hidden=8, causal=True).fit(tmp_path / "s").save(tmp_path / "m.elman")
    raw = (32767 * tone).astype("<i2").tobytes() + b"\0"
    _, answers, _ = streamed(monkeypatch, capsys, [tmp_path / "m.elman"], raw)
    assert len(answers) == 5  # four tenths of a second, and what was held back
    assert answers[-1]["steps"] == round(3000 / 80 / 2)


def test_what_is_no_text_ends_it_with_a_sentence(moods, monkeypatch, capsys):
    code, answers, told = streamed(monkeypatch, capsys, [moods], b"[good\n\xff\n")
    assert code == 2 and len(answers) == 1
    assert "line 2 is not UTF-8" in told


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    days = np.datetime64("2020-01-01") + np.arange(120)
    frame = pl.DataFrame({"day": days, "y": np.sin(np.arange(120))})
    model = elman.Forecaster(target="y", steps=3, hidden=4, lookback=8).fit(frame)
    return model.save(tmp_path_factory.mktemp("streamed") / "waves.elman")


@pytest.mark.parametrize("raw", [b"day;y\n2020-04-30;0.5\n", b"y\tday\n0.5\t2020-04-30\n"])
def test_rows_are_parted_as_the_head_is(waves, monkeypatch, capsys, raw):
    _, (answer,), _ = streamed(monkeypatch, capsys, [waves], raw)
    assert answer["time"] == ["2020-05-01T00:00:00"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"2020-04-30,0.5\n", "line 1 is no head, for it does not name y: begin with the head"),
        (b'{"day": "2020-04-30", "y"\n', "line 1 begins as JSON does, but is none"),
        (b"day,y\n2020-04-30\n", "line 2 has 1 cells, but the head 2"),
        (b"day,y\n2020-04-30,1e40\n", "column 'y' holds 1e+40 at 2020-04-30"),
        (b'"' + b"x" * 200_000 + b"\n", "line 1 is no row of a table"),
    ],
)
def test_rows_that_are_none_are_refused(waves, monkeypatch, capsys, raw, said):
    code, answers, told = streamed(monkeypatch, capsys, [waves], raw)
    assert (code, answers) == (2, [])
    assert said in " ".join(told.split())


def test_items_are_parted_by_commas(tmp_path, monkeypatch, capsys):
    rows = [(who, f"i{(who + k) % 5}", 10 * who + k) for who in range(30) for k in range(4)]
    frame = pl.DataFrame(rows, schema=["who", "what", "when"], orient="row")
    model = elman.Recommender(session="who", item="what", time="when", steps=3, hidden=8, batch_size=8).fit(frame)
    model.save(tmp_path / "m.elman")
    _, (both, one), _ = streamed(monkeypatch, capsys, [tmp_path / "m.elman"], b"i1, i2\nunheard\n")
    assert "unknown" not in both and one["unknown"] == ["unheard"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_well(moods, tmp_path, number):
    command = [sys.executable, "-m", "elman", "stream", str(moods), "--state", str(tmp_path / "state")]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1) as own:
        own.stdin.write(b"good\n")
        own.stdin.flush()
        assert json.loads(own.stdout.readline())["steps"] == 1
        own.send_signal(number)
        assert own.wait(60) == 0
        told = own.stderr.read().decode()
    assert "Saved what was read" in told and "nothing was written" not in told
    assert elman.stream(moods, tmp_path / "state").step("film")["steps"] == 2


def test_a_model_of_both_ends_is_refused(tmp_path, monkeypatch, capsys):
    texts = ["good", "bad"] * 20
    elman.Classifier(steps=2, hidden=4).fit(texts, texts).save(tmp_path / "m.elman")
    code, _, told = streamed(monkeypatch, capsys, [tmp_path / "m.elman"], b"good\n")
    assert code == 2
    assert "fit with --causal" in told
