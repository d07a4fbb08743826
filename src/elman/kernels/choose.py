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
from elman.kernels.options import ACTIVATIONS, EXTRAS, PLAIN, Options, check
from elman.kernels.rnn import reference as rnn
from elman.kernels.scan import indrnn, mingru, minlstm, rglru
from elman.kernels.slstm import reference as slstm
from elman.kernels.time_loop import both_ways
from elman.kernels.weights import Output, State, Weights

Layer = Callable[..., Output]

IMPLEMENTATIONS: dict[str, dict[str, Layer]] = {
    "reference": {
        "rnn": partial(both_ways, rnn.layer),
        "lstm": partial(both_ways, lstm.layer),
        "gru": partial(both_ways, gru.layer),
        "slstm": partial(both_ways, slstm.layer),
        "indrnn": partial(both_ways, indrnn.layer),
        "mingru": partial(both_ways, mingru.layer),
        "minlstm": partial(both_ways, minlstm.layer),
        "rglru": partial(both_ways, rglru.layer),
    },
    "torch": {operation: partial(torch_native.layer, operation) for operation in ("rnn", "lstm", "gru")},
}

LACKS: dict[str, Callable[..., str | None]] = {"torch": torch_native.lacks}
"""For each implementation that has not everything: what it lacks of a layer, in words, or None."""

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
    options: Options = PLAIN,
    weights: Weights | None = None,
) -> Choice:
    """Say which implementation runs this layer, and why.

    `operation` is one of "rnn", "lstm", "gru", "slstm", "indrnn", "mingru", "minlstm", "rglru"; `ragged` means
    rows of different lengths; `weights` (of one direction) tell a projection, peepholes and layer norm.
    Raises: ValueError for an unknown operation, for options or weights that it has not, for a dtype without
    fractions, or for a forced implementation that lacks the cell.
    """
    check(operation, options, weights)
    if not dtype.is_floating_point:
        raise ValueError(f"dtype is {dtype}, but a recurrent layer needs a floating type: convert with x.float()")
    if _forced:
        missing = lacks(_forced[-1], operation, device, dtype, options, weights)
        if missing is not None:
            raise ValueError(f'kernels.use("{_forced[-1]}") is in force, but {missing}: use "reference" here')
        return _FORCED[_forced[-1]]
    missing = lacks("torch", operation, device, dtype, options, weights)
    if missing is not None:
        return Choice("reference", f"{missing}, so the plain loop over time computes it")
    return _PACKED if ragged else _PADDED


def lacks(
    implementation: str,
    operation: str,
    device: torch.device | str,
    dtype: torch.dtype,
    options: Options,
    weights: Weights | None,
) -> str | None:
    """Say in words what an implementation lacks of this layer; None where it computes it."""
    own = LACKS.get(implementation)
    return own and own(operation, device, dtype, options, weights)


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
    options: Options = PLAIN,
) -> Output:
    """Run one recurrent layer, forward or (given two sets of weights) both ways, as `choose` decides.

    Shapes: x (T, B, F); each state (D, B, H), an LSTM's h (D, B, P) with a projection; D sets of weights;
    lengths (B,) of integers in 1..T, or None where every row has T steps.
    Returns y (T, B, D*P), zero past each row's end, the state (D, B, ...) that each row ends with, forward at
    its own last step, backward at its first, and with options.cells every c_t (T, B, D*H).
    Raises: ValueError as `choose` does.
    """
    choice = choose(
        operation, device=x.device, dtype=x.dtype, ragged=lengths is not None, options=options, weights=weights[0]
    )
    return IMPLEMENTATIONS[choice.implementation][operation](x, state, weights, lengths=lengths, options=options)


def explain(*, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> str:
    """Tell in a small table which implementation runs each layer on this device, and why."""
    lines = [f"recurrent layers on {device} in {str(dtype).removeprefix('torch.')}:"]
    part = torch.empty(0)
    projected = Weights(part, part, weight_hr=part)
    cells: list[tuple[str, str, Weights | None]] = [
        (operation, activation, None) for operation in EXTRAS for activation in ACTIVATIONS.get(operation, ("tanh",))
    ]
    for operation, activation, weights in [*cells, ("lstm", "tanh", projected)]:
        detail = "projection" if weights else activation if operation in ACTIVATIONS else None
        name = f"{operation} ({detail})" if detail else operation
        options = Options(activation=activation)
        for ragged in (False, True):
            implementation, reason = choose(
                operation, device=device, dtype=dtype, ragged=ragged, options=options, weights=weights
            )
            lines.append(f"{name:17} {'ragged' if ragged else 'padded'}  {implementation:9}  {reason}")
    return "\n".join(lines)
