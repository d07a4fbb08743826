"""Long short-term memory, by definition."""

from functools import partial

from torch import Tensor, sigmoid, tanh
from torch.nn.functional import linear

from elman.kernels.options import PLAIN, Options
from elman.kernels.product import clipped, normalised, of_input, of_state, zoned
from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights


def step(x: Tensor, state: State, weights: Weights, options: Options = PLAIN) -> State:
    """One step of the LSTM, gates in the order i, f, g, o.

        i  = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)       input gate;   + w_ci c_{t-1} with peepholes
        f  = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)       forget gate;  + w_cf c_{t-1}
        g  = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)    candidate
        c~ = f c_{t-1} + i g
        o  = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)       output gate;  + w_co c~
        h~ = o tanh(c~),    o tanh(g_c N(c~) + b_c) with layer norm, W_hr of it with a projection
        c_t, h_t = c~, h~,  or each zoned out with what it was before

    Shapes: x (B, F); state (h, c) with h (B, H), or (B, P) with a projection, and c (B, H); drop and zone_h
    (B, P), zone_c (B, H). Returns (h, c).
    Source: Hochreiter and Schmidhuber, Neural Computation 9 (1997), with the forget gate of Gers, Schmidhuber
    and Cummins (2000), the peepholes of Gers and Schmidhuber (2000), the projection of Sak, Senior and Beaufays
    (arXiv:1402.1128), the layer norm of Ba et al. (arXiv:1607.06450), whose carried c is not normalised, and
    the zoneout of Krueger et al. (arXiv:1606.01305).
    """
    h, c = state
    read = h if options.drop is None else options.drop * h
    i, f, g, o = (of_input(x, weights) + of_state(read, weights)).chunk(4, -1)
    if weights.weight_ch is not None:
        w_ci, w_cf, w_co = weights.weight_ch.chunk(3)
        i, f = i + w_ci * c, f + w_cf * c
    after = sigmoid(clipped(f, options)) * c + sigmoid(clipped(i, options)) * tanh(clipped(g, options))
    if weights.weight_ch is not None:
        o = o + w_co * after
    seen = after if weights.gain_c is None else normalised(after, weights.gain_c, weights.bias_c)
    out = sigmoid(clipped(o, options)) * tanh(seen)
    if weights.weight_hr is not None:
        out = linear(out, weights.weight_hr)
    return zoned(h, out, options.zone_h), zoned(c, after, options.zone_c)


layer = partial(over_time, step)
"""`step` over time: x (T, B, F), state (h, c) to y (T, B, P), the final (h, c) and every c; see `over_time`."""
