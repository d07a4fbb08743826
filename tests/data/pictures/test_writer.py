"""A picture is written at once or not at all."""

import stat
import sys

import numpy as np
import pytest
from PIL import Image

from elman.data.pictures.reader import read_picture
from elman.data.pictures.writer import WRITTEN, write_picture
from elman.errors import MissingDependency

PIXELS = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", WRITTEN)
def test_what_is_written_is_read_again(tmp_path, suffix, channels):
    write_picture(tmp_path / f"a{suffix}", PIXELS[..., :channels])
    found = read_picture(tmp_path / f"a{suffix}", (5, 7), channels == 3)
    np.testing.assert_allclose(found, PIXELS[..., :channels], atol=8 if suffix == ".webp" else 0)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]
    assert stat.S_IMODE((tmp_path / f"a{suffix}").stat().st_mode) & 0o444 == 0o444


def test_pixels_need_not_lie_together(tmp_path):
    write_picture(tmp_path / "a.png", PIXELS[:, ::-1])
    assert (read_picture(tmp_path / "a.png", (5, 7), True) == PIXELS[:, ::-1]).all()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_picture(tmp_path / "a.png", PIXELS)
    old = (tmp_path / "a.png").read_bytes()

    def fails(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fails)
    with pytest.raises(OSError, match="disk full"):
        write_picture(tmp_path / "a.png", PIXELS * 0)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", old)]


def test_a_missing_library_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependency, match=r"pip install 'elman\[pictures\]'"):
        write_picture(tmp_path / "a.png", PIXELS)
