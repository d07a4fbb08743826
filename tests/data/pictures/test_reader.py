"""Every kind of picture to bytes of one size, and each bad one in a sentence."""

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from elman.data.pictures import reader
from elman.data.pictures.reader import Header, header, read_picture
from elman.errors import InputError, MissingDependency

RAMP = np.arange(20 * 24, dtype=np.uint8).reshape(20, 24) // 2
COLOURS = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
SIZE = (20, 24)
TURNED = {
    1: COLOURS,
    2: COLOURS[:, ::-1],
    3: COLOURS[::-1, ::-1],
    4: COLOURS[::-1],
    5: COLOURS.transpose(1, 0, 2),
    6: COLOURS[::-1].transpose(1, 0, 2),
    7: COLOURS[::-1, ::-1].transpose(1, 0, 2),
    8: COLOURS[:, ::-1].transpose(1, 0, 2),
}


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(path, side):
    """A PNG of some bytes whose header claims a square of ``side`` pixels."""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(start + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    return path


def held(way):
    """EXIF that says how a camera was held."""
    exif = Image.Exif()
    exif[reader.ORIENTATION] = way
    exif[0x010E] = "a description of some length"
    return exif


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".tif", ".tiff", ".gif", ".webp", ".jpg", ".jpeg"])
def test_every_format_gives_the_same_picture(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    smooth = np.stack([RAMP, RAMP, RAMP], -1)
    Image.fromarray(smooth).save(path, **({"lossless": True} if suffix == ".webp" else {}))
    assert header(path) == Header(24, 20, True)
    found = read_picture(path, SIZE, True)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, smooth, atol=8 if suffix.startswith(".jp") else 0)


def test_grey_has_one_channel(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.pgm")
    assert header(tmp_path / "a.pgm") == Header(24, 20, False)
    assert (read_picture(tmp_path / "a.pgm", SIZE, False)[..., 0] == RAMP).all()
    assert (read_picture(tmp_path / "a.pgm", SIZE, True) == RAMP[..., None]).all()


def test_what_is_transparent_is_white(tmp_path):
    alpha = np.full((*SIZE, 1), 255, np.uint8)
    alpha[:, :12] = 0
    Image.fromarray(np.concatenate([COLOURS, alpha], -1)).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", SIZE, True)
    assert (found[:, :12] == 255).all()
    assert (found[:, 12:] == COLOURS[:, 12:]).all()
    Image.fromarray(np.dstack([RAMP, alpha])).save(tmp_path / "b.png")
    assert header(tmp_path / "b.png") == Header(24, 20, False)
    found = read_picture(tmp_path / "b.png", SIZE, False)[..., 0]
    assert (found[:, :12] == 255).all()
    assert (found[:, 12:] == RAMP[:, 12:]).all()


@pytest.mark.parametrize("transparent", [{}, {"transparency": 1}, {"transparency": bytes([255, 0, 255])}])
def test_a_palette_is_looked_up(tmp_path, transparent):
    places = (np.arange(20 * 24).reshape(SIZE) % 3).astype(np.uint8)
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 9]], np.uint8)
    picture = Image.fromarray(places).convert("P")
    picture.putpalette(palette.ravel().tolist())
    picture.save(tmp_path / "a.png", **transparent)
    if transparent:
        palette[1] = 255
    assert (read_picture(tmp_path / "a.png", SIZE, True) == palette[places]).all()


