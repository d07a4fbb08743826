"""What is done to frames: each row its own, nothing past its end, the same again from the same generator."""

import pytest
import torch

from elman.data.augment import chain
from elman.data.sound.augment import noise, spec_augment, speed, warp
from elman.data.sound.features import mel_edges


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


LENGTHS = torch.tensor([50, 20, 1, 35] * 50)


def ones():
    x = torch.ones(50, len(LENGTHS), 24)
    return x.masked_fill_((torch.arange(50)[:, None] >= LENGTHS)[..., None], 0)


CHANGES = {
    "spec": spec_augment(12),
    "noise": noise(),
    "speed": speed(),
    "warp": warp(8000, 12, 20.0),
    "chain": chain(noise(), speed(), spec_augment(12)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_same_generator_gives_the_same_and_another_another(name):
    x = torch.randn(50, len(LENGTHS), 24, generator=generator(9))
    first, again, other = (CHANGES[name](x, LENGTHS, generator(seed))[0] for seed in (1, 1, 2))
    torch.testing.assert_close(first, again)
    assert first.shape != other.shape or not torch.allclose(first, other)


def test_masks_are_stretches_of_bounded_size_and_alike_in_all_groups():
    x, lengths = spec_augment(12, times=1, time_share=0.4, bars=1, band_share=0.5)(ones(), LENGTHS, generator())
    assert torch.equal(lengths, LENGTHS)
    torch.testing.assert_close(x[..., :12], x[..., 12:])
    times, bands = set(), set()
    for row, length in enumerate(LENGTHS.tolist()):
        seen = x[:length, row, :12] == 0
        in_time, in_bands = seen.all(1), seen.all(0)
        assert torch.equal(seen, in_time[:, None] | in_bands)
        for mask, most in ((in_time, 0.4 * length), (in_bands, 6)):
            assert int(mask.sum()) <= most
            assert int(mask.int().diff().abs().sum()) <= 2  # one stretch
        if length == 50:
            times.add(int(in_time.sum()))
            bands.add(int(in_bands.sum()))
    assert len(times) > 10
    assert bands == set(range(7))


def test_noise_grows_to_its_most_and_has_no_mean():
    x = torch.zeros(400, 300, 4)
    out, _ = noise(0.5)(x, torch.full((300,), 400), generator())
    amounts = out.std((0, 2))
    assert float(amounts.max()) == pytest.approx(0.5, abs=0.03)
    assert float(amounts.min()) < 0.02
    assert float(amounts.mean()) == pytest.approx(0.25, abs=0.03)
    assert abs(float(out.mean())) < 0.01


def test_speed_reads_a_line_as_a_steeper_or_flatter_line():
    lengths = torch.tensor([50, 20, 1])
    x = torch.arange(50.0)[:, None, None].expand(50, 3, 2).clone()
    x.masked_fill_((torch.arange(50)[:, None] >= lengths)[..., None], 0)
    seen = set()
    for seed in range(20):
        out, new = speed(0.8, 1.25)(x, lengths, generator(seed))
        assert out.shape[0] == int(new.max())
        for row, old in enumerate(lengths.tolist()):
            assert old / 1.25 - 0.6 <= int(new[row]) <= old / 0.8 + 0.6
            assert (out[int(new[row]) :, row] == 0).all()
        slopes = out[: int(new[0]), 0, 0].diff()[:-1]
        torch.testing.assert_close(slopes, slopes[:1].expand_as(slopes), atol=1e-4, rtol=0)
        assert float(slopes[0]) == pytest.approx(50 / int(new[0]), rel=0.03)
        assert float(out[int(new[0]) - 1, 0, 0]) <= 49
        seen.add(int(new[0]))
    assert len(seen) > 5


def test_warp_moves_a_peak_to_another_frequency():
    centres = mel_edges(40, 20, 4000)[1:-1]
    x = torch.zeros(3, 200, 80)
    x[:, :, 15] = x[:, :, 40 + 15] = 1.0
    out, lengths = warp(8000, 40, 20.0, 0.2)(x, torch.full((200,), 3), generator())
    assert torch.equal(lengths, torch.full((200,), 3))
    torch.testing.assert_close(out[..., :40], out[..., 40:])
    peaks = centres[out[0, :, :40].argmax(1)]
    assert float(peaks.min()) < 0.87 * float(centres[15])
    assert float(peaks.max()) > 1.15 * float(centres[15])
    assert float(peaks.min()) > 0.78 * float(centres[15])
    assert float(peaks.max()) < 1.3 * float(centres[15])
    still = torch.full((1, 5, 40), 2.0)
    torch.testing.assert_close(warp(8000, 40, 20.0, 0.2)(still, torch.ones(5).long(), generator())[0], still)
