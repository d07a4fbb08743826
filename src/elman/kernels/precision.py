"""Whether the native products of float32 are made in bfloat16, and the words for it."""

import torch

from elman.kernels import library


def in_bfloat16(dtype: torch.dtype) -> bool:
    """Whether products of this type are made in bfloat16: torch's own switch allows it, and the CPU is made for it."""
    return _allowed(dtype) and library.amx()


def reason(dtype: torch.dtype) -> str:
    """What to add to the reason that a gated cell runs natively; nothing where its products are as exact as usual."""
    if not _allowed(dtype):
        return ""
    if library.amx():
        return '; products in bfloat16, because torch\'s matmul precision is "medium"'
    return "; products in float32, because those in bfloat16 need _native_avx512 and a CPU with AMX"


def _allowed(dtype: torch.dtype) -> bool:
    # What set_float32_matmul_precision("medium") sets for the CPU. Its own getter fails where this is set by itself.
    return dtype == torch.float32 and torch.backends.mkldnn.matmul.fp32_precision == "bf16"  # type: ignore[attr-defined]
