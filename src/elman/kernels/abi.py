"""The structs of layer.h as a list of 8-byte words, and the call that hands them over."""

import struct
from array import array
from collections.abc import Sequence
from ctypes import c_void_p
from functools import cache
from typing import Any

import torch

from elman.kernels import library

SIZES = (
    *("steps", "rows", "inputs", "hidden", "outputs", "heads", "ways", "tasks", "y_stride", "cells_stride"),
    *("training", "activation", "reset_before", "half", "clip"),
)
"""The first fields of Layer, in its order; the addresses of begin and x follow, then the two ways."""

_WAY = (
    "reverse",
    *("weight_ih", "bias_ih", "weight_hh", "bias_hh", "weight_hr", "weight_ch"),
    *("gain_ih", "gain_hh", "gain_c", "bias_c"),
    *("drop", "zone_h", "zone_c", "h_0", "c_0", "n_0", "m_0", "h_n", "c_n", "n_n", "m_n"),
    *("gates", "y", "c", "n", "m", "unreset", "unprojected"),
    *("normal_ih", "scale_ih", "normal_hh", "scale_hh"),
    *("d_y", "d_cells", "d_h_n", "d_c_n", "d_n_n", "d_m_n", "d_h_0", "d_c_0", "d_n_0", "d_m_0"),
    *("d_x", "d_weight_ih", "d_bias_ih", "d_weight_hh", "d_bias_hh", "d_weight_hr", "d_weight_ch"),
    *("d_gain_ih", "d_gain_hh", "d_gain_c", "d_bias_c"),
)
_PLACES = {name: place for place, name in enumerate(_WAY, len(SIZES) + 2)}

SUFFIX = {torch.float32: "f32", torch.float64: "f64"}


def place(name: str, way: int) -> int:
    """Where among the words a field of one way is."""
    return _PLACES[name] + way * len(_WAY)


@cache
def _blank(ways: int) -> list[int]:
    words = [0] * (len(SIZES) + 2 + ways * len(_WAY))
    if ways == 2:
        words[place("reverse", 1)] = 1
    return words


def blank(ways: int) -> list[int]:
    """Words that are null pointers all, for so many ways; the second one is the reversed one."""
    return _blank(ways).copy()


def bits(number: float) -> int:
    """A double's bits, as an integer."""
    return struct.unpack("q", struct.pack("d", number))[0]


@cache
def _function(name: str, dtype: torch.dtype) -> Any:
    native = library.native()
    if native is None:
        raise RuntimeError(library.which())
    function = getattr(native, f"elman_{name}_{SUFFIX[dtype]}")
    function.argtypes = (c_void_p,)
    return function


def call(name: str, dtype: torch.dtype, words: Sequence[int]) -> None:
    """Run elman_{name} of the native library.

    Raises: RuntimeError where the memory for working rows ran out, or no library is loaded.
    """
    layer = array("q", words)
    if _function(name, dtype)(layer.buffer_info()[0]):
        raise RuntimeError(f"{name} ran out of memory: take fewer rows, steps or hidden units at once")
