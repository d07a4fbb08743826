"""Many sounds: one rate, silence cut off, nothing dropped unsaid."""

import numpy as np
import pytest
import soundfile
import torch

from elman.data.sound import recordings
from elman.data.sound.recordings import read_recordings
from elman.data.sound.trim import trimmed
from elman.errors import InputError


def test_rates_and_channels_become_one_and_are_said(tones):
    files = [
        tones("a.wav", rate=8000),
        tones("b.wav", rate=8000, channels=2),
        tones("c.flac", rate=48_000, subtype="PCM_24"),
    ]
    found = read_recordings(files)
    assert (found.rate, len(found)) == (8000, 3)
    assert found.names == [str(file) for file in files]
    assert found.notes == (
        "the sounds have 8,000 Hz (2), 48,000 Hz (1) and are read at 8,000 Hz",
        "1 of 3 sounds have several channels, which are mixed down to one",
    )
    assert found.seconds == pytest.approx(1.5)
    for wave in found.waves[1:]:
        torch.testing.assert_close(wave[100:3900], found.waves[0][100:3900], atol=2e-3, rtol=0)
    assert read_recordings(files[:1]).notes == ()
    assert [len(wave) for wave in read_recordings(files[:1], rate=16_000).waves] == [8000]


def test_every_absent_file_is_named(tones, tmp_path):
    files = [tmp_path / "x.wav", tones("a.wav"), tmp_path / "y.wav"]
    with pytest.raises(InputError, match=r"^2 of 3 files are absent: .*x\.wav, .*y\.wav; correct"):
        read_recordings(files)
    with pytest.raises(InputError, match=r"^there is no file .*x\.wav"):
        read_recordings(files[:1])
    with pytest.raises(InputError, match=r"^1 of 1 files are absent: .*, or name another column"):
        read_recordings([files[0], files[0]])


def test_all_that_is_no_sound_is_named_and_a_header_that_lies_is_said(tones, tmp_path):
    texts = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for text in texts:
        text.write_text("this is no sound")
    with pytest.raises(InputError, match=r"a\.wav cannot be read as sound .*; nor can .*b\.wav"):
        read_recordings([tones("c.wav"), *texts])
    whole = tones("d.wav").read_bytes()
    (tmp_path / "e.wav").write_bytes(whole[: len(whole) // 2])
    notes = read_recordings([tones("c.wav"), tmp_path / "e.wav"]).notes
    assert len(notes) == 1 and "1 of 2 sounds hold less than they claim, which is read: " in notes[0]
    with pytest.raises(InputError, match="no files to read"):
        read_recordings([])


def test_empty_and_silent_ones_are_left_out_and_named(tones, tmp_path):
    (tmp_path / "nothing.wav").write_bytes(b"")
    files = [
        tones("none.wav", seconds=0),
        tones("a.wav"),
        tmp_path / "nothing.wav",
        tones("still.wav", loud=0),
        tones("b.wav"),
    ]
    found = read_recordings(files)
    assert found.kept.tolist() == [1, 4]
    assert found.notes == (
        f"2 of 5 sounds hold no samples and are left out: {files[0]}, {files[2]}",
        f"1 of 5 sounds are silent and are left out: {files[3]}",
    )
    taken = found.take(torch.tensor([1]))
    assert (taken.names, taken.kept.tolist(), len(taken)) == ([str(files[4])], [4], 1)


def test_nothing_left_is_an_error(tones):
    with pytest.raises(InputError, match=r"^a.wav holds no samples: give"):
        read_recordings([tones("a.wav", seconds=0)])
    with pytest.raises(InputError, match=r"^b.wav is silent: give"):
        read_recordings([tones("b.wav", loud=0)])
    with pytest.raises(InputError, match=r"^all 2 files hold no samples"):
        read_recordings([tones("a.wav", seconds=0), tones("c.wav", seconds=0)])


def test_all_together_are_bounded(tones, monkeypatch):
    monkeypatch.setattr(recordings, "ALL", 7000)
    assert len(read_recordings([tones("a.wav")])) == 1
    with pytest.raises(InputError, match="more than 7,000 samples together"):
        read_recordings([tones("a.wav"), tones("b.wav")])


def test_silence_at_both_ends_is_cut_with_a_margin(tmp_path):
    wave = np.concatenate([np.zeros(4000), np.sin(np.arange(2000)), np.zeros(6000)]).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", 0.5 * wave, 8000, subtype="FLOAT")
    found = read_recordings([tmp_path / "a.wav"]).waves[0]
    # 2000 samples, a margin of 400 on each side, and less than a frame of 200 beyond.
    assert 2800 <= len(found) <= 2800 + 2 * 200
    assert len(read_recordings([tmp_path / "a.wav"], trim=False).waves[0]) == 12_000
    quiet = torch.cat([torch.full((4000,), 0.004), torch.ones(2000), torch.full((4000,), 0.02)])
    assert len(trimmed(quiet, 8000, drop=40, margin=0)) == pytest.approx(6000, abs=200)  # 48 dB below, and 34
    assert len(trimmed(torch.zeros(5000), 8000)) == 5000
    assert len(trimmed(torch.ones(10), 8000)) == 10
