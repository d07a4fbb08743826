"""Losses against plain loops, with missing targets."""

import torch

from elman.nn.losses import pinball, squared

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
