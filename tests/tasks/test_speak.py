"""The speaker: recordings in, a voice out, saved and read again."""

import itertools

import numpy as np
import pytest
import torch

from elman.errors import InputError
from elman.tasks.load import load
from elman.tasks.speak import Speaker

soundfile = pytest.importorskip("soundfile")

RATE = 8000
TONES = {"a": 400.0, "b": 900.0, "c": 1700.0}


def voice(text):
    """A tone for each letter."""
    t = np.arange(round(0.1 * RATE)) / RATE
    return np.concatenate([0.4 * np.sin(2 * np.pi * TONES[letter] * t) for letter in text])


def record(folder, texts):
    """A manifest of these texts, spoken."""
    lines = ["file\ttext\n"]
    for at, text in enumerate(texts):
        soundfile.write(folder / f"{at}.wav", voice(text), RATE)
        lines.append(f"{at}.wav\t{text.upper() if at % 7 == 0 else text}\n")
    (folder / "voice.tsv").write_text("".join(lines))
    return folder / "voice.tsv"


TEXTS = ["".join(letters) for n in (3, 4) for letters in itertools.product("abc", repeat=n)]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return record(tmp_path_factory.mktemp("voice"), TEXTS[::2])


def quick(**settings):
    sizes = {"bands": 16, "frames_a_step": 4, "hidden": 32, "embedding": 8, "steps": 120, "batch_size": 16}
    rest = {"learning_rate": 1e-2, "dropout": 0.0, "test_share": 0.2, "valid_share": 0.1}
    return Speaker(**{"text": "text", "sound": "file", **sizes, **rest, **settings})


@pytest.fixture(scope="module")
def fitted(manifest):
    return quick().fit(manifest)


def test_what_was_learnt_is_spoken(fitted):
    found = fitted.evaluation_
    assert found.good is True and found.metrics["mcd"] < 0.6 * found.baselines["mean_frame"]["mcd"]
    assert found.metrics["stopped"] == 1 and found.metrics["focused"] >= 0.9
    assert 0.8 < found.metrics["length_ratio"] < 1.2
    assert not any("WARNING" in note for note in fitted.notes_)
    (speech,) = fitted.predict("abcb")
    assert (speech.rate, speech.unknown, speech.stopped) == (RATE, (), True)
    assert speech.wave.dtype == np.float32 and np.abs(speech.wave).max() <= 1
    assert speech.seconds == pytest.approx(0.4, abs=0.11)
    heard = np.abs(np.fft.rfft(speech.wave[: round(0.08 * RATE)]))
    assert abs(heard.argmax() * RATE / (0.08 * RATE) - TONES["a"]) < 150


def test_a_saved_model_says_the_same(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    assert isinstance(again, Speaker)
    for one, other in zip(again.predict(["abc", "cab"]), fitted.predict(["abc", "cab"]), strict=True):
        assert np.array_equal(one.wave, other.wave) and one.focus == other.focus
    html = (tmp_path / "m.elman" / "report.html").read_text()
    assert "<audio" in html and ">Alignment<" in html


def test_new_recordings_are_judged(fitted, tmp_path):
    found = fitted.evaluate(record(tmp_path, TEXTS[1:9:2]))
    assert found.rows == 4 and set(found.metrics) == set(fitted.evaluation_.metrics)


def test_texts_come_from_a_list_a_table_and_a_text_file(fitted, tmp_path):
    wanted = [one.wave for one in fitted.predict(["abc", "  ABC \n"])]
    assert np.array_equal(*wanted)
    (tmp_path / "a.txt").write_text("abc\n\nABC\n")
    (tmp_path / "a.csv").write_text("text,other\nabc,1\nABC,2\n")
    for source in (tmp_path / "a.txt", tmp_path / "a.csv", {"text": ["abc", "ABC"]}):
        assert [np.array_equal(one.wave, wanted[0]) for one in fitted.predict(source)] == [True, True]


def test_characters_never_seen_are_left_out_and_said(fitted, tmp_path):
    (odd,), (plain,) = fitted.predict("a?bßc"), fitted.predict("abc")
    assert odd.unknown == ("?", "ß") and np.array_equal(odd.wave, plain.wave)
    path = record(tmp_path, ["abc", "cba"])
    path.write_text(path.read_text().replace("cba", "c!ba"))
    assert "characters that training never saw are left out: !" in " ".join(fitted.evaluate(path).notes)


def test_a_voice_that_does_not_stop_is_cut_off(fitted, tmp_path):
    endless = load(fitted.save(tmp_path / "m.elman"))
    with torch.no_grad():
        endless.network_.out.bias[-1] = -99
    (speech,) = endless.predict("abc")
    steps = int(np.ceil(3 * 5 / endless.pace_)) + 20
    assert not speech.stopped and len(speech.wave) == (4 * steps - 1) * 100


@pytest.mark.parametrize(
    "settings", [{"attention": "location", "cell": "gru"}, {"postnet": 8, "layers": 2, "guided_attention": 0.0}]
)
def test_options_learn(manifest, settings):
    model = quick(steps=20, test_share=0.0, **settings).fit(manifest)
    assert model.training_.history[-1]["loss"] < model.training_.history[0]["loss"]
    assert model.evaluation_ is None and len(model.predict(["ab"])[0].wave) > 0


def test_attention_without_focus_raises_an_alarm(manifest):
    blurred = quick(steps=8, attention="location", guided_attention=0.0, learning_rate=1e-4).fit(manifest)
    assert any("WARNING: attention does not focus" in note for note in blurred.notes_)


def test_attention_that_stays_behind_raises_an_alarm(fitted, manifest, tmp_path):
    slow = load(fitted.save(tmp_path / "m.elman"))
    torch.nn.init.constant_(slow.network_.attention.outer.bias[1:2], -9.0)
    prepared = slow.prepare(manifest, None, None, slow.config_)
    with torch.no_grad():
        assert "attention reaches only" in slow.alarm(slow.network_, prepared.train)
        assert fitted.alarm(fitted.network_, prepared.train) is None


def test_bad_input_is_one_sentence(fitted, tmp_path):
    path = record(tmp_path, ["abc", "cba", "bac"])
    with pytest.raises(InputError, match="--frames-a-step must be at least 1"):
        quick(frames_a_step=0).fit(path)
    with pytest.raises(InputError, match="nothing to speak"):
        fitted.predict(None)
    for text, said in (("", "no text has a letter"), ("  ", "no text has a letter"), ("???", "has nothing to speak")):
        with pytest.raises(InputError, match=said):
            fitted.predict([text])
    with pytest.raises(InputError, match="which is no text"):
        fitted.predict(["abc", None])
    with pytest.raises(InputError, match="has 2,001 characters, but 2,000 are spoken at a time"):
        fitted.predict(["a" * 2001])
    assert fitted.predict([]) == []
    soundfile.write(tmp_path / "0.wav", np.tile(voice("a"), 610), RATE)
    with pytest.raises(InputError, match=r"0\.wav lasts 61 s, but 60 s are learnt from at most"):
        fitted.evaluate(path)
    path.write_text(path.read_text().replace("1.wav", "x.wav").replace("2.wav", "y.wav"))
    with pytest.raises(InputError, match=r"2 of 3 files are absent: .*x\.wav, .*y\.wav"):
        quick().fit(path)
    path.write_text("file\ttext\n0.wav\t???\n")
    with pytest.raises(InputError, match="has no character that is among the training texts"):
        fitted.evaluate(path)
