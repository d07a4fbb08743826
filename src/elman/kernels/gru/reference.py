"""The gated recurrent unit, by definition."""

from functools import partial
from typing import cast

from torch import Tensor, sigmoid, tanh
from torch.nn.functional import linear

from elman.kernels.options import PLAIN, Options
from elman.kernels.product import clipped, of_input, of_state, zoned
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the GRU, gates in the order r, z, n.

        r   = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)    reset gate
        z   = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)    update gate: 1 keeps the old state
        n   = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn)),  reset "after" the product
        n   = tanh(W_in x_t + b_in + W_hn (r h_{t-1}) + b_hn),  reset "before" it
        h_t = (1 - z) n + z h_{t-1}

    Dropout acts on the h_{t-1} that W_hh reads, not on the one that z keeps; it is applied before r.

    Shapes: x (B, F); state (h,) with h (B, H); drop and zone_h (B, H). Returns (h,).
    Source: Cho et al., arXiv:1406.1078, who reset before the product; torch and cuDNN reset after it.
    """
    (h,) = state
    read = h if options.drop is None else options.drop * h
    x_r, x_z, x_n = of_input(x, weights).chunk(3, -1)
    h_r, h_z, h_n = of_state(read, weights).chunk(3, -1)
    r = sigmoid(clipped(x_r + h_r, options))
    z = sigmoid(clipped(x_z + h_z, options))
    n = tanh(clipped(x_n + (r * h_n if options.reset == "after" else _new(r * read, weights)), options))
    return (zoned(h, (1 - z) * n + z * h, options.zone_h),)


def _new(h: Tensor, weights: Weights) -> Tensor:
    """W_hn h + b_hn."""
    bias = weights.bias_hh
    return linear(h, cast(Tensor, weights.weight_hh).chunk(3)[2], None if bias is None else bias.chunk(3)[2])


layer = partial(over_time, step)
"""`step` over time: x (T, B, F) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""
