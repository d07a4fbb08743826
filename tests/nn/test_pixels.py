"""A pixel RNN: a distribution over whole pictures, each pixel from those before it alone."""

import itertools

import pytest
import torch
from torch import nn

from elman.nn.pixels import PixelNetwork, pixel_nats

KINDS = {
    "two levels": {"shape": (4, 5, 1), "levels": 2},
    "levels": {"shape": (4, 5, 1), "levels": 5},
    "colours": {"shape": (4, 3, 3), "levels": 4, "cell": "gru"},
    "deep": {"shape": (4, 5, 1), "levels": 3, "layers": 2, "residual": True, "cell": "rnn"},
    "narrow": {"shape": (4, 5, 3), "levels": 2, "up": 1, "side": 2},
    "wide": {"shape": (2, 3, 1), "levels": 4, "up": 4, "side": 5},
    "nothing near": {"shape": (3, 3, 1), "levels": 3, "up": 0, "side": 1},
}


def network(name, **other):
    torch.manual_seed(0)
    return PixelNetwork(**{"hidden": 12, "position": 4, **KINDS[name], **other}).eval()


def pictures(name, count=3, seed=1):
    shape = (count, *KINDS[name]["shape"])
    return torch.randint(0, KINDS[name]["levels"], shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", KINDS)
def test_a_number_is_told_from_those_before_it_alone(name):
    model, x = network(name).double(), pictures(name, 1)
    levels, numbers = KINDS[name]["levels"], x[0].numel()
    before = model(x)
    assert before.shape == (*x.shape, levels - 1)
    before = before.flatten(0, 3)
    seen = 0
    for at in range(numbers):
        other = x.flatten().clone()
        other[at] = (other[at] + 1) % levels
        after = model(other.view_as(x)).flatten(0, 3)
        torch.testing.assert_close(after[: at + 1], before[: at + 1], atol=1e-12, rtol=0)
        seen += bool((after[at + 1 :] != before[at + 1 :]).any())
    assert seen == numbers - 1 or name == "nothing near"


@pytest.mark.parametrize(("shape", "levels"), [((2, 2, 1), 2), ((2, 1, 1), 5), ((1, 1, 3), 3), ((1, 2, 3), 2)])
def test_the_probabilities_of_all_pictures_sum_to_1(shape, levels):
    torch.manual_seed(0)
    model = PixelNetwork(shape=shape, levels=levels, hidden=8).double().eval()
    numbers = shape[0] * shape[1] * shape[2]
    every = torch.tensor(list(itertools.product(range(levels), repeat=numbers))).view(-1, *shape)
    p = (-pixel_nats(model(every), every)).exp()
    assert len(p) == levels**numbers
    torch.testing.assert_close(p.sum(), torch.tensor(1.0).double())
    assert p.max() > 1.02 * p.min()


@pytest.mark.parametrize("name", KINDS)
def test_a_window_alone_is_that_of_all(name):
    model, x = network(name), pictures(name)
    whole = model.windows(model.scaled(x))
    tall, wide, _ = KINDS[name]["shape"]
    for row, column in itertools.product(range(tall), range(wide)):
        torch.testing.assert_close(model._window(x, row, column), whole[row * wide + column], atol=0, rtol=0)


def test_a_window_by_hand():
    model = PixelNetwork(shape=(3, 3, 1), levels=256, hidden=4, up=1, side=1)
    x = torch.arange(1.0, 10).view(1, 3, 3, 1)
    found = model.windows(x)[:, 0].tolist()
    assert found[0] == [0, 0, 0, 0] and found[2] == [0, 0, 0, 2]
    assert found[4] == [1, 2, 3, 4] and found[8] == [5, 6, 0, 8]


def test_levels_are_scaled():
    model = PixelNetwork(shape=(1, 3, 1), levels=3, hidden=4)
    assert model.scaled(torch.tensor([0, 1, 2])).tolist() == [-1, 0, 1]


@pytest.mark.parametrize("known", [0, 1, 3, 4])
@pytest.mark.parametrize("name", ["two levels", "colours", "deep"])
def test_painting_keeps_the_rows_that_are_known(name, known):
    model, x = network(name), pictures(name, 8)
    before = x.clone()
    found = model.paint(x, known, generator=torch.Generator().manual_seed(0))
    assert torch.equal(x, before)
    assert torch.equal(found[:, :known], x[:, :known])
    assert found.dtype == x.dtype and found.min() >= 0 and found.max() < KINDS[name]["levels"]
    assert known == 4 or not torch.equal(found, x)


@pytest.mark.parametrize("name", KINDS)
def test_what_lies_below_the_known_rows_is_of_no_account(name):
    model, x, y = network(name), pictures(name), pictures(name, seed=2)
    y[:, :2] = x[:, :2]
    first, second = (model.paint(one, 2, generator=torch.Generator().manual_seed(0)) for one in (x, y))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("known", [0, 1])
def test_without_temperature_each_number_is_the_likeliest(name, known):
    model, x = network(name), pictures(name)
    found = model.paint(x, known, temperature=0)
    assert torch.equal(found, model.paint(x, known, temperature=0))
    z = model(found)
    logits = torch.cat([torch.zeros_like(z[..., :1]), z], -1)
    best = logits.gather(-1, found[..., None])[..., 0] - logits.amax(-1)
    assert (best[:, known:] > -1e-5).all()


def test_painted_pictures_are_as_frequent_as_their_probabilities():
    torch.manual_seed(0)
    model = PixelNetwork(shape=(2, 2, 1), levels=2, hidden=8).eval()
    nn.init.normal_(model.heads[0].weight, std=0.5)
    every = torch.tensor(list(itertools.product(range(2), repeat=4))).view(-1, 2, 2, 1)
    p = (-pixel_nats(model(every), every)).exp().detach()
    painted = model.paint(
        torch.zeros(20_000, 2, 2, 1, dtype=torch.int64), 0, generator=torch.Generator().manual_seed(0)
    )
    places = painted.flatten(1) @ torch.tensor([8, 4, 2, 1])
    share = torch.bincount(places, minlength=16) / 20_000
    assert p.max() > 2 * p.min()
    torch.testing.assert_close(share, p, atol=0.012, rtol=0)


def test_a_low_temperature_prefers_the_likely():
    model, x = network("levels"), pictures("levels", 50)
    nn.init.normal_(model.heads[0].weight)
    costs = []
    for temperature in (0.0, 0.3, 1.0):
        found = model.paint(x, 0, temperature, torch.Generator().manual_seed(0))
        costs.append(float(pixel_nats(model(found), found).mean().detach()))
    assert costs[0] < costs[1] < costs[2]


@pytest.mark.parametrize("levels", [2, 3, 7])
def test_nats_by_hand(levels):
    torch.manual_seed(0)
    z, x = 3 * torch.randn(4, 2, 3, 3, levels - 1, dtype=torch.float64), torch.randint(0, levels, (4, 2, 3, 3))
    p = torch.cat([torch.ones(4, 2, 3, 3, 1, dtype=torch.float64), z.exp()], -1)
    p = p / p.sum(-1, keepdim=True)
    expected = [
        -sum(p[(row, *at, x[(row, *at)])].log() for at in itertools.product(range(2), range(3), range(3)))
        for row in range(4)
    ]
    torch.testing.assert_close(pixel_nats(z, x), torch.stack(expected))


@pytest.mark.parametrize("name", KINDS)
def test_every_parameter_learns(name):
    model, x = network(name, dropout=0.2).train(), pictures(name)
    pixel_nats(model(x), x).sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), parameter_name
        assert (parameter.grad != 0).any(), parameter_name


def test_it_learns_a_picture():
    torch.manual_seed(0)
    model = PixelNetwork(shape=(3, 3, 1), levels=2, hidden=16)
    x = torch.eye(3, dtype=torch.int64)[None, :, :, None].expand(8, -1, -1, -1)
    adam = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(25):
        loss = pixel_nats(model(x), x).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss < 1
    assert torch.equal(model.paint(torch.zeros_like(x), 1, temperature=0)[0, 1:], x[0, 1:])


def test_dropout_acts_in_training_alone():
    model, x = network("levels", dropout=0.5), pictures("levels")
    assert torch.equal(model(x), model(x))
    model.train()
    assert not torch.equal(model(x), model(x))


def test_what_the_layers_refuse():
    with pytest.raises(ValueError, match="hidden"):
        PixelNetwork(shape=(2, 2, 1), levels=2, hidden=0)
