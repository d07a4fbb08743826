"""torch's own recurrent kernels behind the layer's signature, padded or packed."""

from collections.abc import Callable
from functools import partial

import torch
from torch import _VF, Tensor

from elman.kernels.options import PLAIN, Options, extras
from elman.kernels.packing import Packing
from elman.kernels.weights import Output, State, Weights

KERNELS: dict[tuple[str, str], Callable[..., tuple[Tensor, ...]]] = {
    ("rnn", "tanh"): _VF.rnn_tanh,
    ("rnn", "relu"): _VF.rnn_relu,
    ("lstm", "tanh"): _VF.lstm,
    ("gru", "tanh"): _VF.gru,
}


def lacks(
    operation: str,
    device: torch.device | str,
    dtype: torch.dtype,
    options: Options,
    weights: Weights | None,
) -> str | None:
    """Say what torch has no kernel for, or None where it has one."""
    if operation not in ("rnn", "lstm", "gru"):
        return f"torch has no {operation}"
    if (operation, options.activation) not in KERNELS:
        return f"torch has no simple recurrent network with the activation {options.activation!r}"
    for extra in extras(options, weights):
        if extra != "projection":
            return f"torch has no {operation} with {extra}"
        if torch.device(device).type == "mps":
            return "torch has no LSTM with a projection on mps"
    return None


def layer(
    operation: str,
    x: Tensor,
    state: State,
    weights: tuple[Weights, ...],
    *,
    lengths: Tensor | None = None,
    options: Options = PLAIN,
) -> Output:
    """Run one layer that torch does not lack, in one direction or in both at once.

    Shapes: x (T, B, F); each state (D, B, ...); D sets of weights; lengths (B,) of integers in 1..T.
    Returns y (T, B, D*H), zero past each row's end, and each state (D, B, ...) at the row's own end.
    Raises: KeyError for an operation and activation that are not in KERNELS.
    """
    run = partial(_run, KERNELS[operation, options.activation], weights)
    steps, rows = x.shape[:2]
    if lengths is None:
        return Output(*run(x, None, state))
    longest = int(lengths.max()) if rows else steps
    if bool((lengths == longest).all()):
        # Equal rows are not ragged, and the packed kernels are several times slower than the padded ones.
        y, state = run(x[:longest], None, state)
        past = (0, 0, 0, 0, 0, steps - longest)
        return Output(torch.nn.functional.pad(y, past) if longest < steps else y, state)
    packing = Packing.of_lengths(lengths.to(x.device), steps)
    data, state = run(packing.pack(x), packing.counts, tuple(s.index_select(1, packing.order) for s in state))
    back = packing.order.argsort()
    return Output(packing.unpack(data), tuple(s.index_select(1, back) for s in state))


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
    given = (before, flat, biases, 1, 0.0, torch.is_grad_enabled(), ways == 2)
    y, *after = kernel(x, *given, False) if counts is None else kernel(x, counts, *given)
    return y, tuple(after)
