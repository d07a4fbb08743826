"""Clips of any container, and folders of frames, to some frames of one size."""

import itertools
import sys

import av
import numpy as np
import pytest

from elman.data.clips import reader
from elman.data.clips.reader import clip_size, frames_in, is_frames, read_clip, spaced
from elman.errors import InputError, MissingDependency

SIZE = (32, 32)


def levels(clip):
    return clip[:, 8, 8, 0].astype(int).tolist()


def sound_alone(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".mov"])
def test_every_container_gives_the_same_frames(film, suffix):
    path = film(f"a{suffix}", range(0, 240, 24), (32, 48))
    assert clip_size(path) == (32, 48)
    found = read_clip(path, (32, 48), True, 32)
    assert found.shape == (10, 32, 48, 3) and found.dtype == np.uint8
    np.testing.assert_allclose(levels(found), range(0, 240, 24), atol=6)
    assert read_clip(path, (8, 12), False, 32).shape == (10, 8, 12, 1)


def test_frames_are_letterboxed(film):
    found = read_clip(film("a.mp4", [200], (32, 64)), SIZE, False, 32)
    assert (found[0, :8] == 0).all() and (found[0, 24:] == 0).all()
    np.testing.assert_allclose(found[0, 8:24], 200, atol=6)


def test_a_clip_of_one_frame(film):
    np.testing.assert_allclose(levels(read_clip(film("a.mp4", [120]), SIZE, False, 32)), [120], atol=6)


def test_some_of_many_are_evenly_spaced():
    assert spaced(3, 5) == [0, 1, 2] and spaced(5, 5) == [0, 1, 2, 3, 4]
    assert spaced(10, 2) == [2, 7] and spaced(9, 3) == [1, 4, 7] and spaced(7, 1) == [3]
    for count in range(1, 60):
        for most in range(1, 20):
            found = spaced(count, most)
            assert len(found) == min(count, most)
            steps = {after - before for before, after in itertools.pairwise(found)}
            assert min(steps, default=1) > 0 and max(steps, default=1) - min(steps, default=1) <= 1
            assert found[0] >= 0 and found[-1] < count


@pytest.mark.parametrize(("count", "most"), [(40, 3), (57, 4), (9, 2), (60, 1), (33, 32)])
def test_of_a_long_clip_frames_of_all_of_it_are_read(film, count, most):
    step = 255 // count
    found = np.array(levels(read_clip(film("a.mp4", np.arange(count) * step), SIZE, False, most))) / step
    assert len(found) == most
    expected = (np.arange(most) + 0.5) * count / most - 0.5
    np.testing.assert_allclose(found, expected, atol=0.8 + count / most / 4)


def test_a_clip_that_breaks_off_gives_what_was_decoded(film):
    path = film("a.avi", range(0, 200, 10), noise=40)
    whole = levels(read_clip(path, SIZE, False, 32))
    raw = path.read_bytes()
    path.write_bytes(raw[: (raw.index(b"movi") + len(raw)) // 2])
    some = levels(read_clip(path, SIZE, False, 32))
    assert 2 <= len(some) < len(whole) == 20
    assert some[:-1] == whole[: len(some) - 1]


def test_what_cannot_be_decoded_ends_the_clip(monkeypatch, film):
    path = film("a.mp4")

    class Broken:
        def decode(self, stream):
            yield from list(container.decode(stream))[:4]
            raise av.error.InvalidDataError(1, "broken")

    with av.open(str(path)) as container:
        assert len(list(reader._decoded(Broken(), container.streams.video[0]))) == 4


def test_only_so_many_are_decoded(film, monkeypatch):
    monkeypatch.setattr(reader, "MOST_FRAMES", 5)
    assert len(read_clip(film("a.mp4", range(0, 200, 10)), SIZE, False, 32)) == 5


def test_a_folder_of_frames_is_read_in_the_order_of_its_numbers(shots):
    path = shots("clip", range(0, 120, 10))
    assert [file.stem for file in frames_in(path)] == [str(at) for at in range(1, 13)]
    assert clip_size(path) == SIZE
    assert levels(read_clip(path, SIZE, False, 32)) == list(range(0, 120, 10))
    assert levels(read_clip(path, SIZE, False, 2)) == [30, 90]
    assert read_clip(path, (8, 8), True, 2).shape == (2, 8, 8, 3)


@pytest.mark.parametrize(
    "names",
    [
        ["a1b2.png", "a1b10.png", "a2b1.png"],
        ["2.png", "10.jpg", "frame1.png"],
        ["1.png", "²3.png"],
        ["9.png", "١٠.png"],
    ],
)
def test_numbers_anywhere_in_a_name_are_numbers(tmp_path, names):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in frames_in(tmp_path)] == names


def test_what_is_a_folder_of_frames(shots, tmp_path):
    assert is_frames(shots("clip", [1, 2]))
    assert not is_frames(tmp_path)
    assert not is_frames(tmp_path / "clip" / "1.png")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    assert not is_frames(tmp_path / "texts")
    (tmp_path / "clip" / "more").mkdir()
    assert not is_frames(tmp_path / "clip")


def test_bad_files_are_refused_in_a_sentence(film, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"there is no file .*none.mp4: give the name of a clip"):
        clip_size(tmp_path / "none.mp4")
    for name, content in (("text.mp4", b"no clip at all" * 20), ("empty.avi", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name} is no clip that can be read \(.*--skip-broken"):
            read_clip(tmp_path / name, SIZE, False, 32)
    sound = sound_alone(tmp_path / "sound.mkv")
    for read in (clip_size, lambda path: read_clip(path, SIZE, False, 32)):
        with pytest.raises(InputError, match=r"sound.mkv holds no pictures, only other streams: leave it out"):
            read(sound)
    path = film("a.mp4")
    with monkeypatch.context() as patched:
        patched.setattr(reader, "_decoded", lambda *_: iter(()))
        with pytest.raises(InputError, match=r"a.mp4 holds no frame that can be decoded"):
            read_clip(path, SIZE, False, 32)
    monkeypatch.setattr(reader, "MOST", 1000)
    with pytest.raises(InputError, match=r"a.mp4 claims frames of 32 x 32 pixels, but 1,000 are read at most"):
        clip_size(path)


def test_pictures_in_an_unknown_way_are_refused(film):
    path = film("a.mp4")
    raw = path.read_bytes()
    assert raw.count(b"mp4v") == 1
    path.write_bytes(raw.replace(b"mp4v", b"zzzz").replace(b"esds", b"zzzz"))
    with pytest.raises(InputError, match=r"a.mp4 holds pictures in a way that cannot be read"):
        clip_size(path)


def test_no_damage_escapes_as_anything_else(film):
    random = np.random.default_rng(0)
    for suffix in (".mp4", ".avi", ".mkv"):
        path = film(f"a{suffix}", range(4))
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(25):
            bad = whole.copy()
            bad[random.integers(0, len(bad), 20)] = random.integers(0, 256, 20)
            path.write_bytes(bad.tobytes())
            try:
                found = read_clip(path, (8, 8), False, 4)
            except InputError:
                continue
            assert 1 <= len(found) <= 4


def test_a_missing_library_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependency, match=r"pip install 'elman\[video\]'"):
        clip_size(tmp_path / "a.mp4")
