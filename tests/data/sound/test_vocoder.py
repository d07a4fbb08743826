"""Sound to frames and back."""

import math

import pytest
import torch

from elman.data.sound.features import mel_filters, spectrogram
from elman.data.sound.vocoder import Vocoder, griffin_lim, unfiltered

RATE = 8000


def chirp(seconds=0.6):
    t = torch.arange(round(seconds * RATE)) / RATE
    return 0.4 * torch.sin(2 * math.pi * (300 * t + 1500 * t * t))


def test_a_chirp_keeps_its_spectrogram():
    wanted = spectrogram(chirp(), 512, 100, 400)
    found = spectrogram(griffin_lim(wanted, 512, 100, 400), 512, 100, 400)
    few = spectrogram(griffin_lim(wanted, 512, 100, 400, iterations=2), 512, 100, 400)
    assert (found - wanted).norm() < 0.06 * wanted.norm() < (few - wanted).norm()


def test_magnitudes_fit_the_bands_and_are_never_negative():
    filters = mel_filters(RATE, 512, 40)
    heard = spectrogram(chirp(), 512, 100, 400) @ filters.T
    found = unfiltered(heard, filters)
    assert found.min() >= 0
    assert (found @ filters.T - heard).norm() < 0.02 * heard.norm()


def test_a_wave_to_frames_and_back_sounds_alike():
    wave = chirp()
    vocoder = Vocoder.fit([wave, 0.5 * wave.flip(0)], RATE)
    frames = vocoder.encode([wave]).values
    again = vocoder.decode(frames)
    assert frames.shape == (49, 40) and len(again) == 48 * 100
    assert vocoder.seconds(49) == pytest.approx(0.6)
    apart = vocoder.encode([again]).values - frames
    assert apart.abs().mean() < 0.15
    assert torch.equal(again, vocoder.decode(frames))


def test_frames_are_scaled_band_by_band_and_silence_has_a_frame():
    wave = torch.cat([chirp(), torch.zeros(2000)])
    vocoder = Vocoder.fit([wave], RATE, bands=20)
    values = vocoder.encode([wave]).values
    torch.testing.assert_close(values.mean(0), torch.zeros(20), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.std(0, correction=0), torch.ones(20), atol=1e-3, rtol=0)
    torch.testing.assert_close(values[-5], vocoder.silence, atol=1e-4, rtol=0)
    assert vocoder.decode(vocoder.silence.expand(10, -1)).abs().max() == 0
    assert len(vocoder.decode(vocoder.silence[None])) == 0


def test_a_vocoder_is_saved_as_json():
    vocoder = Vocoder.fit([chirp()], RATE, bands=20)
    again = Vocoder.from_json(vocoder.to_json())
    frames = vocoder.encode([chirp()]).values
    assert torch.equal(again.encode([chirp()]).values, frames)
    assert torch.equal(again.decode(frames), vocoder.decode(frames))
