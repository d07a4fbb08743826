"""The real-gated linear recurrent unit of Griffin, by definition."""

from functools import partial
from typing import cast

import torch
from torch import Tensor, sigmoid
from torch.nn.functional import linear, softplus

from elman.kernels.options import PLAIN, Options
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights

RATE = 8.0


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the RG-LRU, gates in the order r, i, u, each a~ = W x_t + b.

        a_t = exp(-8 softplus(Λ) σ(r~))        decay, from the recurrence gate
        h_t = a_t h_{t-1} + sqrt(1 - a_t²) (σ(i~) u~)

    1 - a_t² is computed as -expm1(2 log a_t), which keeps its digits where a_t is nearly 1.

    Shapes: x (B, F); state (h,) with h (B, H); weight_ih (3H, F), bias_ih (3H,), decay Λ (H,). Returns (h,).
    Source: De et al., Griffin, arXiv:2402.19427, section 2.4, c = 8; here u is a product of x of its own, as
    the block around the unit has it.
    """
    (h,) = state
    r, i, u = linear(x, weights.weight_ih, weights.bias_ih).chunk(3, -1)
    log_a = -RATE * softplus(cast(Tensor, weights.decay)) * sigmoid(r)
    return (torch.exp(log_a) * h + torch.sqrt(-torch.expm1(2 * log_a)) * (sigmoid(i) * u),)


layer = partial(over_time, step)
"""`step` over time: x (T, B, F) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""
