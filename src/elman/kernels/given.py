"""What a layer is given must fit together before any kernel reads memory by it."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from elman.kernels.options import Options
from elman.kernels.weights import State, Weights

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "slstm": 4, "indrnn": 1, "mingru": 2, "minlstm": 3, "rglru": 3}
_PLAIN = (Tensor, torch.nn.Parameter)
STATES = {"lstm": 2, "slstm": 4}


def are_plain(tensors: Iterable[Any]) -> bool:
    """Whether these hold numbers at an address and nobody looks on: no compiler, no dispatch mode, no other kind.

    Otherwise a kernel must be called as an operator of torch's, which knows what to do about each of them. None is
    plain too.
    """
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack():
        return False
    return all(tensor is None or type(tensor) in _PLAIN for tensor in tensors)


def check_given(
    operation: str,
    x: Tensor,
    state: State,
    weights: Sequence[Weights],
    lengths: Tensor | None,
    options: Options,
) -> None:
    """Raise TypeError or ValueError unless every tensor has the shape, type and device that `layer` documents."""
    _check_kind("x", x, x)
    if x.dim() != 3:
        raise ValueError(f"x has the shape {tuple(x.shape)}, but (T, B, F) is needed: reshape it")
    steps, rows, features = x.shape
    if steps == 0:
        raise ValueError("x has T=0 time steps, but 1 or more are needed: drop the empty sequences")
    if features == 0:
        raise ValueError("x has F=0 features, but 1 or more are needed: give a constant one")
    ways = len(weights)
    if ways not in (1, 2):
        raise ValueError(f"there are {ways} sets of weights, but 1 or 2 are needed: give one a direction")
    needed = STATES.get(operation, 1)
    if len(state) != needed:
        raise ValueError(f"the state has {len(state)} parts, but {operation!r} has {needed}: give these")
    first = weights[0]
    hidden = first.weight_ih.shape[0] // GATES[operation] if first.weight_ih.dim() else 0
    out = hidden if first.weight_hr is None else first.weight_hr.shape[0]
    gates = GATES[operation] * hidden
    for i, part in enumerate(state):
        _check(f"state[{i}]", part, (ways, rows, hidden if i else out), x)
    recurrent = (hidden,) if operation == "indrnn" else (gates, out // options.heads)
    shapes: list[tuple[int, ...]] = [(gates, features), recurrent, (gates,), (gates,), (out, hidden), (3 * hidden,)]
    shapes += [(gates,), (gates,), (hidden,), (hidden,), (hidden,)]
    for own in weights:
        for name, tensor, shape, there in zip(Weights._fields, own, shapes, first, strict=True):
            if tensor is not None:
                _check(name, tensor, shape, x)
            if (tensor is None) != (there is None):
                raise ValueError(f"one direction has {name} and the other has not: give both or neither")
    if lengths is not None:
        _check_lengths(lengths, rows, steps)
    if options.drop is not None:
        _check("drop", options.drop, (ways, rows, out), x)
    if options.zone_h is not None:
        _check("zone_h", options.zone_h, (ways, steps, rows, out), x)
    if options.zone_c is not None:
        _check("zone_c", options.zone_c, (ways, steps, rows, hidden), x)


def _check_kind(name: str, tensor: Any, x: Any) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} is of type {type(tensor).__name__}, but a Tensor is needed: convert it")
    if tensor.layout != torch.strided:
        raise ValueError(f"{name} is {tensor.layout}, but torch.strided is needed: convert it with .to_dense()")
    if tensor.device != x.device:
        raise ValueError(f"{name} is on {tensor.device}, but x is on {x.device}: move one with .to(...)")
    if tensor.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
        raise ValueError(f"{name} is {tensor.dtype}, but x is {x.dtype}: convert one with .to(...)")


def _check(name: str, tensor: Any, shape: tuple[int, ...], x: Tensor) -> None:
    # All at once first, because this runs for every tensor of every call.
    plain = type(tensor) in _PLAIN and tensor.layout == torch.strided
    if plain and tensor.shape == shape and tensor.dtype == x.dtype and tensor.device == x.device:
        return
    _check_kind(name, tensor, x)
    if tensor.shape != shape:
        raise ValueError(f"{name} has the shape {tuple(tensor.shape)}, but {shape} is needed: reshape it")


def _check_lengths(lengths: Any, rows: int, steps: int) -> None:
    if not isinstance(lengths, Tensor) or lengths.is_floating_point() or lengths.is_complex() or lengths.is_meta:
        raise TypeError("lengths hold no whole numbers, but these are needed: pass a tensor of integers")
    if lengths.dtype == torch.bool:
        raise TypeError("lengths are torch.bool, but whole numbers are needed: convert with .long()")
    if lengths.shape != (rows,):
        raise ValueError(f"lengths has the shape {tuple(lengths.shape)}, but ({rows},) is needed: one a row")
    # Under torch.compile the values are the kernel's to check: here they would break the graph.
    if rows and not torch.compiler.is_compiling():
        least, most = map(int, lengths.aminmax())
        if least < 1 or most > steps:
            wrong = least if least < 1 else most
            raise ValueError(f"a length is {wrong}, but a row has between 1 and T={steps} steps: correct it")
