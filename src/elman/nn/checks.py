"""What a recurrent stack refuses, and says so before any kernel runs."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from elman.kernels import State


def check_options(
    sizes: Mapping[str, int], flags: Mapping[str, bool], dropout: float, proj_size: int, hidden_size: int
) -> None:
    """Raise TypeError or ValueError for a constructor's option that is not usable."""
    for name, size in {**sizes, "proj_size": proj_size}.items():
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"{name} is {size!r}, but it must be an int: pass a whole number")
    for name, size in sizes.items():
        if size <= 0:
            raise ValueError(f"{name} is {size}, but it must be at least 1: pass a larger number")
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{name} is {flag!r}, but it must be a bool: pass True or False")
    if isinstance(dropout, bool) or not isinstance(dropout, Real) or not 0 <= dropout <= 1:
        raise ValueError(f"dropout is {dropout!r}, but it is a probability: pass a number from 0 to 1")
    if not 0 <= proj_size < hidden_size:
        raise ValueError(
            f"proj_size is {proj_size}, but it must lie below hidden_size={hidden_size}: "
            "pass a smaller number, or 0 for no projection"
        )


def check_input(x: Tensor, features: int, dtype: torch.dtype) -> None:
    """Raise ValueError or RuntimeError unless x is (T, B, F), (B, T, F) or (T, F) in the weights' type."""
    if x.dim() not in (2, 3):
        raise ValueError(f"input has {x.dim()} dimensions, but 3 (or 2 for one sequence) are needed: reshape it")
    if x.shape[-1] != features:
        raise RuntimeError(
            f"input has {x.shape[-1]} features in its last dimension, but input_size is {features}: "
            "pass that many or build the layer for these"
        )
    check_dtype("input", x, dtype)


def check_dtype(name: str, x: Tensor, needed: torch.dtype) -> None:
    """Raise ValueError unless x has the weights' type; under autocast torch converts, so anything goes."""
    if x.dtype != needed and not torch.is_autocast_enabled(x.device.type):
        raise ValueError(f"{name} is {x.dtype}, but the weights are {needed}: convert one with .to(...)")


def checked_state(hx: Any, shapes: Sequence[tuple[int, ...]], dtype: torch.dtype) -> State:
    """Return hx, a Tensor or an LSTM's pair, as a tuple; raise unless kind, shapes and dtype are those."""
    names = ("h_0", "c_0")[: len(shapes)]
    state = tuple(hx) if len(names) > 1 and isinstance(hx, tuple | list) else (hx,)
    if len(state) != len(names) or not all(isinstance(s, Tensor) for s in state):
        needed = "a Tensor h_0" if len(names) == 1 else "a pair of Tensors (h_0, c_0)"
        raise TypeError(f"hx is of type {type(hx).__name__}, but {needed} is needed: pass that")
    for name, s, shape in zip(names, state, shapes, strict=True):
        if s.shape != shape:
            raise RuntimeError(f"{name} has the shape {tuple(s.shape)}, but {shape} is needed: reshape it")
        check_dtype(name, s, dtype)
    return state


def checked_lengths(lengths: Any, rows: int, steps: int) -> Tensor:
    """Return lengths (B,) as int64 on the CPU; raise TypeError or ValueError unless each lies in 1..T."""
    lengths = torch.as_tensor(lengths, device="cpu")
    if lengths.shape != (rows,):
        shape = tuple(lengths.shape)
        raise ValueError(f"lengths has the shape {shape}, but ({rows},) is needed: pass one length a row")
    # An empty list becomes a float tensor, and there is nothing wrong with it.
    if rows and (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool):
        raise TypeError(f"lengths is {lengths.dtype}, but whole numbers are needed: convert with .long()")
    outside = (lengths < 1) | (lengths > steps)
    if outside.any():
        row = int(outside.nonzero()[0])
        raise ValueError(
            f"lengths[{row}] is {int(lengths[row])}, but a row here has between 1 and T={steps} steps: "
            "correct it or drop the row"
        )
    return lengths.long()
