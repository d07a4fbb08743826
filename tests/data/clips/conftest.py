"""Tiny clips: frames of one level of grey each."""

import av
import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def film(tmp_path, monkeypatch):
    """Write a clip whose frames have these levels; decoded ones are kept in a folder beside it."""
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path / "cache"))

    def write(name, levels=range(0, 240, 24), size=(32, 32), noise=0):
        path = tmp_path / name
        random = np.random.default_rng(0)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = size[1], size[0], "yuv420p"
            for level in levels:
                pixels = np.full((*size, 3), level, np.uint8) + random.integers(0, noise + 1, (*size, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture
def shots(tmp_path):
    """Write a folder of frames of these levels, numbered without leading zeros."""

    def write(name, levels, size=(32, 32)):
        (tmp_path / name).mkdir()
        for at, level in enumerate(levels, 1):
            Image.fromarray(np.full(size, level, np.uint8)).save(tmp_path / name / f"{at}.png")
        return tmp_path / name

    return write
