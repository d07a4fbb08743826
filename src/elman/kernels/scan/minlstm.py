"""The minimal LSTM, linear in its state, by definition."""

from functools import partial

from torch import Tensor, sigmoid
from torch.nn.functional import linear, logsigmoid

from elman.kernels.options import PLAIN, Options
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the minLSTM, gates in the order f, i, h.

        f, i = σ(W_f x_t + b_f), σ(W_i x_t + b_i)
        h~   = W_h x_t + b_h
        h_t  = f' h_{t-1} + i' h~,    f' = f / (f + i),  i' = i / (f + i)

    f' is computed as σ(log f - log i), which two vanishing gates do not turn into 0 / 0.

    Shapes: x (B, F); state (h,) with h (B, H); weight_ih (3H, F), bias_ih (3H,). Returns (h,).
    Source: Feng et al., "Were RNNs all we needed?", arXiv:2410.01201, section 3.2.
    """
    (h,) = state
    f, i, new = linear(x, weights.weight_ih, weights.bias_ih).chunk(3, -1)
    odds = logsigmoid(f) - logsigmoid(i)
    return (sigmoid(odds) * h + sigmoid(-odds) * new,)


layer = partial(over_time, step)
"""`step` over time: x (T, B, F) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""
