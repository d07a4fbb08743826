"""The linear scan, whose decays and inputs are given, by definition."""

from functools import partial

from torch import Tensor

from elman.kernels.options import PLAIN, Options
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the linear scan.

        h_t = a_t h_{t-1} + b_t

    Shapes: x (B, 2H), a_t beside b_t; state (h,) with h (B, H); the weights are not used. Returns (h,).
    """
    (h,) = state
    a, b = x.chunk(2, -1)
    return (a * h + b,)


layer = partial(over_time, step)
"""`step` over time: x (T, B, 2H) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""
