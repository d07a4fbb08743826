"""Takes of a sound: at another speed it is shorter and higher, and each time one take is drawn."""

import pytest
import torch

from elman.data.ragged import Ragged
from elman.data.sound.takes import Takes, at_speed


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
def test_at_another_speed_length_and_pitch_change(speed):
    wave = torch.sin(2 * torch.pi * 400 * torch.arange(8000) / 8000)
    found = at_speed(wave, 8000, speed)
    assert len(found) == pytest.approx(8000 / speed, abs=2)
    assert float(torch.fft.rfft(found).abs().argmax()) * 8000 / len(found) == pytest.approx(400 * speed, abs=3)


def test_each_row_comes_in_one_of_its_takes():
    # Take k of row r is 10 r + k, k + r + 1 times.
    takes = [Ragged.of([torch.full((k + r + 1, 1), 10.0 * r + k) for r in range(4)]) for k in range(3)]
    rows = torch.tensor([3, 0, 2])
    seen = set()
    for seed in range(40):
        torch.manual_seed(seed)
        x, lengths = Takes(takes).padded(rows)
        assert x.shape == (int(lengths.max()), 3, 1)
        for at, row in enumerate(rows.tolist()):
            take = int(lengths[at]) - row - 1
            own = x[: int(lengths[at]), at]
            assert (own == 10.0 * row + take).all()
            assert (x[int(lengths[at]) :, at] == 0).all()
            seen.add((row, take))
    assert seen == {(row, take) for row in (3, 0, 2) for take in range(3)}
    assert len(Takes(takes)) == 4
    assert torch.equal(Takes(takes).lengths, takes[0].lengths)
