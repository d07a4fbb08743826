"""Sounds that a test can name: tones at a rate, in a folder of its own."""

import numpy as np
import pytest
import soundfile


def tone(hertz=440.0, seconds=0.5, rate=8000, loud=0.5):
    return (loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def tones(tmp_path):
    """Write a tone; returns its path."""

    def write(name, hertz=440.0, seconds=0.5, rate=8000, loud=0.5, channels=1, **how):
        wave = np.repeat(tone(hertz, seconds, rate, loud)[:, None], channels, axis=1)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, wave, rate, **how)
        return tmp_path / name

    return write
