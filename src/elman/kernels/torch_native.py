"""torch's own recurrent kernels behind the layer's signature, padded or packed."""

from collections.abc import Callable
from functools import partial

import torch
from torch import _VF, Tensor

from elman.kernels.packing import Packing
from elman.kernels.weights import State, Weights

KERNELS: dict[tuple[str, str | None], Callable[..., tuple[Tensor, ...]]] = {
    ("rnn", "tanh"): _VF.rnn_tanh,
    ("rnn", "relu"): _VF.rnn_relu,
    ("lstm", None): _VF.lstm,
    ("gru", None): _VF.gru,
}


def layer(
    operation: str,
    x: Tensor,
    state: State,
    weights: tuple[Weights, ...],
    *,
    lengths: Tensor | None = None,
    activation: str | None = None,
) -> tuple[Tensor, State]:
    """Run one layer, in one direction or in both at once.

    Shapes: x (T, B, F); each state (D, B, ...); D sets of weights; lengths (B,) of integers in 1..T.
    Returns y (T, B, D*H), zero past each row's end, and each state (D, B, ...) at the row's own end.
    Raises: KeyError for an operation and activation that are not in KERNELS.
    """
    run = partial(_run, KERNELS[operation, activation], weights)
    steps, rows = x.shape[:2]
    if lengths is None:
        return run(x, None, state)
    longest = int(lengths.max()) if rows else steps
    if bool((lengths == longest).all()):
        # Equal rows are not ragged, and the packed kernels are several times slower than the padded ones.
        y, state = run(x[:longest], None, state)
        return (torch.nn.functional.pad(y, (0, 0, 0, 0, 0, steps - longest)) if longest < steps else y), state
    packing = Packing.of_lengths(lengths.to(x.device), steps)
    data, state = run(packing.pack(x), packing.counts, tuple(s.index_select(1, packing.order) for s in state))
    back = packing.order.argsort()
    return packing.unpack(data), tuple(s.index_select(1, back) for s in state)


def _run(
    kernel: Callable[..., tuple[Tensor, ...]],
    weights: tuple[Weights, ...],
    x: Tensor,
    counts: Tensor | None,
    state: State,
) -> tuple[Tensor, State]:
    flat = [w for own in weights for w in own if w is not None]
    before = state if len(state) > 1 else state[0]
    biases, ways = weights[0].bias_ih is not None, len(weights)
    # One layer leaves nothing for dropout (0.0) to act between. `train` says whether a backward pass may
    # follow, because cuDNN keeps what that needs only then.
    options = (before, flat, biases, 1, 0.0, torch.is_grad_enabled(), ways == 2)
    y, *after = kernel(x, *options, False) if counts is None else kernel(x, counts, *options)
    return y, tuple(after)
