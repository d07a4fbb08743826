"""Dropout: what is dropped together, how much, and that evaluation is untouched."""

import copy
import pickle

import pytest
import torch

from elman import nn
from elman.nn import Embedding, VariationalDropout, weight_drop


def test_a_feature_is_dropped_at_all_steps():
    torch.manual_seed(0)
    y = VariationalDropout(0.25)(torch.ones(7, 40, 50))
    assert (y == y[0]).all()
    assert y.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]
    assert (y == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)


def test_a_symbol_is_dropped_wherever_it_is():
    torch.manual_seed(0)
    embedding = Embedding(1000, 4, dropout=0.25)
    x = torch.arange(1, 1000).repeat(2, 1)
    shares = embedding(x) / embedding.weight[x]
    assert (shares[0] == shares[1]).all()
    torch.testing.assert_close(shares, shares[..., :1].expand_as(shares))
    assert (shares[0, :, 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)
    torch.testing.assert_close(shares.max(), torch.tensor(1 / 0.75))


def test_padding_is_nothing_and_learns_nothing():
    embedding = Embedding(5, 3, scale=0.1)
    y = embedding(torch.tensor([[0, 2]]))
    y.sum().backward()
    assert (y[0, 0] == 0).all()
    assert (embedding.weight.grad[0] == 0).all()
    assert (embedding.weight.grad[2] == 1).all()


@pytest.mark.parametrize("layer", [VariationalDropout(0.5), Embedding(9, 4, dropout=0.5)], ids=["features", "symbols"])
def test_evaluation_drops_nothing(layer):
    x = torch.arange(1, 9).view(4, 2) if isinstance(layer, Embedding) else torch.randn(4, 2, 3)
    expected = layer.weight[x] if isinstance(layer, Embedding) else x
    torch.testing.assert_close(layer.eval()(x), expected)


CELLS = [(nn.LSTM, {"num_layers": 2, "bidirectional": True}), (nn.GRU, {}), (nn.RNN, {"layer_norm": True})]


@pytest.mark.parametrize(("make", "settings"), CELLS, ids=str)
def test_weight_drop_is_the_stack_with_dropped_weights(make, settings):
    torch.manual_seed(0)
    plain = make(3, 6, dtype=torch.float64, **settings)
    dropped = weight_drop(copy.deepcopy(plain), 0.4)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    names = [name for name, _ in plain.named_parameters() if name.startswith("weight_hh")]

    torch.manual_seed(7)
    y, _ = dropped(x)
    torch.manual_seed(7)
    masks = {name: torch.nn.functional.dropout(torch.ones_like(getattr(plain, name)), 0.4) for name in names}
    with torch.no_grad():
        for name in names:
            getattr(plain, name).mul_(masks[name])
    expected, _ = plain(x)

    torch.testing.assert_close(y, expected)
    y.square().sum().backward()
    expected.square().sum().backward()
    for name, parameter in plain.named_parameters():
        right = parameter.grad * masks[name] if name in masks else parameter.grad
        torch.testing.assert_close(getattr(dropped, name).grad, right)


def test_weight_drop_leaves_the_weights_names_and_evaluation_alone():
    torch.manual_seed(0)
    plain = nn.LSTM(3, 6)
    dropped = weight_drop(copy.deepcopy(plain), 0.4)
    x = torch.randn(5, 2, 3)
    dropped(x)[0].sum().backward()

    assert list(dropped.state_dict()) == list(plain.state_dict())
    assert all(isinstance(parameter, torch.nn.Parameter) for parameter in dropped._parameters.values())
    for name, parameter in plain.named_parameters():
        assert torch.equal(getattr(dropped, name), parameter)
    torch.testing.assert_close(dropped.eval()(x)[0], plain(x)[0])
    torch.testing.assert_close(dropped.train().stepper(2).step(x[0]), plain(x)[0][0])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_weight_drop_goes_with_a_copy(copied):
    original = weight_drop(nn.GRU(3, 6), 0.4)
    again, x = copied(original), torch.randn(5, 2, 3)
    torch.manual_seed(3)
    y, _ = original(x)
    torch.manual_seed(3)
    torch.testing.assert_close(again(x)[0], y)
    assert not torch.equal(original(x)[0], y)
    # Training one leaves the other as it was.
    with torch.no_grad():
        original.weight_hh_l0.zero_()
    assert (again.weight_hh_l0 != 0).any()


def test_after_an_error_the_weights_are_the_modules_own():
    module = weight_drop(nn.GRU(3, 6), 0.4)
    before = module.weight_hh_l0
    with pytest.raises(RuntimeError, match="input has 4 features"):
        module(torch.zeros(5, 2, 4))
    assert module.weight_hh_l0 is before


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
def test_a_chance_below_one(p):
    for make in (VariationalDropout, lambda p: Embedding(3, 2, dropout=p), lambda p: weight_drop(nn.GRU(3, 6), p)):
        with pytest.raises(ValueError, match=r"but it is a probability below 1"):
            make(p)


def test_weights_that_are_not_there():
    with pytest.raises(ValueError, match="names is 'weight_hh', but the module has weight, bias"):
        weight_drop(torch.nn.Linear(2, 3), 0.5)
    with pytest.raises(TypeError, match=r"use elman\.nn\.LSTM"):
        weight_drop(torch.nn.LSTM(2, 3), 0.5)
