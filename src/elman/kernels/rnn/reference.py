"""The simple recurrent network, by definition."""

import torch
from torch import Tensor
from torch.nn.functional import linear

from elman.kernels.time_loop import over_time
from elman.kernels.weights import State, Weights

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def step(x: Tensor, state: State, weights: Weights, *, activation: str = "tanh") -> State:
    """One step of the simple recurrent network.

        h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),    f one of tanh, relu, sigmoid

    The network's output y_t = g(W_hy h_t + b_y) is a head's work and is not computed here.

    Shapes: x (B, F); state (h,) with h (B, H). Returns (h,).
    Raises: KeyError for an activation that is not in ACTIVATIONS.
    Source: Elman, "Finding structure in time", Cognitive Science 14 (1990), whose f is the sigmoid; with two
    biases, as torch has them.
    """
    (h,) = state
    f = ACTIVATIONS[activation]
    return (f(linear(x, weights.weight_ih, weights.bias_ih) + linear(h, weights.weight_hh, weights.bias_hh)),)


def layer(
    x: Tensor,
    state: State,
    weights: Weights,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    activation: str = "tanh",
) -> tuple[Tensor, State]:
    """Run `step` over time: x (T, B, F) and state (h,) to y (T, B, H) and the final (h,); see `over_time`."""

    def one(x_t: Tensor, before: State) -> State:
        return step(x_t, before, weights, activation=activation)

    return over_time(one, x, state, lengths=lengths, reverse=reverse)
