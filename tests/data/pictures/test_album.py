"""Many pictures of one size: from files, with what cannot be read named, and from arrays."""

import numpy as np
import pytest
import torch
from PIL import Image

from elman.data.pictures import album
from elman.data.pictures.album import Album, read_album
from elman.errors import InputError


@pytest.fixture
def picture(tmp_path):
    """Write a picture of one colour or level."""

    def write(name, size=(6, 8), level=100):
        colour = (level,) if isinstance(level, int) else level
        pixels = np.broadcast_to(np.array(colour, np.uint8), (*size, len(colour)))
        Image.fromarray(pixels[..., 0] if len(colour) == 1 else pixels).save(tmp_path / name)
        return tmp_path / name

    return write


def spoilt(path):
    path.write_text("no picture")
    return path


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])
    return path


def test_files_become_one_tensor_in_their_order(picture):
    paths = [picture(f"{level}.png", level=level) for level in (30, 10, 20)]
    found = read_album(paths)
    assert found.values.shape == (3, 6, 8, 1)
    assert found.values.dtype == torch.uint8
    assert found.values[:, 0, 0, 0].tolist() == [30, 10, 20]
    assert found.names == [str(path) for path in paths]
    assert (found.asked, found.kept.tolist(), found.notes, len(found)) == (tuple(found.names), [0, 1, 2], (), 3)
    assert found.size == (6, 8)


def test_bad_ones_among_good_ones_are_all_named(picture, tmp_path):
    good = [picture("a.png"), picture("d.png", level=3)]
    damaged = cut(picture("c.bmp"))
    paths = [good[0], spoilt(tmp_path / "b.png"), damaged, good[1], spoilt(tmp_path / "e.jpg")]
    with pytest.raises(InputError) as refused:
        read_album(paths)
    said = str(refused.value)
    assert "b.png is no picture" in said
    assert "(3 of 5 pictures cannot be read; the others:" in said and "e.jpg" in said and "c.bmp" in said
    with pytest.raises(InputError, match=r"c.bmp is damaged"):
        read_album([*good, damaged])
    found = read_album(paths, skip=True)
    assert found.names == [str(path) for path in good]
    assert found.kept.tolist() == [0, 3]
    assert found.asked == tuple(map(str, paths))
    (note,) = found.notes
    assert note.startswith("WARNING: 3 of 5 pictures cannot be read and are left out: ")
    assert all(name in note for name in ("b.png", "c.bmp", "e.jpg")) and "a.png" not in note


def test_nothing_readable_is_refused_even_when_skipping(picture, tmp_path):
    with pytest.raises(InputError, match=r"b.png is no picture"):
        read_album([spoilt(tmp_path / "b.png")], skip=True)
    with pytest.raises(InputError, match=r"c.bmp is damaged.*2 of 2 pictures|b.png is no picture.*c.bmp"):
        read_album([cut(picture("c.bmp")), tmp_path / "b.png"], skip=True)
    with pytest.raises(InputError, match="there are no files to read"):
        read_album([])


def test_the_commonest_size_is_taken_and_the_others_put_into_it(picture):
    paths = [picture("a.png", (9, 16)), picture("b.png", (30, 40)), picture("c.png", (9, 16))]
    found = read_album(paths)
    assert found.size == (9, 16)
    assert (found.values[0] == 100).all()
    assert (found.values[1, :, 2:14] == 100).all()
    assert (found.values[1, :, :2] == 0).all() and (found.values[1, :, 14:] == 0).all()
    assert found.notes == (
        "the pictures have 16 x 9 (2), 40 x 30 (1) pixels and are scaled into 16 x 9, black where they do not fill it",
    )


def test_many_sizes_are_not_all_told(picture):
    paths = [picture(f"{side}.png", (side, side)) for side in range(5, 11)]
    (note,) = read_album(paths).notes
    assert " and 2 other sizes pixels" in note


@pytest.mark.parametrize(("asked", "size"), [({}, (32, 64)), ({"longest": 10}, (5, 10)), ({"size": (7, 7)}, (7, 7))])
def test_large_pictures_are_made_smaller(picture, asked, size):
    assert read_album([picture("a.png", (100, 200))], **asked).size == size


def test_small_pictures_are_not_made_larger(picture):
    assert read_album([picture("a.png", (3, 5))], longest=100).size == (3, 5)
    assert read_album([picture("b.png", (1, 500))]).size == (1, 64)


def test_colour_is_read_where_any_has_some(picture):
    grey, red = picture("a.png"), picture("b.png", level=(200, 0, 0))
    assert read_album([grey]).values.shape[3] == 1
    found = read_album([grey, red])
    assert found.values[:, 0, 0].tolist() == [[100, 100, 100], [200, 0, 0]]
    assert read_album([grey, red], colour=False).values.shape[3] == 1
    assert read_album([grey], colour=True).values.shape[3] == 3


