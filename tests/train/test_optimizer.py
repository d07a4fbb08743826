"""Decay reaches matrices alone, whatever the optimizer."""

import pytest
import torch
from torch import nn

from elman.train.config import TrainConfig
from elman.train.optimizer import matrices, optimizer

NAMES = ("adamw", "adam", "sgd", "rmsprop")


@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_shrinks_matrices_and_leaves_biases(name):
    torch.manual_seed(0)
    module = nn.GRU(3, 4)
    before = {key: value.clone() for key, value in module.named_parameters()}
    made = optimizer(module, TrainConfig(optimizer=name, weight_decay=0.1, learning_rate=0.01))
    for _ in range(3):
        for parameter in module.parameters():
            parameter.grad = torch.zeros_like(parameter)
        made.step()
    for key, value in module.named_parameters():
        if key.startswith("bias"):
            assert torch.equal(value, before[key]), key
        else:
            assert value.norm() < before[key].norm(), key


@pytest.mark.parametrize("name", NAMES)
def test_without_decay_and_gradient_nothing_moves(name):
    module = nn.Linear(3, 2)
    before = module.weight.clone()
    made = optimizer(module, TrainConfig(optimizer=name, weight_decay=0.0))
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    made.step()
    assert torch.equal(module.weight, before)


def test_decoupled_decay_multiplies_by_one_minus_rate_times_decay():
    module = nn.Linear(3, 2)
    before = module.weight.clone()
    made = optimizer(module, TrainConfig(optimizer="adamw", weight_decay=0.5, learning_rate=0.1))
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    made.step()
    torch.testing.assert_close(module.weight, before * 0.95)


def test_frozen_weights_are_left_out_and_a_module_of_vectors_has_one_group():
    module = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    module[0].requires_grad_(False)
    assert matrices(module) == []
    groups = optimizer(module, TrainConfig(weight_decay=0.3)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.0]
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in module[1].parameters()}
