"""Many clips of one size of frame, with what cannot be read named, as sequences."""

import numpy as np
import pytest
import torch

from elman.data.clips import reel
from elman.data.clips.reel import ClipEncoder, Reel, moved_clips, read_reel
from elman.data.pictures import augment
from elman.data.pictures.channels import Channels
from elman.data.ragged import Ragged
from elman.errors import InputError


def clips(lengths=(3, 1, 5), size=(4, 6, 1), seed=0):
    values = torch.randint(0, 256, (sum(lengths), *size), generator=torch.Generator().manual_seed(seed))
    names = [f"{at}.mp4" for at in range(len(lengths))]
    starts = torch.tensor([0, *lengths]).cumsum(0)
    return Reel(Ragged(values.byte(), starts), names, (), torch.arange(len(lengths)), tuple(names))


def spoilt(path):
    path.write_text("no clip")
    return path


def test_files_and_folders_become_one_reel(film, shots):
    paths = [film("b.mp4", [0, 50, 100]), shots("a", [10, 20])]
    found = read_reel(paths)
    assert found.frames.values.shape == (5, 32, 32, 1)
    assert found.frames.lengths.tolist() == [3, 2]
    np.testing.assert_allclose(found.frames.values[:, 8, 8, 0], [0, 50, 100, 10, 20], atol=6)
    assert found.names == [str(path) for path in paths]
    assert (found.asked, found.kept.tolist(), found.notes, len(found)) == (tuple(found.names), [0, 1], (), 2)


def test_bad_ones_among_good_ones_are_all_named(film, shots, tmp_path):
    broken = shots("shots", [1, 2])
    (broken / "2.png").write_text("no picture")
    paths = [film("a.mp4"), spoilt(tmp_path / "b.mp4"), broken, film("d.avi"), spoilt(tmp_path / "e.mkv")]
    with pytest.raises(InputError, match=r"b.mp4 is no clip.* \(3 of 5 clips cannot be read; the others: .*e.mkv.*\)"):
        read_reel(paths)
    with pytest.raises(InputError, match=r"2.png is no picture"):
        read_reel([paths[0], broken])
    found = read_reel(paths, skip=True)
    assert found.names == [str(paths[0]), str(paths[3])]
    assert found.kept.tolist() == [0, 3]
    assert found.frames.lengths.tolist() == [10, 10]
    (note,) = found.notes
    assert note.startswith("WARNING: 3 of 5 clips cannot be read and are left out: ")
    assert all(name in note for name in ("b.mp4", "shots", "e.mkv"))


def test_nothing_readable_is_refused_even_when_skipping(film, shots, tmp_path):
    with pytest.raises(InputError, match=r"b.mp4 is no clip"):
        read_reel([spoilt(tmp_path / "b.mp4")], skip=True)
    broken = shots("shots", [1, 2])
    (broken / "2.png").write_text("no picture")
    with pytest.raises(InputError, match=r"2.png is no picture"):
        read_reel([broken], skip=True)


def test_frames_of_many_sizes_are_put_into_the_commonest(film):
    found = read_reel([film("a.mp4", [200], (36, 64)), film("b.mp4", [200], (48, 64)), film("c.mp4", [200], (36, 64))])
    assert found.frames.values.shape == (3, 18, 32, 1)
    assert (found.frames.values[1, :, :4] == 0).all()
    assert (found.frames.values[1, :, 4:-4] > 180).all()
    assert found.notes[0] == (
        "the clips have 64 x 36 (2), 64 x 48 (1) pixels and are scaled into 32 x 18, black where they do not fill it"
    )
    assert found.notes[1].startswith("3 of 3 clips have one frame: ")


@pytest.mark.parametrize(
    ("asked", "shape"),
    [
        ({}, (10, 32, 32, 1)),
        ({"longest": 8}, (10, 8, 8, 1)),
        ({"size": (4, 6)}, (10, 4, 6, 1)),
        ({"colour": True}, (10, 32, 32, 3)),
        ({"frames": 4}, (4, 32, 32, 1)),
    ],
)
def test_what_is_asked_for(film, asked, shape):
    assert read_reel([film("a.mp4")], **asked).frames.values.shape == shape


def test_the_second_time_no_frame_is_decoded(film, monkeypatch):
    path = film("a.mp4")
    first = read_reel([path])
    decoded = []
    monkeypatch.setattr(reel, "read_clip", lambda *settings: decoded.append(settings))
    assert torch.equal(read_reel([path]).frames.values, first.frames.values)
    assert decoded == []


