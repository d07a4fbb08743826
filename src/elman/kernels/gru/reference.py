"""The gated recurrent unit, by definition."""

from torch import Tensor, sigmoid, tanh
from torch.nn.functional import linear

from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights


def step(x: Tensor, state: State, weights: Weights) -> State:
    """One step of the GRU, gates in the order r, z, n.

        r   = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)    reset gate
        z   = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)    update gate: 1 keeps the old state
        n   = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn))
        h_t = (1 - z) n + z h_{t-1}

    Shapes: x (B, F); state (h,) with h (B, H). Returns (h,).
    Source: Cho et al., arXiv:1406.1078; here, as in torch and cuDNN, the reset gate acts after the recurrent
    product (the paper has W_hn (r h_{t-1})).
    """
    (h,) = state
    x_r, x_z, x_n = linear(x, weights.weight_ih, weights.bias_ih).chunk(3, -1)
    h_r, h_z, h_n = linear(h, weights.weight_hh, weights.bias_hh).chunk(3, -1)
    r = sigmoid(x_r + h_r)
    z = sigmoid(x_z + h_z)
    n = tanh(x_n + r * h_n)
    return ((1 - z) * n + z * h,)


def layer(
    x: Tensor, state: State, weights: Weights, *, lengths: Tensor | None = None, reverse: bool = False
) -> tuple[Tensor, State]:
    """Run `step` over time: x (T, B, F) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""

    def one(x_t: Tensor, before: State) -> State:
        return step(x_t, before, weights)

    return over_time(one, x, state, lengths=lengths, reverse=reverse)
