"""The sLSTM of xLSTM, an LSTM with exponential input gates, by definition."""

from functools import partial
from typing import cast

import torch
from torch import Tensor, exp, sigmoid, tanh
from torch.nn.functional import linear, logsigmoid

from elman.kernels.options import PLAIN, Options
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the sLSTM, gates in the order i, f, z, o, each a~ = W x_t + b + R h_{t-1}.

        l   = log σ(f~)                        forget gate, as a logarithm
        m_t = max(l + m_{t-1}, i~)             the largest exponent so far
        i   = exp(i~ - m_t)                    input gate, at most 1
        f   = exp(l + m_{t-1} - m_t)           forget gate, at most 1
        c_t = f c_{t-1} + i tanh(z~)
        n_t = f n_{t-1} + i                    the weight that c_t has gathered
        h_t = σ(o~) c_t / n_t

    c, n and m start at 0. R is block diagonal: h is cut into heads of d = H/heads units, and head k's rows
    g*H + k*d + j of weight_hh act on its own units alone. Gradients flow through m_t as well.

    Shapes: x (B, F); state (h, c, n, m), each (B, H); weight_ih (4H, F), weight_hh (4H, d), bias_ih (4H,).
    Returns (h, c, n, m).
    Source: Beck et al., xLSTM, arXiv:2405.04517, equations 8 to 17, with the sigmoid forget gate.
    """
    h, c, n, m = state
    own = cast(Tensor, weights.weight_hh).reshape(4, options.heads, h.shape[1] // options.heads, -1)
    from_h = torch.einsum("gkjd,bkd->bgkj", own, h.reshape(len(h), options.heads, -1)).flatten(1)
    i, f, z, o = (linear(x, weights.weight_ih, weights.bias_ih) + from_h).chunk(4, -1)
    kept = logsigmoid(f) + m
    m = torch.maximum(kept, i)
    i, f = exp(i - m), exp(kept - m)
    c = f * c + i * tanh(z)
    n = f * n + i
    return sigmoid(o) * c / n, c, n, m


layer = partial(over_time, step)
"""`step` over time: x (T, B, F) and state (h, c, n, m) to y (T, B, H) and the final state; see `over_time`."""