def test_too_many_are_refused(film, monkeypatch):
    monkeypatch.setattr(reel, "ALL", 5000)
    with pytest.raises(InputError, match="the clips are too many to keep: give a smaller --size, or fewer --frames"):
        read_reel([film("a.mp4")])


def test_some_are_taken_with_what_belongs_to_them():
    whole = clips()
    some = whole.take(torch.tensor([2, 0]))
    assert some.frames.lengths.tolist() == [5, 3]
    assert torch.equal(some.frames.row(0), whole.frames.row(2))
    assert (some.names, some.kept.tolist(), some.asked) == (["2.mp4", "0.mp4"], [2, 0], whole.asked)


def test_equal_clips_have_equal_keys():
    whole = clips((2, 2, 3))
    whole.frames.values[2:4] = whole.frames.values[:2]
    first, second, third = whole.keys
    assert first == second != third


def test_frames_are_scaled_as_in_the_training_part():
    train = clips((30, 20), (4, 6, 3))
    train.frames.values[..., 1] //= 4
    encoder = ClipEncoder.fit(train, 32)
    assert (encoder.shape, encoder.features, encoder.frames) == ((4, 6, 3), 72, 32)
    x, lengths = encoder.encode(train).padded(torch.tensor([1, 0]))
    assert x.shape == (30, 2, 72) and lengths.tolist() == [20, 30]
    assert (x[20:, 0] == 0).all()
    scaled = torch.cat([x[:20, 0], x[:, 1]]).unflatten(1, (4, 6, 3))
    torch.testing.assert_close(scaled.mean((0, 1, 2)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.std((0, 1, 2)), torch.ones(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(encoder.encode(train).row(0), x[:, 1])


def test_rows_for_training():
    whole = clips()
    rows = ClipEncoder.fit(whole, 32).encode(whole)
    assert len(rows) == 3 and rows.lengths.tolist() == [3, 1, 5]
    short = rows.cut(2)
    assert short.lengths.tolist() == [2, 1, 2]
    assert torch.equal(short.row(2), rows.row(2)[:2])
    x = rows.row(0)
    assert rows.inputs(x)["x"] is x


def test_it_comes_back_from_json():
    encoder = ClipEncoder.fit(clips(size=(4, 6, 3)), 7)
    assert ClipEncoder.from_json(encoder.to_json()) == encoder


@pytest.mark.parametrize("mirror", [False, True])
def test_changed_clips_keep_their_shapes_and_lengths(mirror):
    whole = clips((3, 1, 6), (8, 6, 3))
    encoder = ClipEncoder.fit(whole, 32)
    x, lengths = encoder.encode(whole).padded(torch.arange(3))
    found, after = moved_clips(encoder, mirror)(x, lengths, torch.Generator().manual_seed(0))
    assert found.shape == x.shape and found.isfinite().all()
    assert torch.equal(after, lengths)
    assert not torch.allclose(found, x, atol=0.01)
    assert (found[3:, 0] == 0).all() and (found[1:, 1] == 0).all()


def test_all_frames_of_a_clip_are_moved_alike():
    encoder = ClipEncoder((8, 6, 1), 32, Channels((0.0,), (1.0,)))
    x = torch.randn(1, 2, 48).expand(5, -1, -1)
    found = moved_clips(encoder, True)(x, torch.tensor([5, 5]), torch.Generator().manual_seed(0))[0]
    torch.testing.assert_close(found, found[:1].expand(5, -1, -1))
    assert not torch.allclose(found[0, 0], x[0, 0], atol=0.01)


def test_with_mirror_some_clips_are_the_other_way_round(monkeypatch):
    for name in ("MOVED", "TURNED", "SCALED", "SHEARED"):
        monkeypatch.setattr(augment, name, 0.0)
    encoder = ClipEncoder((4, 6, 1), 32, Channels((0.0,), (1.0,)))
    x = torch.randn(1, 40, 24).expand(3, -1, -1)
    found = moved_clips(encoder, True)(x, torch.full((40,), 3), torch.Generator().manual_seed(0))[0]
    flipped = (found.unflatten(2, (4, 6)).flip(-1).flatten(2) - x).abs().amax((0, 2)) < 1e-4
    same = (found - x).abs().amax((0, 2)) < 1e-4
    assert (flipped ^ same).all()
    assert 8 < flipped.sum() < 32