def test_photographs_held_upright_are_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((30, 40), 200, np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    found = read_album([tmp_path / "a.jpg"])
    assert found.size == (40, 30)
    assert found.notes == ()
    assert (found.values > 190).all()


def test_too_many_are_refused_before_they_are_read(picture, monkeypatch):
    monkeypatch.setattr(album, "ALL", 100)
    with pytest.raises(InputError, match=r"1 pictures of 8 x 6 pixels are too many: give a smaller --size"):
        read_album([picture("a.png")])
    with pytest.raises(InputError, match=r"x holds 400 bytes, but 100 are read at most"):
        Album.of(np.zeros((4, 10, 10), np.uint8), "x")


def test_some_are_taken_with_what_belongs_to_them(picture):
    found = read_album([picture(f"{level}.png", level=level) for level in (30, 10, 20)])
    some = found.take(torch.tensor([2, 0]))
    assert some.values[:, 0, 0, 0].tolist() == [20, 30]
    assert some.names == [found.names[2], found.names[0]]
    assert some.kept.tolist() == [2, 0]
    assert some.asked == found.asked


def test_equal_pictures_have_equal_keys():
    values = np.random.default_rng(0).integers(0, 256, (3, 4, 5), np.uint8)
    values[2] = values[0]
    first, second, third = Album.of(values, "x").keys
    assert first == third != second


@pytest.mark.parametrize(
    "x",
    [
        np.array([[[0, 51], [102, 255]]], np.uint8),
        np.array([[[0, 51], [102, 255]]], np.int64),
        np.array([[[0, 51], [102, 255]]], np.float32),
        np.array([[[0, 0.2], [0.4, 1]]], np.float64),
        np.array([[[0, 0.2], [0.4, 1]]], np.float32)[..., None],
        np.array([[[0, 102], [51, 255]]], np.uint8).transpose(0, 2, 1),
    ],
)
def test_arrays_of_bytes_whole_numbers_and_fractions(x):
    found = Album.of(x, "x")
    assert found.values.dtype == torch.uint8
    assert found.values[..., 0].tolist() == [[[0, 51], [102, 255]]]
    assert (found.names, found.asked, found.kept.tolist()) == (["x[0]"], ("x[0]",), [0])


def test_truth_is_white_and_whole_numbers_stay():
    assert Album.of(np.array([[[True, False]]]), "x").values.flatten().tolist() == [255, 0]
    assert Album.of(np.array([[[1, 0]]]), "x").values.flatten().tolist() == [1, 0]


def test_an_array_that_must_not_be_written_to_is_copied():
    x = np.zeros((2, 3, 3), np.uint8)
    x.flags.writeable = False
    found = Album.of(x, "x")
    found.values.add_(1)
    assert (x == 0).all()


def test_what_is_no_pictures_is_refused():
    for shape in ((4,), (4, 5), (4, 5, 6, 2), (1, 4, 5, 6, 3)):
        with pytest.raises(InputError, match=r"x has shape .* which are no pictures: give \(N, Y, X\)"):
            Album.of(np.zeros(shape), "x")
    for strange in (np.array([[["a"]]]), np.array([[[None]]]), np.zeros((1, 2, 2), complex)):
        with pytest.raises(InputError, match="which are no pictures"):
            Album.of(strange, "x")
    for shape in ((0, 4, 5), (4, 0, 5)):
        with pytest.raises(InputError, match="x holds no pictures"):
            Album.of(np.zeros(shape), "x")
    for wrong in (np.nan, np.inf):
        with pytest.raises(InputError, match="x holds NaN or infinity"):
            Album.of(np.full((1, 2, 2), wrong), "x")
    with pytest.raises(InputError, match=r"x holds values from -1 to 0"):
        Album.of(np.array([[[-1, 0]]]), "x")
    with pytest.raises(InputError, match=r"x holds values from 0 to 256"):
        Album.of(np.array([[[256, 0]]]), "x")


def test_pictures_are_scaled_in_their_proportions_alone():
    album = Album.of(np.arange(32).reshape(1, 4, 8) * 8, "x")
    small = album.sized(None, 4)
    assert small.size == (2, 4) and float(small.values.float().mean()) == pytest.approx(124, abs=1)
    assert "are scaled to 4 x 2" in small.notes[0]
    assert album.sized((4, 8), 4) is album and album.sized(None, 8) is album
    assert album.sized((2, 4), 4).size == (2, 4)
    with pytest.raises(InputError, match="have 8 x 4 pixels, but the model reads 4 x 4: give"):
        album.sized((4, 4), 4)
