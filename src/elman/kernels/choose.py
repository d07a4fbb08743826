"""Which implementation runs a recurrent layer, and why; every call of a layer goes through here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from elman.kernels import library, native, operators, precision, torch_native
from elman.kernels.given import check_given
from elman.kernels.gru import reference as gru
from elman.kernels.lstm import reference as lstm
from elman.kernels.options import ACTIVATIONS, EXTRAS, PLAIN, Options, check
from elman.kernels.rnn import reference as rnn
from elman.kernels.scan import indrnn, mingru, minlstm, rglru
from elman.kernels.scan import native as scan
from elman.kernels.slstm import reference as slstm
from elman.kernels.time_loop import both_ways
from elman.kernels.weights import Output, State, Weights

Layer = Callable[..., Output]

_SCANS = ("indrnn", "mingru", "minlstm", "rglru")

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
    "native": {
        **{operation: partial(operators.layer, operation) for operation in native.GATES},
        **{operation: partial(scan.layer, operation) for operation in _SCANS},
    },
}


def _native_lacks(operation: str, *given: Any) -> str | None:
    return (scan if operation in _SCANS else native).lacks(operation, *given)


OPERATIONS = tuple(IMPLEMENTATIONS["reference"])
"""Every operation there is."""

LACKS: dict[str, Callable[..., str | None]] = {"torch": torch_native.lacks, "native": _native_lacks}
"""For each implementation that has not everything: what it lacks of a layer, in words, or None."""

library.native()  # here, because torch.compile could not follow a library that is loaded while it traces

_forced: list[str] = []


class Choice(NamedTuple):
    """The name of the implementation that runs, and the reason in words."""

    implementation: str
    reason: str


_NATIVE = "the native library has this cell, and fuses its steps"
_FORCED = {name: Choice(name, f'kernels.use("{name}") is in force') for name in IMPLEMENTATIONS}


def choose(
    operation: str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    options: Options = PLAIN,
    weights: Weights | None = None,
    transformed: bool = False,
) -> Choice:
    """Say which implementation runs this layer, and why.

    `operation` is one of "rnn", "lstm", "gru", "slstm", "indrnn", "mingru", "minlstm", "rglru";
    `weights` (of one direction) tell a projection, peepholes and layer norm; `transformed` means inside
    torch.func or forward-mode differentiation.
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
    if transformed:
        return Choice("reference", "function transforms work on the plain loop over time")
    found = {name: lacks(name, operation, device, dtype, options, weights) for name in ("native", "torch")}
    if found["native"] is None:
        # torch.compile, which asks for the name alone, could not follow the question into the library.
        plain = operation in _SCANS or torch.compiler.is_compiling()
        return Choice("native", _NATIVE + ("" if plain else precision.reason(dtype)))
    if found["torch"] is None:
        return Choice("torch", f"{found['native']}, and torch has this cell")
    return Choice("reference", f"{found['native']}, and {found['torch']}: the plain loop over time computes it")


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
    """Force "reference", "torch" or "native" for every layer called during the `with` block, in every thread.

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
    if not weights:
        raise ValueError("there are 0 sets of weights, but 1 or 2 are needed: give one a direction")
    name = _decided(operation, x, options, weights[0])
    check_given(operation, x, state, weights, lengths, options)
    return IMPLEMENTATIONS[name][operation](x, state, weights, lengths=lengths, options=options)


_decisions: dict[Any, str] = {}


def _decided(operation: str, x: Tensor, options: Options, weights: Weights) -> str:
    """The name that `choose` gives, remembered: a tiny layer takes less time than a decision."""
    activation, reset, clip, heads, cells, *masks = options
    # Under autocast torch converts what its kernels are given.
    place = x.device.type
    mixed = place != "meta" and torch.is_autocast_enabled(place)
    dtype = torch.get_autocast_dtype(place) if mixed else x.dtype
    if torch.compiler.is_compiling():
        return choose(operation, device=x.device, dtype=dtype, options=options, weights=weights).implementation
    transformed, hidden = _transformed(), weights.weight_ih.shape[0]
    plain = (operation, transformed, x.device, dtype, activation, reset, clip, heads, cells, hidden)
    key = (*plain, *[part is None for part in masks], *[part is None for part in weights], *_forced[-1:])
    name = _decisions.get(key)
    if name is None:
        choice = choose(
            operation, device=x.device, dtype=dtype, options=options, weights=weights, transformed=transformed
        )
        name = _decisions[key] = choice.implementation
    return name


def _transformed() -> bool:
    return torch._C._functorch.maybe_current_level() is not None or forward_ad._current_level >= 0


def explain(*, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> str:
    """Tell in a small table which implementation runs each layer on this device, and why."""
    lines = [library.which(), f"recurrent layers on {device} in {str(dtype).removeprefix('torch.')}:"]
    part = torch.empty(0)
    projected = Weights(part, part, weight_hr=part)
    cells: list[tuple[str, str, Weights | None]] = [
        (operation, activation, None) for operation in EXTRAS for activation in ACTIVATIONS.get(operation, ("tanh",))
    ]
    for operation, activation, weights in [*cells, ("lstm", "tanh", projected)]:
        detail = "projection" if weights else activation if operation in ACTIVATIONS else None
        name = f"{operation} ({detail})" if detail else operation
        options = Options(activation=activation)
        implementation, reason = choose(operation, device=device, dtype=dtype, options=options, weights=weights)
        lines.append(f"{name:17} {implementation:9}  {reason}")
    return "\n".join(lines)
