"""The forecaster's network: starts at its level, sees the last observation, undoes what normalisation did."""

import itertools

import pytest
import torch

from elman.nn.forecaster import ForecastNetwork

PAST, FUTURE, HORIZON, LAGS, KIN = 7, 4, 5, 2, 1


def network(cell="lstm", level="none", groups=1, layers=1):
    torch.manual_seed(0)
    return ForecastNetwork(
        past=PAST, future=FUTURE, horizon=HORIZON, outputs=6, kin=KIN, lags=LAGS, groups=groups,
        cell=cell, layers=layers, hidden=8, dropout=0.1, residual=False, level=level,
    ).eval()  # fmt: skip


def batch(rows=3, steps=9):
    random = torch.Generator().manual_seed(1)
    x = torch.randn(rows, steps, PAST, generator=random)
    return x, torch.randn(rows, HORIZON, FUTURE, generator=random), torch.arange(rows) % 2


@pytest.mark.parametrize(("cell", "level"), list(itertools.product(("rnn", "lstm", "gru"), ("last", "window", "none"))))
def test_the_first_forecast_sees_the_last_observation(cell, level):
    net = network(cell, level)
    with torch.no_grad():
        net.head[-1].weight.normal_()
    x, known, group = batch()
    x.requires_grad_()
    net(x, known, group)[:, 0].sum().backward()
    assert (x.grad[:, -1, 0] != 0).all()
    assert (x.grad[:, 0] != 0).any()


@pytest.mark.parametrize("level", ["last", "window", "none"])
def test_training_starts_at_the_level(level):
    x, known, group = batch()
    start = {"last": x[:, -1, 0], "window": x[..., 0].mean(1), "none": torch.zeros(3)}[level]
    out = network(level=level)(x, known, group)
    torch.testing.assert_close(out, start[:, None, None].expand_as(out))


@pytest.mark.parametrize("level", ["last", "window"])
def test_a_shift_of_the_window_shifts_the_forecast(level):
    net = network(level=level)
    with torch.no_grad():
        net.head[-1].weight.normal_()
        net.repeat.normal_()
    x, known, group = batch()
    moved_x, moved_known = x.clone(), known.clone()
    moved_x[..., : 1 + KIN] += 100
    moved_known[..., :LAGS] += 100
    out = net(x, known, group)
    torch.testing.assert_close(net(moved_x, moved_known, group), out + 100, atol=1e-3, rtol=0)


def test_groups_have_their_own_embedding_and_the_unseen_one_too():
    net = network(groups=4)
    with torch.no_grad():
        net.head[-1].weight.normal_()
    x, known, _ = batch(rows=1)
    answers = [net(x, known, torch.tensor([g])) for g in range(5)]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(answers, 2))
