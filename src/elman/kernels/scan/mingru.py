"""The minimal GRU, linear in its state, by definition."""

from functools import partial

from torch import Tensor, sigmoid
from torch.nn.functional import linear

from elman.kernels.options import PLAIN, Options
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the minGRU, gates in the order z, h.

        z   = σ(W_z x_t + b_z)                 update gate: 0 keeps the old state
        h~  = W_h x_t + b_h
        h_t = (1 - z) h_{t-1} + z h~

    Shapes: x (B, F); state (h,) with h (B, H); weight_ih (2H, F), bias_ih (2H,). Returns (h,).
    Source: Feng et al., "Were RNNs all we needed?", arXiv:2410.01201, section 3.1, whose update gate is the
    opposite of a GRU's.
    """
    (h,) = state
    z, new = linear(x, weights.weight_ih, weights.bias_ih).chunk(2, -1)
    return (sigmoid(-z) * h + sigmoid(z) * new,)


layer = partial(over_time, step)
"""`step` over time: x (T, B, F) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""
