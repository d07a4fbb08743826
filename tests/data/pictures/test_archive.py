"""Archives of pictures: which arrays are taken, and nothing in them executed."""

import pickle
import zipfile

import numpy as np
import pytest

from elman.data.pictures import archive
from elman.data.pictures.archive import held_part, is_archive, read_archive
from elman.errors import InputError

X, Y = np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.array([1, 0])


@pytest.fixture
def saved(tmp_path):
    def save(name="a.npz", **arrays):
        np.savez_compressed(tmp_path / name, **arrays)
        return tmp_path / name

    return save


def with_header(path, shape):
    """An archive whose only array claims a shape and has no data."""
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
    return path


def marked(path, local, central, value):
    """The file with a byte of its first entry's two headers changed."""
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x03\x04") + local] = value
    raw[raw.index(b"PK\x01\x02") + central] = value
    path.write_bytes(raw)
    return path


def test_what_is_an_archive(tmp_path):
    assert is_archive("a.npz") and is_archive(tmp_path / "A.NPZ") and is_archive(archive.HeldPart(tmp_path))
    assert not is_archive("a.npy") and not is_archive(X)


@pytest.mark.parametrize("names", [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "label"), ("arr_0", "arr_1")])
def test_pictures_and_labels_under_any_of_their_names(saved, names):
    path = saved(**dict(zip(names, (X, Y), strict=True)))
    x, y = read_archive(path)
    assert (x == X).all() and (y == Y).all()
    assert held_part(path) is None
    assert (read_archive(path, "test")[0] == X).all()


def test_the_parts_are_told_apart(saved):
    path = saved(x_train=X, y_train=Y, x_test=X[:1] + 1, y_test=Y[:1] + 1)
    assert held_part(path).path == path
    assert (read_archive(str(path))[0] == X).all()
    x, y = read_archive(path, "test")
    assert (x == X[:1] + 1).all() and (y == Y[:1] + 1).all()
    x, y = read_archive(archive.HeldPart(path))
    assert (x == X[:1] + 1).all() and (y == Y[:1] + 1).all()


def test_labels_may_be_missing_or_strings(saved):
    assert read_archive(saved(x=X))[1] is None
    assert read_archive(saved(anything=X))[1] is None
    assert read_archive(saved(x=X, y=np.array(["cat", "dog"])))[1].tolist() == ["cat", "dog"]


def test_labels_of_another_part_are_not_taken(saved):
    assert read_archive(saved(x_train=X, y_test=Y))[1] is None


def test_archives_that_do_not_fit_are_refused(saved, tmp_path):
    with pytest.raises(InputError, match=r"holds the arrays a, b, but arrays x and y, or x_train, .* rename them"):
        read_archive(saved(b=X, a=Y))
    with pytest.raises(InputError, match=r"holds 2 pictures, but labels of shape \(1,\): give one a picture"):
        read_archive(saved(x=X, y=Y[:1]))
    with pytest.raises(InputError, match=r"holds 2 pictures, but labels of shape \(2, 1\)"):
        read_archive(saved(x=X, y=Y[:, None]))
    for y in ({}, {"y": Y}):
        with pytest.raises(InputError, match=r"holds x, which is no array of several"):
            read_archive(saved(x=np.array(5), **y))
    with pytest.raises(InputError, match=r"holds y, which is no array of several"):
        read_archive(saved(x=X, y=np.array(5)))
    with pytest.raises(InputError, match=r"there is no file .*none.npz"):
        held_part(tmp_path / "none.npz")
    (tmp_path / "b.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"b.npz is no NumPy archive \(File is not a zip file\)"):
        read_archive(tmp_path / "b.npz")
    with pytest.raises(InputError, match="is no NumPy archive"):
        read_archive(tmp_path)


class Trap:
    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


def test_nothing_is_unpickled(saved, tmp_path):
    path = saved(x=np.array([Trap(), Trap()], object), y=Y)
    with pytest.raises(InputError, match="Object arrays cannot be loaded"):
        read_archive(path)
    with pytest.raises(InputError, match="Object arrays cannot be loaded"):
        read_archive(saved(x=X, y=np.array([Trap(), 1], object)))
    with zipfile.ZipFile(tmp_path / "p.npz", "w") as out:
        out.writestr("x", pickle.dumps(Trap()))
    with pytest.raises(InputError, match="holds x, which is no array"):
        read_archive(tmp_path / "p.npz")
    assert not Trap.sprung


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(saved, monkeypatch):
    path = saved(x=np.zeros((10, 100, 100), np.uint8))
    monkeypatch.setattr(archive, "MOST", 50_000)
    with pytest.raises(InputError, match=r"a.npz unpacks to 100,128 bytes, but 50,000 are read at most"):
        read_archive(path)


@pytest.mark.parametrize("shape", ["(100000000000000,)", f"({10**30},)", "(-1,)", "(5,)", "(2,", "'a'"])
def test_a_header_that_lies(tmp_path, shape):
    with pytest.raises(InputError, match=r"a.npz cannot be read \(.*\): save it anew"):
        read_archive(with_header(tmp_path / "a.npz", shape))


def test_damaged_and_encrypted_archives(saved):
    path = saved(x=X, y=Y)
    raw = path.read_bytes()
    with pytest.raises(InputError, match="is encrypted"):
        read_archive(marked(path, 6, 8, 1))
    path.write_bytes(raw)
    with pytest.raises(InputError, match="compression method is not supported"):
        read_archive(marked(path, 8, 10, 99))
    broken = bytearray(raw)
    broken[60] ^= 255
    path.write_bytes(broken)
    with pytest.raises(InputError, match="cannot be read"):
        read_archive(path)
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match="is no NumPy archive"):
        read_archive(path)


def test_an_archive_of_another_version_or_with_names_that_are_no_text(saved):
    path = saved(x=X, y=Y)
    raw = bytearray(path.read_bytes())
    listed = raw.index(b"PK\x01\x02")
    newer, unnamed = raw.copy(), raw.copy()
    newer[listed + 6] = 157  # the version that is needed to read it
    unnamed[listed + 9] |= 8  # names are UTF-8
    unnamed[listed + 46] = 255
    for held in (newer, unnamed):
        path.write_bytes(held)
        for read in (held_part, read_archive):
            with pytest.raises(InputError, match="is no NumPy archive"):
                read(path)
