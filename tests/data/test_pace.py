"""Movements at another pace: nothing is lost, added or moved past a row's end."""

import pytest
import torch

from elman.data import pace
from elman.data.pace import paced, shaken

LENGTHS = torch.tensor([20, 1, 7, 2, 13])
INSIDE = torch.arange(20)[:, None] < LENGTHS


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def ramps():
    """Each row counts its steps; past its end is 0."""
    return (torch.arange(20.0)[:, None, None] * torch.ones(1, 5, 2)) * INSIDE[..., None]


def noise():
    return torch.randn(20, 5, 3, generator=seeded(1)) * INSIDE[..., None]


@pytest.mark.parametrize("change", [paced, shaken()])
@pytest.mark.parametrize("seed", range(5))
def test_rows_keep_their_lengths_and_are_0_past_the_end(change, seed):
    x = noise()
    found, lengths = change(x, LENGTHS, seeded(seed))
    assert found.shape == x.shape and found.dtype == x.dtype and found.isfinite().all()
    assert torch.equal(lengths, LENGTHS)
    assert (found[~INSIDE] == 0).all()
    assert not torch.allclose(found[:, 0], x[:, 0], atol=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_time_runs_on_and_begins_and_ends_about_where_it_did(seed):
    found = paced(ramps(), LENGTHS, seeded(seed))[0]
    for row, length in enumerate(LENGTHS.tolist()):
        steps = found[:length, row, 0]
        assert (steps.diff() >= 0).all()
        assert 0 <= steps[0] <= pace.STRETCHED / 2 * length
        assert length - 1 - pace.STRETCHED / 2 * length <= steps[-1] <= length - 1
        bend = (pace.BENT / torch.pi + pace.STRETCHED / 2) * length
        assert ((steps - torch.arange(length)).abs() <= bend + 1e-4).all()


def test_rows_of_one_step_survive():
    x = torch.randn(1, 4, 3)
    torch.testing.assert_close(paced(x, torch.ones(4, dtype=torch.int64), seeded())[0], x)
    assert torch.equal(paced(noise(), LENGTHS, seeded())[0][0, 1], noise()[0, 1])


def test_what_pads_a_row_is_not_read():
    x = noise()
    spoilt = torch.where(INSIDE[..., None], x, 1e9)
    assert torch.equal(paced(x, LENGTHS, seeded())[0], paced(spoilt, LENGTHS, seeded())[0])


def test_each_row_has_a_pace_of_its_own_and_anew():
    x, lengths = ramps()[:, :1].expand(-1, 3, -1), torch.full((3,), 20)
    generator = seeded()
    first, second = (paced(x, lengths, generator)[0] for _ in range(2))
    assert not torch.allclose(first[:, 0], first[:, 1], atol=0.01)
    assert not torch.allclose(first, second, atol=0.01)
    assert torch.equal(paced(x, lengths, seeded())[0], first)


def test_without_a_bend_or_a_stretch_nothing_changes(monkeypatch):
    monkeypatch.setattr(pace, "BENT", 0.0)
    monkeypatch.setattr(pace, "STRETCHED", 0.0)
    torch.testing.assert_close(paced(noise(), LENGTHS, seeded())[0], noise(), atol=1e-4, rtol=0)


def test_a_row_is_scaled_as_a_whole(monkeypatch):
    for name in ("BENT", "STRETCHED", "SHAKEN"):
        monkeypatch.setattr(pace, name, 0.0)
    x = torch.linspace(1, 2, 10)[:, None, None].expand(-1, 400, 3)
    scales = shaken()(x, torch.full((400,), 10), seeded())[0] / x
    torch.testing.assert_close(scales, scales[:1, :, :1].expand_as(scales), atol=1e-4, rtol=0)
    assert scales[0, :, 0].std().item() == pytest.approx(pace.SCALED, rel=0.2)
    assert scales.mean().item() == pytest.approx(1, abs=0.02)


def test_every_number_is_shaken_by_itself(monkeypatch):
    for name in ("BENT", "STRETCHED", "SCALED"):
        monkeypatch.setattr(pace, name, 0.0)
    found = shaken()(torch.zeros(10, 40, 3), torch.full((40,), 10), seeded())[0]
    assert found.std().item() == pytest.approx(pace.SHAKEN, rel=0.1)
    assert found.flatten().unique().numel() > 1100
