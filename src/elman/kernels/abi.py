"""The structs of layer.h as rows of 8-byte words, and the call that hands them over."""

import ctypes
import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from elman.kernels import library

SIZES = ("steps", "rows", "inputs", "hidden", "outputs", "heads", "ways", "tasks", "y_stride", "cells_stride")
SIZES += ("training", "activation", "reset_before", "clip")
POINTERS = (
    *("weight_ih", "bias_ih", "weight_hh", "bias_hh", "weight_hr", "weight_ch", "gain_hh", "gain_c", "bias_c"),
    *("drop", "zone_h", "zone_c", "h_0", "c_0", "n_0", "m_0", "h_n", "c_n", "n_n", "m_n"),
    *("gates", "y", "c", "n", "m", "unreset", "unprojected", "normal", "scale"),
    *("d_y", "d_cells", "d_h_n", "d_c_n", "d_n_n", "d_m_n", "d_h_0", "d_c_0", "d_n_0", "d_m_0"),
    *("d_gates", "d_product", "d_projected", "before", "reset"),
    *("d_weight_ch", "d_gain_hh", "d_bias_hh", "d_gain_c", "d_bias_c"),
    *("d_x", "d_weight_ih", "d_weight_hh", "d_input_bias", "d_product_bias"),
)
"""The fields of Way after `reverse`, in its order; states go by their own names."""

SUFFIX = {torch.float32: "f32", torch.float64: "f64"}

_PLACE = {name: place for place, name in enumerate(POINTERS, 1)}
_WAY = len(POINTERS) + 1
_Words = ctypes.c_int64 * (len(SIZES) + 2 + 2 * _WAY)


def bits(number: float) -> int:
    """A double's bits, as an integer."""
    return struct.unpack("q", struct.pack("d", number))[0]


@cache
def _function(name: str, dtype: torch.dtype) -> Any:
    native = library.native()
    if native is None:
        raise RuntimeError(library.which())
    return getattr(native, f"elman_{name}_{SUFFIX[dtype]}")


def call(
    name: str,
    dtype: torch.dtype,
    sizes: Sequence[int],
    begin: Tensor,
    x: Tensor,
    ways: Iterable[Mapping[str, Tensor | int | None]],
) -> None:
    """Run elman_{name} of the native library; `sizes` in the order of SIZES, each way's tensors or addresses by name.

    What is not named, or None, is a null pointer. Every tensor is contiguous, or a block of columns of one that is.
    Raises: RuntimeError where the memory for working rows ran out, or no library is loaded.
    """
    words = [*sizes, begin.data_ptr(), x.data_ptr()]
    for reverse, tensors in enumerate(ways):
        way = [0] * _WAY
        way[0] = reverse
        for field, found in tensors.items():
            if found is not None:
                way[_PLACE[field]] = found if type(found) is int else found.data_ptr()  # type: ignore[union-attr]
        words += way
    if _function(name, dtype)(_Words(*words)):
        raise RuntimeError(f"{name} ran out of memory: take fewer rows, steps or hidden units at once")
