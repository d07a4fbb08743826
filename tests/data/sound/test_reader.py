"""Every kind of sound file to one mono wave at one rate, and each bad one in a sentence."""

import struct
import sys

import numpy as np
import pytest
import soundfile
import torch

from elman.data.sound import reader
from elman.data.sound.reader import rate_of, read_sound, write_sound
from elman.errors import InputError, MissingDependency


def loudest(wave, rate):
    """The frequency, in Hz, where a wave has the most."""
    return float(torch.fft.rfft(wave).abs().argmax()) * rate / len(wave)


@pytest.mark.parametrize("suffix", reader.SOUNDS)
def test_every_format_gives_the_same_tone(tones, suffix):
    wave = read_sound(tones(f"a{suffix}", rate=16_000), 16_000)
    assert wave.dtype == torch.float32
    assert wave.shape == (8000,)
    assert loudest(wave, 16_000) == pytest.approx(440, abs=2)
    assert float(wave[2000:6000].abs().max()) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_any_rate_gives_the_tone_at_the_rate_asked_for(tones, rate):
    wave = read_sound(tones("a.wav", rate=rate), 16_000)
    assert len(wave) == pytest.approx(8000, abs=2)
    assert loudest(wave, 16_000) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("kind", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_any_width_of_a_sample(tones, kind):
    wave = read_sound(tones("a.wav", subtype=kind), 8000)
    expected = 0.5 * torch.sin(2 * torch.pi * 440 * torch.arange(4000) / 8000)
    torch.testing.assert_close(wave, expected, atol=0.02, rtol=0)


def test_channels_are_averaged(tmp_path):
    left, right = np.linspace(0, 0.5, 100, dtype=np.float32), np.zeros(100, np.float32)
    soundfile.write(tmp_path / "a.wav", np.column_stack([left, right]), 8000, subtype="FLOAT")
    torch.testing.assert_close(read_sound(tmp_path / "a.wav", 8000), torch.from_numpy(left) / 2)


def test_what_is_too_loud_is_brought_down(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([1.0, -4.0, 2.0]), 8000, subtype="FLOAT")
    torch.testing.assert_close(read_sound(tmp_path / "a.wav", 8000), torch.tensor([0.25, -1.0, 0.5]))


def claiming(path, size):
    """The file with another length in its header."""
    raw = path.read_bytes()
    at = raw.index(b"data") + 4
    path.write_bytes(raw[:at] + struct.pack("<I", size) + raw[at + 4 :])
    return path


@pytest.mark.parametrize("size", [10**8, 2**32 - 1])
def test_of_a_header_that_claims_too_much_what_is_there_is_read(tones, size):
    assert len(read_sound(claiming(tones("a.wav"), size), 8000)) == 4000


def test_a_cut_file_gives_what_is_left(tones):
    path = tones("a.wav")
    path.write_bytes(path.read_bytes()[: 44 + 2001])
    assert len(read_sound(path, 8000)) == 1000


def test_bad_files_are_refused_in_a_sentence(tones, tmp_path):
    with pytest.raises(InputError, match=r"holds no samples, though the file has 8,044 bytes"):
        read_sound(claiming(tones("a.wav"), 0), 8000)
    with pytest.raises(InputError, match=r"b.wav holds no samples: record it again"):
        read_sound(tones("b.wav", seconds=0), 8000)
    (tmp_path / "c.wav").write_bytes(b"")
    with pytest.raises(InputError, match=r"c.wav is empty"):
        read_sound(tmp_path / "c.wav", 8000)
    (tmp_path / "d.wav").write_bytes(b"no sound at all" * 100)
    with pytest.raises(
        InputError, match=r"d.wav cannot be read as sound \(Format not recognised\): its content must be "
    ):
        read_sound(tmp_path / "d.wav", 8000)
    flac = tones("e.flac")
    flac.write_bytes(flac.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"e.flac cannot be read as sound \(flac decoder lost sync\)"):
        read_sound(flac, 8000)
    with pytest.raises(InputError, match=r"no such file: .*f.wav; did you mean e.flac|no such file"):
        read_sound(tmp_path / "f.wav", 8000)
    with pytest.raises(InputError, match="is a folder"):
        read_sound(tmp_path, 8000)
    soundfile.write(tmp_path / "g.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    with pytest.raises(InputError, match=r"g.wav holds NaN or infinity at sample 1"):
        read_sound(tmp_path / "g.wav", 8000)
    with pytest.raises(InputError, match=r"h.wav claims 10 samples a second, but 1,000 to 768,000"):
        read_sound(tones("h.wav", rate=10), 8000)


def test_too_long_a_sound_is_refused_before_it_fills_the_memory(tones, monkeypatch):
    monkeypatch.setattr(reader, "MOST", 5000)
    assert len(read_sound(tones("a.wav"), 8000)) == 4000
    with pytest.raises(InputError, match="cut it in pieces"):
        read_sound(tones("a.wav"), 16_000)


def test_the_commonest_rate_up_to_16000(tones):
    files = [tones("a.wav", rate=8000), tones("b.wav", rate=11_025), tones("c.wav", rate=8000)]
    assert rate_of(files) == 8000
    assert rate_of([tones("d.wav", rate=48_000)]) == 16_000
    assert rate_of([tones("e.wav", seconds=0, rate=44_100), files[1]]) == 11_025
    with pytest.raises(InputError, match="no sound to take a sample rate from"):
        rate_of([])


def test_what_is_written_is_read_again(tmp_path):
    wave = torch.sin(torch.arange(800) / 7) * 1.5
    for suffix in (".wav", ".flac"):
        write_sound(tmp_path / f"a{suffix}", wave, 8000)
        torch.testing.assert_close(read_sound(tmp_path / f"a{suffix}", 8000), wave.clamp(-1, 1), atol=1e-4, rtol=0)
        assert soundfile.info(tmp_path / f"a{suffix}").subtype == "PCM_16"
    assert {path.name for path in tmp_path.iterdir()} == {"a.wav", "a.flac"}


def test_a_failed_write_leaves_the_old_file(tones, tmp_path, monkeypatch):
    old = tones("a.wav").read_bytes()

    def fails(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(soundfile, "write", fails)
    with pytest.raises(OSError, match="disk full"):
        write_sound(tmp_path / "a.wav", torch.zeros(8), 8000)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.wav", old)]
    with pytest.raises(InputError, match=r"ends in '.txt'"):
        write_sound(tmp_path / "a.txt", torch.zeros(8), 8000)
    with pytest.raises(InputError, match="cannot write"):
        write_sound(tmp_path / "none" / "a.wav", torch.zeros(8), 8000)


def test_a_missing_library_is_named_with_its_remedy(tones, monkeypatch):
    path = tones("a.wav")
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(MissingDependency, match=r"pip install 'elman\[sound\]'"):
        read_sound(path, 16_000)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingDependency, match=r"pip install 'elman\[sound\]'"):
        read_sound(path, 8000)


def test_a_sound_shorter_than_a_sample_of_the_wanted_rate_is_refused(tmp_path):
    soundfile.write(tmp_path / "click.wav", np.full(2, 0.5), 768_000)
    with pytest.raises(InputError, match="holds 2 samples at 768,000 a second, which are none at 8,000"):
        read_sound(tmp_path / "click.wav", 8000)
