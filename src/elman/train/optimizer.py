"""The optimizers of torch, with decay on matrices alone: a bias or a gain pulled to zero loses what it is for."""

from __future__ import annotations

import torch
from torch import nn

from elman.train.config import TrainConfig


def matrices(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad and p.dim() > 1]


def optimizer(module: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """``config.optimizer`` over two parameter groups: matrices with weight decay, the rest without."""
    groups = [
        {"params": matrices(module), "weight_decay": config.weight_decay},
        {"params": [p for p in module.parameters() if p.requires_grad and p.dim() <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate, betas = config.learning_rate, (0.9, config.beta2)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True)
    if config.optimizer == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=betas, fused=True)
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.RMSprop(groups, lr=rate)
