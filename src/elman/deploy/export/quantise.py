"""Matrices as whole numbers of eight bits: what that does to a network, in torch."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import nn

from elman.deploy.export.graph import whole_numbers
from elman.tasks.base import Task

M = TypeVar("M", bound=nn.Module)
T = TypeVar("T", bound=Task)


@torch.no_grad()
def rounded_network(network: M) -> M:
    """A copy whose every parameter of two axes and more is  scale_r q_rc,  as an int8 export stores it."""
    found = deepcopy(network).eval()
    for parameter in found.parameters():
        if parameter.dim() > 1:
            whole, scale = map(torch.from_numpy, whole_numbers(parameter.flatten(1)))
            parameter.copy_((whole.float() * scale[:, None]).reshape(parameter.shape))
    return found


def on_cpu(task: T) -> T:
    """The same model with a network of its own on the CPU, where ONNX Runtime is compared with it."""
    found: Any = copy(task)
    found.network_ = deepcopy(task.network_).cpu().eval()
    found.config_ = replace(task.config_, device="cpu")
    return found


def rounded(task: T) -> T:
    """The same model with such a network: what it answers is what an int8 export answers."""
    found: Any = copy(task)
    found.network_ = rounded_network(task.network_)
    return found
