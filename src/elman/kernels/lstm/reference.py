"""Long short-term memory, by definition."""

from torch import Tensor, sigmoid, tanh
from torch.nn.functional import linear

from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights


def step(x: Tensor, state: State, weights: Weights) -> State:
    """One step of the LSTM, gates in the order i, f, g, o.

        i   = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)       input gate
        f   = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)       forget gate
        g   = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)    candidate
        o   = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)       output gate
        c_t = f c_{t-1} + i g
        h_t = o tanh(c_t),    or W_hr (o tanh(c_t)) with a projection

    Shapes: x (B, F); state (h, c) with h (B, H), or (B, P) with a projection, and c (B, H). Returns (h, c).
    Source: Hochreiter and Schmidhuber, Neural Computation 9 (1997), with the forget gate of Gers, Schmidhuber
    and Cummins (2000) and the projection of Sak, Senior and Beaufays (arXiv:1402.1128); without peepholes.
    """
    h, c = state
    gates = linear(x, weights.weight_ih, weights.bias_ih) + linear(h, weights.weight_hh, weights.bias_hh)
    i, f, g, o = gates.chunk(4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return (h if weights.weight_hr is None else linear(h, weights.weight_hr)), c


def layer(
    x: Tensor, state: State, weights: Weights, *, lengths: Tensor | None = None, reverse: bool = False
) -> tuple[Tensor, State]:
    """Run `step` over time: x (T, B, F), state (h, c) to y (T, B, H or P), final (h, c); see `over_time`."""

    def one(x_t: Tensor, before: State) -> State:
        return step(x_t, before, weights)

    return over_time(one, x, state, lengths=lengths, reverse=reverse)
