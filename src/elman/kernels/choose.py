"""Which implementation runs a recurrent layer, and why; every call of a layer goes through here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from elman.kernels import torch_native
from elman.kernels.gru import reference as gru
from elman.kernels.lstm import reference as lstm
from elman.kernels.rnn import reference as rnn
from elman.kernels.time_loop import both_ways
from elman.kernels.weights import State, Weights

Layer = Callable[..., tuple[Tensor, State]]

IMPLEMENTATIONS: dict[str, dict[str, Layer]] = {
    "reference": {
        "rnn": partial(both_ways, rnn.layer),
        "lstm": partial(both_ways, lstm.layer),
        "gru": partial(both_ways, gru.layer),
    },
    "torch": {operation: partial(torch_native.layer, operation) for operation in ("rnn", "lstm", "gru")},
}

ACTIVATIONS: dict[str, tuple[str | None, ...]] = {
    "rnn": tuple(rnn.ACTIVATIONS),
    "lstm": (None,),
    "gru": (None,),
}

_forced: list[str] = []


class Choice(NamedTuple):
    """The name of the implementation that runs, and the reason in words."""

    implementation: str
    reason: str


_PADDED = Choice("torch", "torch has this cell, and its padded kernel outruns a plain loop over time")
_PACKED = Choice("torch", "torch has this cell, and its packed kernel takes only the real steps of each row")
_FORCED = {name: Choice(name, f'kernels.use("{name}") is in force') for name in IMPLEMENTATIONS}


def choose(
    operation: str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    ragged: bool = False,
    activation: str | None = None,
    projection: bool = False,
) -> Choice:
    """Say which implementation runs this layer, and why.

    `operation` is "rnn", "lstm" or "gru"; `activation` is the simple network's "tanh", "relu" or "sigmoid",
    None for the others; `ragged` means rows of different lengths; `projection` an LSTM with proj_size > 0.
    Raises: ValueError for an unknown operation or activation, a dtype without fractions, a projection outside
    the LSTM, or a forced implementation that lacks the cell.
    """
    if operation not in ACTIVATIONS:
        raise ValueError(f"operation is {operation!r}, but there are {', '.join(ACTIVATIONS)}: choose one of these")
    if activation not in ACTIVATIONS[operation]:
        known = ", ".join(map(repr, ACTIVATIONS[operation]))
        raise ValueError(f"activation is {activation!r}, but {operation!r} has {known}: choose one of these")
    if not dtype.is_floating_point:
        raise ValueError(f"dtype is {dtype}, but a recurrent layer needs a floating type: convert with x.float()")
    if projection and operation != "lstm":
        raise ValueError(f"projection is True, but {operation!r} has none: use an LSTM or leave it out")
    missing = _missing_from_torch(operation, device, activation, projection)
    if _forced:
        if _forced[-1] == "torch" and missing is not None:
            raise ValueError(f'kernels.use("torch") is in force, but {missing}: use "reference" here')
        return _FORCED[_forced[-1]]
    if missing is not None:
        return Choice("reference", f"{missing}, so the plain loop over time computes it")
    return _PACKED if ragged else _PADDED


def _missing_from_torch(
    operation: str, device: torch.device | str, activation: str | None, projection: bool
) -> str | None:
    if (operation, activation) not in torch_native.KERNELS:
        return f"torch has no simple recurrent network with the activation {activation!r}"
    if projection and torch.device(device).type == "mps":
        return "torch has no LSTM with a projection on mps"
    return None


@contextmanager
def use(implementation: str) -> Iterator[None]:
    """Force "reference" or "torch" for every layer called during the `with` block, in every thread.

    Raises: ValueError for an unknown name.
    """
    if implementation not in IMPLEMENTATIONS:
        known = " or ".join(map(repr, IMPLEMENTATIONS))
        raise ValueError(f"implementation is {implementation!r}, but it must be {known}: name one of these")
    _forced.append(implementation)
    try:
        yield
    finally:
        _forced.pop()


def layer(
    operation: str,
    x: Tensor,
    state: State,
    weights: tuple[Weights, ...],
    *,
    lengths: Tensor | None = None,
    activation: str | None = None,
) -> tuple[Tensor, State]:
    """Run one recurrent layer, forward or (given two sets of weights) both ways, as `choose` decides.

    Shapes: x (T, B, F); each state (D, B, H), an LSTM's h (D, B, P) with a projection; D sets of weights;
    lengths (B,) of integers in 1..T, or None where every row has T steps.
    Returns y (T, B, D*H or D*P), zero past each row's end, and the state (D, B, ...) that each row ends with:
    forward at its own last step, backward at its first.
    Raises: ValueError as `choose` does.
    """
    choice = choose(
        operation,
        device=x.device,
        dtype=x.dtype,
        ragged=lengths is not None,
        activation=activation,
        projection=weights[0].weight_hr is not None,
    )
    run = IMPLEMENTATIONS[choice.implementation][operation]
    if activation is None:
        return run(x, state, weights, lengths=lengths)
    return run(x, state, weights, lengths=lengths, activation=activation)


def explain(*, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> str:
    """Tell in a small table which implementation runs each layer on this device, and why."""
    lines = [f"recurrent layers on {device} in {str(dtype).removeprefix('torch.')}:"]
    cells = [(operation, a, False) for operation, activations in ACTIVATIONS.items() for a in activations]
    for operation, activation, projection in [*cells, ("lstm", None, True)]:
        detail = "projection" if projection else activation
        name = f"{operation} ({detail})" if detail else operation
        for ragged in (False, True):
            implementation, reason = choose(
                operation,
                device=device,
                dtype=dtype,
                ragged=ragged,
                activation=activation,
                projection=projection,
            )
            lines.append(f"{name:17} {'ragged' if ragged else 'padded'}  {implementation:9}  {reason}")
    return "\n".join(lines)
