"""Sequences made anew: sizes, times and stretches are what they are said to be, and a strength of 0 changes nothing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.data.augment import WAYS, bent, between, chain, chosen, factors, jitter, scaling, slices, warp, warped

LENGTHS = torch.tensor([20, 1, 7, 2, 13])
INSIDE = torch.arange(20)[:, None] < LENGTHS
NONE = {"jitter": jitter(0.0), "scaling": scaling(0.0), "warp": warp(0.0), "slice": slices(0.0)}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise():
    return torch.randn(20, 5, 3, generator=seeded(1)) * INSIDE[..., None]


@pytest.mark.parametrize("way", WAYS)
def test_a_strength_of_0_changes_nothing(way):
    found, lengths = NONE[way](noise(), LENGTHS, seeded())
    assert torch.equal(found, noise()) and torch.equal(lengths, LENGTHS)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(5))
def test_rows_are_changed_and_stay_0_past_their_end(way, seed):
    found, lengths = chosen((way,))(noise(), LENGTHS, seeded(seed))
    assert (
        found.dtype == torch.float32 and found.isfinite().all() and (lengths >= 1).all() and (lengths <= LENGTHS).all()
    )
    assert len(found) == lengths.max()
    assert (found[torch.arange(len(found))[:, None] >= lengths] == 0).all()
    assert found.shape != noise().shape or not torch.allclose(found, noise(), atol=1e-3)


def test_the_same_seed_gives_the_same_bits_and_the_next_draw_others():
    generator, change = seeded(3), chosen(WAYS)
    first, second = (change(noise(), LENGTHS, generator)[0] for _ in range(2))
    assert torch.equal(change(noise(), LENGTHS, seeded(3))[0], first)
    assert first.shape != second.shape or not torch.equal(first, second)


def test_the_order_of_the_names_is_nothing():
    assert torch.equal(
        *(chosen(ways)(noise(), LENGTHS, seeded())[0] for ways in (("warp", "slice"), ("slice", "warp")))
    )


def test_scaling_is_by_one_factor_a_row_exactly():
    x = noise()
    found, _ = scaling(0.5)(x, LENGTHS, seeded(2))
    assert torch.equal(found, x * factors(5, 0.5, seeded(2))[:, None])
    assert (factors(10_000, 1.0, seeded()) >= 0).all()
    sizes = factors(10_000, 0.1, seeded())
    assert abs(float(sizes.mean()) - 1) < 0.01 and abs(float(sizes.std()) - 0.1) < 0.01


@given(st.floats(-0.99, 0.99), st.integers(1, 60))
def test_bent_times_keep_their_ends_and_their_order(amount, length):
    s = torch.linspace(0, 1, 101, dtype=torch.float64)
    times = bent(s, torch.tensor(amount, dtype=torch.float64))
    assert times[0] == 0 and abs(float(times[-1]) - 1) < 1e-12 and (times.diff() > 0).all()
    at = warped(length, torch.tensor([length]), torch.tensor([amount]))[:, 0]
    assert at[0] == 0 and abs(float(at[-1]) - (length - 1)) < 1e-4 and (at.diff() > -1e-5).all()


def test_a_warped_row_keeps_its_first_and_last_step():
    x = noise()
    found, _ = warp(0.9)(x, LENGTHS, seeded())
    last = (LENGTHS - 1)[None, :, None].expand(1, 5, 3)
    assert torch.equal(found[0], x[0])
    torch.testing.assert_close(found.gather(0, last), x.gather(0, last), atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", range(10))
def test_a_slice_is_a_stretch_of_its_row(seed):
    x = (torch.arange(1.0, 21)[:, None, None] * torch.ones(1, 5, 1)) * INSIDE[..., None]
    found, kept = slices(0.6)(x, LENGTHS, seeded(seed))
    for row, (length, own) in enumerate(zip(LENGTHS.tolist(), kept.tolist(), strict=True)):
        steps = found[:own, row, 0]
        assert own >= 0.4 * length and (steps.diff() == 1).all() and steps[0] >= 1 and steps[-1] <= length


def test_reading_between_steps_is_linear_and_a_whole_place_needs_no_neighbour():
    x = torch.tensor([1.0, 3.0, torch.nan, 5.0])[:, None, None]
    found = between(x, torch.tensor([0.0, 0.25, 1.0, 1.5, 3.0])[:, None])[:, 0, 0]
    assert found[:3].tolist() == [1.0, 1.5, 3.0] and found[3].isnan() and found[4] == 5.0


def test_jitter_is_noise_of_the_deviation():
    found, _ = jitter(0.5)(torch.zeros(100, 100, 2), torch.full((100,), 100), seeded())
    assert abs(float(found.std()) - 0.5) < 0.01 and abs(float(found.mean())) < 0.01


def test_a_chain_of_none_changes_nothing():
    assert torch.equal(chain()(noise(), LENGTHS, seeded())[0], noise())
