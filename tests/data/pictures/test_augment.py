"""Pictures are moved a little while learning, each in a way of its own."""

import pytest
import torch

from elman.data.pictures import augment
from elman.data.pictures.augment import affine_maps, moved, warped
from elman.data.pictures.channels import Channels
from elman.data.pictures.ways import PictureEncoder

STILL = ("MOVED", "TURNED", "SCALED", "SHEARED")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def encoder(way, channels=1):
    return PictureEncoder(way, (6, 5, channels), Channels((0.0,) * channels, (1.0,) * channels))


@pytest.mark.parametrize("way", ["rows", "pixels", "permuted"])
@pytest.mark.parametrize(("channels", "mirror"), [(1, False), (3, True)])
def test_shapes_stay_and_pictures_change(way, channels, mirror):
    own = encoder(way, channels)
    x, lengths = own.sequences(torch.randn(4, 6, 5, channels)), torch.full((4,), own.steps)
    found, after = moved(own, mirror)(x, lengths, seeded())
    assert found.shape == x.shape and found.dtype == x.dtype and found.isfinite().all()
    assert after is lengths
    assert ((found - x).abs().amax((0, 2)) > 0.01).all()
    assert found.abs().max() <= x.abs().max() + 1e-5


def test_every_way_sees_the_same_change():
    pictures = torch.randn(4, 6, 5, 3)
    seen = []
    for way in ("rows", "pixels", "permuted"):
        own = encoder(way, 3)
        seen.append(own.pictures(moved(own)(own.sequences(pictures), torch.zeros(4), seeded())[0]))
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[0], seen[2])


def test_each_picture_is_moved_in_its_own_way_and_anew():
    own = encoder("rows")
    x = own.sequences(torch.randn(1, 6, 5, 1).expand(2, -1, -1, -1))
    generator = seeded()
    change = moved(own)
    first, second = (change(x, torch.zeros(2), generator)[0] for _ in range(2))
    assert not torch.allclose(first[:, 0], first[:, 1], atol=1e-3)
    assert not torch.allclose(first, second, atol=1e-3)
    assert torch.equal(first, change(x, torch.zeros(2), seeded())[0])


@pytest.mark.parametrize("mirror", [False, True])
def test_with_mirror_half_are_the_other_way_round(monkeypatch, mirror):
    for name in STILL:
        monkeypatch.setattr(augment, name, 0.0)
    pictures = torch.randn(100, 1, 6, 5)
    found = warped(pictures, affine_maps(100, mirror, seeded()))
    flipped = ((found - pictures.flip(-1)).abs() < 1e-4).flatten(1).all(1)
    same = ((found - pictures).abs() < 1e-4).flatten(1).all(1)
    assert (flipped ^ same).all()
    assert 30 < flipped.sum() < 70 if mirror else not flipped.any()


def test_moves_are_small():
    maps = affine_maps(1000, False, seeded())
    whole = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
    assert (maps - whole).abs().amax(0).max() < 0.4
    assert (maps[:, :, 2].abs() <= 2 * augment.MOVED).all()
    assert maps[:, :, 2].abs().max() > 1.8 * augment.MOVED
    assert (torch.linalg.det(maps[:, :, :2]) > 0.5).all()
    assert (torch.linalg.det(affine_maps(1000, True, seeded())[:, :, :2]) < 0).float().mean().item() == pytest.approx(
        0.5, abs=0.05
    )


def test_a_shift_by_hand():
    pictures = torch.arange(4.0).expand(1, 1, 2, 4)
    right = torch.tensor([[[1.0, 0, 0.5], [0, 1, 0]]])
    assert warped(pictures, right)[0, 0].tolist() == [[1, 2, 3, 3]] * 2
