"""What a recurrent stack refuses, and says so before any kernel runs."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from elman.kernels import State
from elman.nn.cells import CELLS, EXTRAS

SIZES = ("input_size", "hidden_size", "num_layers", "proj_size", "heads")
FLAGS = ("bias", "batch_first", "bidirectional", "residual", "peephole", "layer_norm", "reset_after")


def check_options(stack: Any) -> None:
    """Raise TypeError or ValueError unless a stack's attributes, the constructor's arguments, can be used."""
    if stack.mode not in CELLS:
        raise ValueError(f"mode is {stack.mode!r}, but there are {', '.join(CELLS)}: choose one of these")
    for name, usual in EXTRAS.items():
        value = getattr(stack, name)
        if value != usual and name not in CELLS[stack.mode].takes:
            have = ", ".join(mode for mode, cell in CELLS.items() if name in cell.takes)
            raise ValueError(f"mode is {stack.mode!r} with {name}={value!r}, but only {have} has that: leave it out")
    for name in SIZES:
        size = getattr(stack, name)
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"{name} is {size!r}, but it must be an int: pass a whole number")
        if size <= 0 and name != "proj_size":
            raise ValueError(f"{name} is {size}, but it must be at least 1: pass a larger number")
    for name in FLAGS:
        flag = getattr(stack, name)
        if not isinstance(flag, bool):
            raise TypeError(f"{name} is {flag!r}, but it must be a bool: pass True or False")
    zoneout = zoneout_pair(stack.zoneout, len(CELLS[stack.mode].states))
    chances: dict[str, tuple[float, ...]] = {"dropout": (stack.dropout,), "zoneout": zoneout}
    chances["recurrent_dropout"] = (stack.recurrent_dropout,)
    for name, chance in ((name, chance) for name, some in chances.items() for chance in some):
        if isinstance(chance, bool) or not isinstance(chance, Real) or not 0 <= chance <= 1:
            raise ValueError(f"{name} is {chance!r}, but it is a probability: pass a number from 0 to 1")
    hidden: int = stack.hidden_size
    heads: int = stack.heads
    clip: float | None = stack.clip
    if not 0 <= stack.proj_size < hidden:
        raise ValueError(
            f"proj_size is {stack.proj_size}, but it must lie below hidden_size={hidden}: "
            "pass a smaller number, or 0 for no projection"
        )
    if hidden % heads:
        raise ValueError(f"heads is {heads}, but it must divide hidden_size={hidden}: change one of the two")
    if clip is not None and (isinstance(clip, bool) or not isinstance(clip, Real) or not clip > 0):
        raise ValueError(f"clip is {clip!r}, but a number above 0 is needed: pass one, or None for no clipping")
    if stack.layer_norm and not stack.reset_after:
        raise ValueError(
            "layer_norm is True with reset_after=False, but it normalises the recurrent product before the reset: "
            "leave one of the two out"
        )


def zoneout_pair(zoneout: Any, states: int) -> tuple[float, float]:
    """Return the probabilities for h and c; raise ValueError for a pair where there is no c."""
    if not isinstance(zoneout, tuple | list):
        return zoneout, zoneout if states == 2 else 0.0
    if len(zoneout) != 2 or states != 2:
        needed = "a number or a pair (p_h, p_c)" if states == 2 else "one number"
        raise ValueError(f"zoneout is {zoneout!r}, but {needed} is needed here: pass that")
    p_h, p_c = zoneout
    return p_h, p_c


def check_input(x: Tensor, features: int, weight: Tensor) -> None:
    """Raise ValueError or RuntimeError unless x is (T, B, F), (B, T, F) or (T, F), of the weight's kind."""
    if x.dim() not in (2, 3):
        raise ValueError(f"input has {x.dim()} dimensions, but 3 (or 2 for one sequence) are needed: reshape it")
    if x.shape[-1] != features:
        raise RuntimeError(
            f"input has {x.shape[-1]} features in its last dimension, but input_size is {features}: "
            "pass that many or build the layer for these"
        )
    check_kind("input", x, weight)


def check_kind(name: str, x: Tensor, weight: Tensor) -> None:
    """Raise unless x lies where the weights do, in their type; under autocast torch converts, so any type goes."""
    if x.device != weight.device:
        raise RuntimeError(f"{name} is on {x.device}, but the weights are on {weight.device}: move one with .to(...)")
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise ValueError(f"{name} is {x.dtype}, but the weights are {weight.dtype}: convert one with .to(...)")


def checked_state(hx: Any, names: Sequence[str], shapes: Sequence[tuple[int, ...]], weight: Tensor) -> State:
    """Return hx, a Tensor or an LSTM's pair, as a tuple; raise unless its parts are Tensors of these shapes."""
    state = tuple(hx) if len(names) > 1 and isinstance(hx, tuple | list) else (hx,)
    if len(state) != len(names) or not all(isinstance(s, Tensor) for s in state):
        number = {2: "a pair of Tensors", 4: "a tuple of four Tensors"}.get(len(names))
        needed = f"{number} ({', '.join(names)})" if number else f"a Tensor {names[0]}"
        raise TypeError(f"hx is of type {type(hx).__name__}, but {needed} is needed: pass that")
    for name, s, shape in zip(names, state, shapes, strict=True):
        if s.shape != shape:
            raise RuntimeError(f"{name} has the shape {tuple(s.shape)}, but {shape} is needed: reshape it")
        check_kind(name, s, weight)
    return state


def checked_lengths(lengths: Any, rows: int, steps: int) -> Tensor:
    """Return lengths (B,) as int64 on the CPU; raise TypeError or ValueError unless each lies in 1..T.

    While torch.compile traces there are no values to look at: the kernel's own operator checks them then.
    """
    try:
        lengths = torch.as_tensor(lengths, device="cpu")
    except (TypeError, ValueError, RuntimeError) as error:
        kind = type(lengths).__name__
        raise TypeError(f"lengths is of type {kind}, but whole numbers are needed: pass one a row") from error
    if lengths.shape != (rows,):
        shape = tuple(lengths.shape)
        raise ValueError(f"lengths has the shape {shape}, but ({rows},) is needed: pass one length a row")
    # An empty list becomes a float tensor, and there is nothing wrong with it.
    if rows and (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool):
        raise TypeError(f"lengths is {lengths.dtype}, but whole numbers are needed: convert with .long()")
    if torch.compiler.is_compiling():
        return lengths.long()
    outside = (lengths < 1) | (lengths > steps)
    if outside.any():
        row = int(outside.nonzero()[0])
        raise ValueError(
            f"lengths[{row}] is {int(lengths[row])}, but a row here has between 1 and T={steps} steps: "
            "correct it or drop the row"
        )
    return lengths.long()
