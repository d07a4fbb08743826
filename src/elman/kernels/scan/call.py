"""One scan handed to the native library: sizes and addresses in, new tensors out."""

import ctypes
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.kernels import library

SUFFIX = {torch.float32: "f32", torch.float64: "f64"}


class Scan(NamedTuple):
    """What is scanned.

    cell: "linear", "indrnn_tanh", "indrnn_relu", "mingru", "minlstm" or "rglru"; bit d of reversed_ways tells that
    direction d runs backward in time.
    Shapes: lengths (B,) of int64 on the CPU, or None; x (T, B, D*G*H), the gates side by side, or a (T, B, H)
    with b (T, B, H); h_0 (D, B, H); own (D, H), what an IndRNN's u or an RG-LRU's Λ is, None for the others.
    """

    cell: str
    reversed_ways: int
    lengths: Tensor | None
    x: Tensor
    b: Tensor | None
    h_0: Tensor
    own: Tensor | None

    def contiguous(self) -> "Scan":
        """The same numbers, laid out as the library reads them."""
        return self._replace(
            lengths=_contiguous(self.lengths),
            x=self.x.contiguous(),
            b=_contiguous(self.b),
            h_0=self.h_0.contiguous(),
            own=_contiguous(self.own),
        )


class _Call(ctypes.Structure):
    """The struct elman_scan of cpu.cpp, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("steps", "rows", "width", "ways", "reversed", "threads")),
        *((name, ctypes.c_int64) for name in ("x_row", "x_way")),
        ("lengths", ctypes.c_void_p),
        ("x", ctypes.c_void_p * 3),
        *((name, ctypes.c_void_p) for name in ("own", "h_0", "y", "h_n", "grad_y", "grad_h_n")),
        ("grad_x", ctypes.c_void_p * 3),
        ("grad_h_0", ctypes.c_void_p),
        ("grad_own", ctypes.c_void_p),
    )


def forward(scan: Scan) -> tuple[Tensor, Tensor]:
    """Compute y (T, B, D*H), zero past each row's end, and h_n (D, B, H).

    Raises: ValueError for a length outside 1..T.
    """
    scan = scan.contiguous()
    ways, rows, width = scan.h_0.shape
    y, h_n = scan.x.new_empty(scan.x.shape[0], rows, ways * width), torch.empty_like(scan.h_0)
    _run("forward", scan, y=y.data_ptr(), h_n=h_n.data_ptr())
    return y, h_n


def backward(
    scan: Scan, y: Tensor, grad_y: Tensor | None, grad_h_n: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
    """Compute the gradients of x, b, h_0 and own from those of y and h_n, None standing for zeros."""
    scan = scan.contiguous()
    y, grad_y, grad_h_n = y.contiguous(), _contiguous(grad_y), _contiguous(grad_h_n)
    grad_x, grad_h_0 = torch.empty_like(scan.x), torch.empty_like(scan.h_0)
    grad_b = None if scan.b is None else torch.empty_like(scan.b)
    grad_own = None if scan.own is None else torch.empty_like(scan.h_0)
    _run(
        "backward",
        scan,
        y=y.data_ptr(),
        grad_y=_address(grad_y),
        grad_h_n=_address(grad_h_n),
        grad_x=_inputs(grad_x, grad_b, scan.h_0.shape[-1]),
        grad_h_0=grad_h_0.data_ptr(),
        grad_own=_address(grad_own),
    )
    return grad_x, grad_b, grad_h_0, None if grad_own is None else grad_own.sum(1)


def _run(direction: str, scan: Scan, **addresses: Any) -> None:
    native = library.native()
    if native is None:
        raise RuntimeError(library.which())
    (ways, rows, width), steps = scan.h_0.shape, scan.x.shape[0]
    check_range(scan.lengths, steps)
    call = _Call(
        steps=steps,
        rows=rows,
        width=width,
        ways=ways,
        reversed=scan.reversed_ways,
        threads=torch.get_num_threads(),
        x_row=scan.x.shape[2],
        x_way=scan.x.shape[2] // ways,
        lengths=_address(scan.lengths),
        x=_inputs(scan.x, scan.b, width),
        own=_address(scan.own),
        h_0=scan.h_0.data_ptr(),
        **addresses,
    )
    getattr(native, f"elman_scan_{scan.cell}_{direction}_{SUFFIX[scan.x.dtype]}")(ctypes.byref(call))


def check_range(lengths: Tensor | None, steps: int) -> None:
    """Raise ValueError for a length outside 1..T."""
    if lengths is not None and len(lengths):
        shortest, longest = map(int, lengths.aminmax())
        if not 1 <= shortest <= longest <= steps:
            raise ValueError(f"lengths go from {shortest} to {longest}, but 1 to T={steps} is needed: correct them")


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _inputs(x: Tensor, b: Tensor | None, width: int) -> Any:
    """Where each input of a step lies: a and b, or the gates side by side in x."""
    if b is not None:
        return (ctypes.c_void_p * 3)(x.data_ptr(), b.data_ptr())
    gate = width * x.element_size()
    return (ctypes.c_void_p * 3)(*(x.data_ptr() + g * gate for g in range(3)))