def test_a_transparent_grey_is_white(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png", transparency=7)
    expected = np.where(RAMP == 7, 255, RAMP)
    assert (RAMP == 7).any()
    assert (read_picture(tmp_path / "a.png", SIZE, False)[..., 0] == expected).all()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_of_16_bits_the_upper_8_are_kept(tmp_path, suffix):
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(tmp_path / f"a{suffix}")
    assert header(tmp_path / f"a{suffix}") == Header(24, 20, False)
    assert (read_picture(tmp_path / f"a{suffix}", SIZE, False)[..., 0] == RAMP).all()


def test_black_and_white(tmp_path):
    Image.fromarray(RAMP > 60).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png", SIZE, False)[..., 0] == 255 * (RAMP > 60)).all()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
@pytest.mark.parametrize("way", TURNED)
def test_a_photograph_is_turned_as_its_camera_was_held(tmp_path, suffix, way):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(COLOURS).save(path, exif=held(way), **({"lossless": True} if suffix == ".webp" else {}))
    expected = TURNED[way]
    assert (read_picture(path, expected.shape[:2], True) == expected).all()


@pytest.mark.parametrize(("way", "size"), [(1, (24, 20)), (3, (24, 20)), (6, (20, 24)), (8, (20, 24))])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif"])
def test_the_size_of_a_photograph_is_that_of_the_turned_one(tmp_path, suffix, way, size):
    Image.fromarray(COLOURS).save(tmp_path / f"a{suffix}", exif=held(way))
    found = header(tmp_path / f"a{suffix}")
    assert (found.wide, found.tall) == size


def test_damaged_exif_is_of_no_account(tmp_path):
    raw = io.BytesIO()
    Image.fromarray(RAMP).save(raw, "JPEG", exif=held(6), quality=95)
    raw = bytearray(raw.getvalue())
    at = raw.index(b"\x01\x0e\x00\x02")
    raw[at + 4 : at + 8] = b"\x7f\xff\xff\xff"
    (tmp_path / "a.jpg").write_bytes(raw)
    assert header(tmp_path / "a.jpg") == Header(20, 24, False)
    found = read_picture(tmp_path / "a.jpg", (24, 20), False)[..., 0]
    np.testing.assert_allclose(found, RAMP[::-1].T, atol=8)


def test_a_moving_picture_gives_its_first_frame(tmp_path):
    frames = [Image.fromarray(np.full(SIZE, level, np.uint8)) for level in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (read_picture(tmp_path / "a.gif", SIZE, False) == 10).all()


@pytest.mark.parametrize(
    ("own", "size", "inside"),
    [
        ((30, 40), (9, 16), (slice(0, 9), slice(2, 14))),
        ((9, 16), (30, 40), (slice(4, 26), slice(0, 40))),
        ((40, 40), (10, 20), (slice(0, 10), slice(5, 15))),
        ((10, 10), (20, 20), (slice(0, 20), slice(0, 20))),
    ],
)
def test_another_aspect_ratio_is_letterboxed_in_black(tmp_path, own, size, inside):
    Image.fromarray(np.full((*own, 3), 200, np.uint8)).save(tmp_path / "a.png")
    expected = np.zeros((*size, 3), np.uint8)
    expected[inside] = 200
    assert (read_picture(tmp_path / "a.png", size, True) == expected).all()


def test_a_smaller_picture_is_of_means(tmp_path):
    board = (np.indices((8, 8)).sum(0) % 2 * 200).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png", (4, 4), False) == 100).all()


@pytest.mark.parametrize("own", [(1, 1000), (1000, 1), (1, 1)])
def test_very_thin_pictures(tmp_path, own):
    Image.fromarray(np.full(own, 200, np.uint8)).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", (8, 8), False)
    assert found.shape == (8, 8, 1)
    assert found.max() > 0


@pytest.mark.parametrize("side", [9000, 10_000, 60_000])  # above our limit, where Pillow warns, where it refuses
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, side, monkeypatch):
    from PIL import ImageFile

    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    path = bomb(tmp_path / "a.png", side)
    for read in (header, lambda path: read_picture(path, (8, 8), True)):
        with pytest.raises(InputError, match=r"a.png claims .*67,108,864.*: give it smaller, or go on without it by"):
            read(path)


def test_an_honest_picture_of_the_bombs_kind_is_read(tmp_path):
    path = bomb(tmp_path / "a.png", 10)
    assert read_picture(path, (10, 10), True).shape == (10, 10, 3)


def test_bad_files_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*none.png: give the name of a picture"):
        header(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no picture at all")
    with pytest.raises(InputError, match=r"text.png is no picture that can be read \(.png, .*by --skip-broken"):
        header(tmp_path / "text.png")
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty.jpg is no picture that can be read"):
        read_picture(tmp_path / "empty.jpg", SIZE, True)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"folder.png cannot be read"):
        header(tmp_path / "folder.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".ppm", ".gif"])
def test_a_cut_file_is_damaged(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(COLOURS).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    assert header(path) == Header(24, 20, True)
    with pytest.raises(InputError, match=rf"a{suffix} is damaged \(.*\): leave it out, or go on without it"):
        read_picture(path, SIZE, True)


def test_no_damage_escapes_as_anything_else(tmp_path):
    random = np.random.default_rng(0)
    for suffix in (".png", ".jpg", ".gif", ".bmp", ".webp"):
        path = tmp_path / f"a{suffix}"
        Image.fromarray(COLOURS).save(path, **({"exif": held(6)} if suffix in (".jpg", ".webp", ".png") else {}))
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            bad = whole.copy()
            bad[random.integers(0, min(len(bad), 200), 3)] = random.integers(0, 256, 3)
            path.write_bytes(bad.tobytes())
            try:
                header(path)
                found = read_picture(path, (8, 8), True)
            except InputError:
                continue
            assert found.shape == (8, 8, 3)


def test_formats_that_are_not_listed_are_not_opened(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "a.ico")
    (tmp_path / "a.ico").rename(tmp_path / "a.png")
    with pytest.raises(InputError, match="is no picture that can be read"):
        header(tmp_path / "a.png")


def test_a_missing_library_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependency, match=r"pip install 'elman\[pictures\]'"):
        header(tmp_path / "a.png")
