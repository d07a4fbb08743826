"""The independently recurrent network, whose units see only themselves, by definition."""

from functools import partial
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import linear

from elman.kernels.options import PLAIN, Options
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the IndRNN.

        h_t = f(W x_t + b + u h_{t-1}),    f one of relu, tanh

    Shapes: x (B, F); state (h,) with h (B, H); weight_ih W (H, F), weight_hh u (H,), bias_ih b (H,).
    Returns (h,).
    Raises: KeyError for an activation that is not in ACTIVATIONS.
    Source: Li et al., arXiv:1803.04831.
    """
    (h,) = state
    a = linear(x, weights.weight_ih, weights.bias_ih) + cast(Tensor, weights.weight_hh) * h
    return (ACTIVATIONS[options.activation](a),)


layer = partial(over_time, step)
"""`step` over time: x (T, B, F) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""
