"""The structs of layer.h, field by field, and the call that hands one over."""

import ctypes
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from elman.kernels import library

_POINTERS = [
    *("weight_hh", "bias_hh", "weight_hr", "weight_ch", "gain_hh", "gain_c", "bias_c", "drop", "zone_h", "zone_c"),
    *(f"first_{s}" for s in range(4)),
    *(f"last_{s}" for s in range(4)),
    *("gates", "y", "cells_0", "cells_1", "cells_2", "unreset", "unprojected", "normal", "scale", "d_y", "d_cells"),
    *(f"d_last_{s}" for s in range(4)),
    *(f"d_first_{s}" for s in range(4)),
    *("d_gates", "d_product", "d_projected", "before", "reset"),
    *("d_weight_ch", "d_gain_hh", "d_bias_hh", "d_gain_c", "d_bias_c"),
]
_SIZES = ["steps", "rows", "hidden", "outputs", "heads", "ways", "tasks", "y_stride", "cells_stride", "training"]
_SIZES += ["activation", "reset_before"]


class Way(ctypes.Structure):
    """One direction: addresses, 0 for what the layer has not."""

    _fields_ = (("reverse", ctypes.c_int64), *((name, ctypes.c_void_p) for name in _POINTERS))


class Layer(ctypes.Structure):
    """The sizes and the directions of one layer."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in _SIZES),
        ("clip", ctypes.c_double),
        ("begin", ctypes.c_void_p),
        ("way", Way * 2),
    )


SUFFIX = {torch.float32: "f32", torch.float64: "f64"}


def address(tensor: Tensor | None, offset: int = 0) -> int:
    """Where a contiguous tensor's numbers lie, `offset` of them further on; 0 for None."""
    return 0 if tensor is None else tensor.data_ptr() + offset * tensor.element_size()


def call(function: str, dtype: torch.dtype, sizes: Mapping[str, float], ways: Sequence[Mapping[str, int]]) -> None:
    """Run elman_{function} of the native library on these sizes and addresses.

    Raises: RuntimeError where the memory for working rows ran out, or no library is loaded.
    """
    native = library.native()
    if native is None:
        raise RuntimeError(library.which())
    layer = Layer(**sizes, way=tuple(Way(**way) for way in ways))
    if getattr(native, f"elman_{function}_{SUFFIX[dtype]}")(ctypes.byref(layer)):
        raise RuntimeError(f"{function} ran out of memory: take fewer rows, steps or hidden units at once")
