"""Decoded clips are kept: the second time nothing is decoded, unless something changed."""

import os
from pathlib import Path

import numpy as np
import pytest

from elman.data.clips import cache
from elman.data.clips.cache import folder, kept

CLIP = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4, 1)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path / "kept" / "here"))
    return tmp_path / "kept" / "here"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"clip")
    return tmp_path / "a.mp4"


@pytest.fixture
def decode():
    class Decode:
        times = 0

        def __call__(self):
            self.times += 1
            return CLIP + self.times - 1

    return Decode()


def test_the_second_time_nothing_is_decoded(place, file, decode):
    first, second = (kept(file, (8, 8), decode) for _ in range(2))
    assert decode.times == 1
    assert (first == CLIP).all() and (second == CLIP).all() and second.dtype == np.uint8
    assert [path.suffix for path in place.iterdir()] == [".npy"]


def test_other_settings_and_other_files_are_decoded(place, file, decode, tmp_path):
    kept(file, (8, 8), decode)
    kept(file, (8, 9), decode)
    (tmp_path / "b.mp4").write_bytes(b"clip")
    kept(tmp_path / "b.mp4", (8, 8), decode)
    assert decode.times == 3
    assert (kept(file, (8, 8), decode) == CLIP).all()


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"longer"), lambda path: os.utime(path, (1, 1))])
def test_a_changed_file_is_decoded_anew(place, file, decode, change):
    kept(file, (8, 8), decode)
    change(file)
    assert (kept(file, (8, 8), decode) == CLIP + 1).all()


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "three", "floats", "object"])
def test_a_damaged_kept_file_is_read_anew(place, file, decode, damage):
    kept(file, (8, 8), decode)
    (own,) = place.iterdir()
    if damage == "cut":
        own.write_bytes(own.read_bytes()[:-3])
    elif damage == "empty":
        own.write_bytes(b"")
    elif damage == "other":
        own.write_bytes(b"nothing of the kind" * 20)
    else:
        np.save(own, {"three": CLIP[0], "floats": CLIP * 0.5, "object": CLIP.astype(object)}[damage])
    assert (kept(file, (8, 8), decode) == CLIP + 1).all()
    assert (kept(file, (8, 8), decode) == CLIP + 1).all()
    assert decode.times == 2


def test_empty_means_none(file, decode, monkeypatch, tmp_path):
    monkeypatch.setenv("ELMAN_CACHE", "")
    monkeypatch.chdir(tmp_path)
    assert folder() is None
    kept(file, (8, 8), decode)
    kept(file, (8, 8), decode)
    assert decode.times == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_where_they_are_kept(monkeypatch):
    monkeypatch.setenv("ELMAN_CACHE", "/x/y")
    assert folder() == Path("/x/y")
    monkeypatch.delenv("ELMAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert folder() == Path("/x/elman/clips")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert folder() == Path.home() / ".cache" / "elman" / "clips"


def test_folders_are_not_kept(place, tmp_path, decode):
    kept(tmp_path, (8, 8), decode)
    kept(tmp_path, (8, 8), decode)
    assert decode.times == 2 and not place.exists()


def test_a_full_disk_leaves_nothing_behind(place, file, decode, monkeypatch):
    def full(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(np, "save", full)
    assert (kept(file, (8, 8), decode) == CLIP).all()
    assert list(place.iterdir()) == []


def test_a_place_that_is_no_folder_is_no_reason_to_stop(file, decode, monkeypatch):
    monkeypatch.setenv("ELMAN_CACHE", str(file / "below"))
    assert (kept(file, (8, 8), decode) == CLIP).all()


def test_what_is_too_large_is_not_written(place, file, decode, monkeypatch):
    monkeypatch.setattr(cache, "MOST", CLIP.nbytes)
    kept(file, (8, 8), decode)
    assert not place.exists()
