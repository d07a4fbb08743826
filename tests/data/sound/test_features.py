"""Features against their definitions, by hand: the mel scale, its triangles, the spectrum, cepstra and slopes."""

import math

import pytest
import torch

from elman.data.sound.features import (
    FLOOR,
    SoundEncoder,
    cosines,
    deltas,
    mel_edges,
    mel_filters,
    spectrogram,
    to_hertz,
    to_mel,
)
from elman.errors import InputError


def waves(count=4, seconds=0.4, rate=8000):
    draw = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(round(seconds * rate) + 100 * at, generator=draw) for at in range(count)]


def test_the_mel_scale():
    # 2595 log10(1 + f / 700); 1000 Hz is 1000 mel, nearly.
    hertz = torch.tensor([0.0, 60.0, 110.0, 440.0, 1000.0], dtype=torch.float64)
    mel = to_mel(hertz)
    torch.testing.assert_close(
        mel, torch.tensor([0, 92.6819, 164.4901, 549.6387, 999.9855]).double(), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(to_hertz(mel), hertz)


def test_filters_are_triangles_between_edges_even_in_mel():
    filters, edges = mel_filters(8000, 512, 10, 0, 4000), mel_edges(10, 0, 4000)
    assert filters.shape == (10, 257)
    assert torch.allclose(to_mel(edges).diff(), torch.full((11,), 2146.0645 / 11).double(), atol=1e-3)
    f = torch.arange(257) * 15.625
    for band in (0, 4, 9):
        low, peak, high = edges[band : band + 3].tolist()
        for k in (0, 20, 100, 200, 256):
            hand = max(0.0, min((f[k] - low) / (peak - low), (high - f[k]) / (high - peak)))
            assert float(filters[band, k]) == pytest.approx(float(hand), abs=1e-6)
        assert float(filters[band].max()) > 0.85
        assert (filters[band][(f <= low) | (f >= high)] == 0).all()
    # Neighbouring triangles add up to 1 between the first and the last peak.
    inner = (f >= edges[1]) & (f <= edges[-2])
    torch.testing.assert_close(filters.sum(0)[inner], torch.ones(int(inner.sum())))


def test_too_many_bands_are_refused():
    with pytest.raises(ValueError, match="holds no frequency"):
        mel_filters(8000, 64, 40, 0, 4000)
    with pytest.raises(InputError, match="--bands is 400, too many at 8,000 Hz"):
        SoundEncoder.fit(waves(), 8000, bands=400)


def test_the_spectrum_is_that_of_its_equation():
    wave = torch.randn(300, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = spectrogram(wave, 64, 20, 40)
    assert found.shape == (300 // 20 + 1, 33)
    padded = torch.cat([torch.zeros(32), wave, torch.zeros(64)])
    n = torch.arange(64, dtype=torch.float64)
    inside = (n >= 12) & (n < 52)
    w = torch.where(inside, 0.5 - 0.5 * torch.cos(2 * torch.pi * (n - 12) / 40), 0.0)
    for t in (0, 3, 15):
        for k in (0, 5, 32):
            x = padded[20 * t : 20 * t + 64] * w
            hand = torch.complex(
                (x * torch.cos(2 * torch.pi * k * n / 64)).sum(), -(x * torch.sin(2 * torch.pi * k * n / 64)).sum()
            )
            assert float(found[t, k]) == pytest.approx(float(hand.abs()), abs=1e-9)


def test_cosines_are_orthonormal_and_know_no_constant():
    c = cosines(20, 12)
    torch.testing.assert_close(c.T @ c, torch.eye(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(c.sum(0), torch.zeros(12), atol=1e-5, rtol=0)
    assert float(c[3, 1]) == pytest.approx(math.sqrt(0.1) * math.cos(2 * math.pi * 3.5 / 20))


def test_deltas_are_slopes():
    line = torch.arange(10.0)[:, None] * torch.tensor([1.0, -3.0])
    torch.testing.assert_close(deltas(line)[2:-2], torch.tensor([1.0, -3.0]).expand(6, 2))
    x = torch.tensor([[1.0], [2.0], [4.0]])
    # ((2 - 1) + 2 (4 - 1)) / 10, ((4 - 1) + 2 (4 - 1)) / 10, ((4 - 2) + 2 (4 - 1)) / 10
    torch.testing.assert_close(deltas(x), torch.tensor([[0.7], [0.9], [0.8]]))


def test_a_tone_is_in_its_band():
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(4000) / 8000)
    frames = SoundEncoder(8000).frames(tone)
    assert frames.shape == (4000 // 80 + 1, 40)
    band = int((mel_edges(40, 20, 4000)[1:-1] - 1000).abs().argmin())
    assert (frames[5:-5].argmax(1) == band).all()
    silent = SoundEncoder(8000).frames(torch.zeros(800))
    torch.testing.assert_close(silent, torch.full_like(silent, math.log(FLOOR)))


def test_cepstra_begin_with_the_mean_and_go_on_with_the_cosines():
    wave = waves(1)[0]
    mel, mfcc = SoundEncoder(8000).frames(wave), SoundEncoder(8000, kind="mfcc").frames(wave)
    assert mfcc.shape == (len(mel), 13)
    torch.testing.assert_close(mfcc[:, 0], mel.mean(1))
    b = torch.arange(40) + 0.5
    hand = (mel * torch.cos(torch.pi * 5 * b / 40)).sum(1) * math.sqrt(2 / 40)
    torch.testing.assert_close(mfcc[:, 5], hand, atol=1e-3, rtol=1e-4)


def test_deltas_and_their_deltas_stand_beside():
    wave = waves(1)[0]
    plain, wide = (
        SoundEncoder(8000, kind="mfcc").frames(wave),
        SoundEncoder(8000, kind="mfcc", deltas=True).frames(wave),
    )
    torch.testing.assert_close(wide, torch.cat([plain, deltas(plain), deltas(deltas(plain))], 1))


@pytest.mark.parametrize(
    "settings", [{}, {"kind": "mfcc", "deltas": True}, {"centre": True}, {"stack": 3, "bands": 20}]
)
def test_encoded_rows_are_scaled_and_read_back(settings):
    sounds = waves()
    encoder = SoundEncoder.fit(sounds, 8000, **settings)
    rows = encoder.encode(sounds)
    assert rows.values.shape[1] == encoder.features
    frames = [len(sound) // 80 + 1 for sound in sounds]
    assert rows.lengths.tolist() == [-(-count // encoder.stack) for count in frames]
    if encoder.stack == 1:
        torch.testing.assert_close(rows.values.mean(0), torch.zeros(encoder.features), atol=1e-3, rtol=0)
        torch.testing.assert_close(rows.values.std(0), torch.ones(encoder.features), atol=2e-2, rtol=0)
    again = SoundEncoder.from_json(encoder.to_json())
    torch.testing.assert_close(again.encode(sounds).values, rows.values)


def test_centred_rows_forget_how_loud_they_were():
    sounds = waves()
    encoder = SoundEncoder.fit(sounds, 8000, centre=True)
    torch.testing.assert_close(
        encoder.encode([0.5 * sounds[0]]).values, encoder.encode(sounds[:1]).values, atol=5e-3, rtol=0
    )
    plain = SoundEncoder.fit(sounds, 8000)
    assert float((plain.encode([0.5 * sounds[0]]).values - plain.encode(sounds[:1]).values).mean()) < -0.5


def test_stacked_frames_lie_side_by_side_and_the_last_is_repeated():
    sounds = waves(1)
    frames = (len(sounds[0]) // 80 + 1) | 1
    encoder = SoundEncoder.fit(sounds, 8000)
    rows = encoder.encode(sounds).values
    stacked = SoundEncoder.from_json({**encoder.to_json(), "stack": 2}).encode(sounds).values
    assert len(rows) == frames
    torch.testing.assert_close(stacked[:-1].reshape(-1, 40), rows[:-1])
    torch.testing.assert_close(stacked[-1], torch.cat([rows[-1], rows[-1]]))


def test_a_sound_shorter_than_a_window_has_a_frame():
    encoder = SoundEncoder.fit(waves(), 8000)
    assert encoder.encode([torch.full((1,), 0.5), torch.zeros(79)]).lengths.tolist() == [1, 1]


@pytest.mark.parametrize(("kind", "own"), [("mel", 13), ("mfcc", 13)])
def test_every_number_of_a_step_has_the_name_of_its_band_or_cepstrum(kind, own):
    encoder = SoundEncoder.fit(waves(), 8000, kind=kind, bands=13, deltas=True, stack=2)
    assert len(encoder.names) == encoder.features == own * 6
    assert encoder.names[:own] == encoder.names[own : 2 * own] and len(set(encoder.names)) == own
    assert encoder.names[0].endswith(" Hz" if kind == "mel" else "loudness")
