"""Losses against plain loops, with missing targets."""

import pytest
import torch
from torch import nn

from elman.nn.losses import cross_entropy, pinball, squared

QUANTILES = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)


def case():
    random = torch.Generator().manual_seed(0)
    outputs = torch.randn(4, 3, 3, generator=random, dtype=torch.float64, requires_grad=True)
    y = torch.randn(4, 3, generator=random, dtype=torch.float64)
    y[1, 2] = y[3, 0] = torch.nan
    return outputs, y


def test_pinball_is_the_mean_over_what_is_observed():
    outputs, y = case()
    found = [
        2 * max(q * (y[b, k] - outputs[b, k, j]), (q - 1) * (y[b, k] - outputs[b, k, j]))
        for b in range(4)
        for k in range(3)
        if not y[b, k].isnan()
        for j, q in enumerate(QUANTILES)
    ]
    torch.testing.assert_close(pinball(outputs, y, QUANTILES), torch.stack(found).mean())


def test_squared_and_both_gradients_skip_the_missing():
    outputs, y = case()
    seen = ~y.isnan()
    torch.testing.assert_close(squared(outputs[..., 0], y), ((outputs[..., 0] - y)[seen] ** 2).mean())
    (pinball(outputs, y, QUANTILES) + squared(outputs[..., 0], y)).backward()
    assert outputs.grad.isfinite().all()
    assert (outputs.grad[~seen] == 0).all()


def test_nothing_observed_is_nothing_lost():
    outputs, y = case()
    assert pinball(outputs, y * torch.nan, QUANTILES) == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs(smoothing):
    random = torch.Generator().manual_seed(1)
    z = torch.randn(9, 5, generator=random, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0, 4, -100, 1, 2, 2, -100, 3, 0])
    own, theirs = cross_entropy(z, y, smoothing), nn.functional.cross_entropy(z, y, label_smoothing=smoothing)
    torch.testing.assert_close(own, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(3 * loss, z)[0] for loss in (own, theirs)))
    assert cross_entropy(z, torch.full((9,), -100), smoothing).item() == 0


def test_cross_entropy_of_what_is_all_but_impossible():
    z = torch.tensor([[0.0, 500.0, 2.0]], requires_grad=True)
    loss = cross_entropy(z, torch.tensor([0]))
    assert loss.item() == 500
    torch.testing.assert_close(torch.autograd.grad(loss, z)[0], torch.tensor([[-1.0, 1.0, 0.0]]))
