"""The average follows the weights, stands in for them for a while, and gives them back."""

import pytest
import torch
from torch import nn

from elman.train.average import Average


def weights(module):
    return [p.detach().clone() for p in module.parameters()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def shift(module, by=1.0):
    with torch.no_grad():
        for p in module.parameters():
            p.add_(by)


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_the_average_is_that_of_the_definition(decay):
    module = nn.Linear(3, 2)
    average, mean = Average(module, decay), weights(module)
    for n in range(1, 30):
        shift(module, by=(-1) ** n / n)
        average.update()
        d = min(decay, (1 + n) / (10 + n))
        mean = [d * a + (1 - d) * w for a, w in zip(mean, weights(module), strict=True)]
    with average.in_place():
        for held, wanted in zip(weights(module), mean, strict=True):
            torch.testing.assert_close(held, wanted)


def test_the_weights_come_back_even_after_an_error():
    module = nn.Linear(3, 2)
    first, average = weights(module), Average(module, 0.9)
    shift(module)
    before = weights(module)
    with pytest.raises(RuntimeError), average.in_place():
        assert same(weights(module), first)
        raise RuntimeError
    assert same(weights(module), before)
    with average.in_place():
        assert same(weights(module), first)


def test_without_decay_the_weights_stand_for_themselves():
    module = nn.Linear(3, 2)
    average = Average(module, 0.0)
    shift(module)
    before = weights(module)
    average.update()
    with average.in_place():
        assert same(weights(module), before)


def test_frozen_weights_are_left_alone():
    module = nn.Linear(3, 2)
    module.weight.requires_grad_(False)
    average = Average(module, 0.9)
    shift(module)
    before = module.weight.clone()
    with average.in_place():
        assert torch.equal(module.weight, before)
