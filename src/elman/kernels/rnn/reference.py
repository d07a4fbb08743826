"""The simple recurrent network, by definition."""

from functools import partial

import torch
from torch import Tensor

from elman.kernels.options import PLAIN, Options
from elman.kernels.product import clipped, of_input, of_state, zoned
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the simple recurrent network.

        h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),    f one of tanh, relu, sigmoid

    The network's output y_t = g(W_hy h_t + b_y) is a head's work and is not computed here.

    Shapes: x (B, F); state (h,) with h (B, H); drop and zone_h (B, H). Returns (h,).
    Raises: KeyError for an activation that is not in ACTIVATIONS.
    Source: Elman, "Finding structure in time", Cognitive Science 14 (1990), whose f is the sigmoid; with two
    biases, as torch has them. Layer norm, clip, dropout of h and zoneout: `product.py` and `Options`.
    """
    (h,) = state
    f = ACTIVATIONS[options.activation]
    read = h if options.drop is None else options.drop * h
    a = of_input(x, weights) + of_state(read, weights)
    return (zoned(h, f(clipped(a, options)), options.zone_h),)


layer = partial(over_time, step)
"""`step` over time: x (T, B, F) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""
