"""What is said of a speaker."""

import base64
import io
import wave

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.report import Report, Sound
from elman.evaluate.speech import report

RNG = np.random.default_rng(0)


def trial(noise=0.1, weight=0.9, stopped=True, longer=0):
    truth = RNG.normal(size=(20, 16))
    frames = np.concatenate([truth + noise * RNG.normal(size=truth.shape), truth[:longer]])
    weights = np.full((5, 4), (1 - weight) / 3)
    weights[range(5), [0, 1, 2, 3, 3]] = weight
    return report.Trial("a <b> & c", frames, truth, weights, list("abcd"), 0.3, stopped, noise)


def test_a_speaker_is_judged_beside_the_mean_frame():
    trials = [trial() for _ in range(7)] + [trial(weight=0.6, stopped=False, longer=20)]
    found = report.judge(trials, np.zeros(16), notes=("a note",))
    assert found.task == "speak" and found.rows == 8 and found.good is True
    assert "Better than the mean frame: mcd" in found.verdict
    assert found.metrics["focus"] == pytest.approx((7 * 0.9 + 0.6) / 8)
    assert found.metrics["focused"] == found.metrics["stopped"] == 7 / 8
    assert found.metrics["length_ratio"] == pytest.approx((7 + 2) / 8)
    assert found.metrics["mel_l1"] == pytest.approx(0.1)
    flat = np.mean([np.abs(one.truth).mean() for one in trials])
    assert found.baselines["mean_frame"]["mel_l1"] == pytest.approx(flat)
    bad = report.judge([trial(noise=30.0) for _ in range(8)], np.zeros(16))
    assert bad.good is False and "use the mean frame instead" in bad.verdict
    with pytest.raises(InputError, match="nothing to judge"):
        report.judge([], np.zeros(16))


def test_the_pages_hold_sounds_and_alignments():
    trials = [trial() for _ in range(3)]
    found = report.judge(trials, np.zeros(16))
    made = np.sin(np.arange(800) / 5)
    pages = report.sections(found, trials, [(made, made / 2)] * 2, 8000)
    assert [page.title for page in pages] == ["Score", "To hear", "Alignment", "Texts"]
    html = Report(title="x", sections=pages).render()
    assert html.count("<audio") == 4 and html.count("data:audio/wav;base64,") == 4
    assert "media-src data:" in html and "a &lt;b&gt; &amp; c" in html


def test_a_sound_in_a_page_is_a_wav_file():
    made = np.array([0.0, 0.5, -0.5, 2.0, -2.0])
    raw = base64.b64decode(Sound(made, 8000).uri.partition(",")[2])
    with wave.open(io.BytesIO(raw)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        samples = np.frombuffer(file.readframes(9), "<i2")
    assert samples.tolist() == [0, 16384, -16384, 32767, -32767]
