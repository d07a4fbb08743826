"""The recurrences whose units see only themselves, on the native library: one pass over memory each way."""

import ctypes
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import linear

from elman.kernels import library
from elman.kernels.options import PLAIN, Options, extras
from elman.kernels.scan import indrnn, mingru, minlstm, rglru
from elman.kernels.scan import linear as linear_reference
from elman.kernels.time_loop import Step, over_time
from elman.kernels.weights import Output, State, Weights

STEPS: dict[str, Step] = {
    "linear": linear_reference.step,
    "indrnn": indrnn.step,
    "mingru": mingru.step,
    "minlstm": minlstm.step,
    "rglru": rglru.step,
}
GATES = {"indrnn": 1, "mingru": 2, "minlstm": 3, "rglru": 3}
OWN = {"indrnn": "weight_hh", "rglru": "decay"}
"""What each unit keeps over time, by its name in Weights."""
_SUFFIX = {torch.float32: "f32", torch.float64: "f64"}


def lacks(
    operation: str, device: torch.device | str, dtype: torch.dtype, options: Options, weights: Weights | None
) -> str | None:
    """Say what there is no native scan for, or None where there is one."""
    if operation not in STEPS:
        return f"there is no native scan of {operation}"
    for extra in extras(options, weights):
        if extra != "decay":
            return f"there is no native {operation} with {extra}"
    if dtype not in _SUFFIX:
        return f"there is no native kernel for {str(dtype).removeprefix('torch.')}"
    if torch.device(device).type != "cpu":
        return f"there is no native kernel on {torch.device(device).type}"
    return _no_library()


@torch.compiler.assume_constant_result
def _no_library() -> str | None:
    return library.which() if library.native() is None else None


def layer(
    operation: str,
    x: Tensor,
    state: State,
    weights: tuple[Weights, ...],
    *,
    lengths: Tensor | None = None,
    options: Options = PLAIN,
) -> Output:
    """Run one layer that is not lacking here, in one direction or in both at once; see `choose.layer`."""
    joint, bias = weights[0].weight_ih, weights[0].bias_ih
    if len(weights) > 1:
        joint = torch.cat([own.weight_ih for own in weights])
        bias = None if bias is None else torch.cat([cast(Tensor, own.bias_ih) for own in weights])
    own = torch.stack([getattr(w, OWN[operation]) for w in weights]) if operation in OWN else None
    # Under autocast the product comes in a lower precision than the state has.
    gates = linear(x, joint, bias).to(state[0].dtype)
    y, h_n = _scan(_cell(operation, options), 0b10, lengths, gates, None, state[0], own)
    return Output(y, (h_n,))


def linear_scan(
    a: Tensor, b: Tensor, h_0: Tensor | None = None, lengths: Tensor | None = None, reverse: bool = False
) -> tuple[Tensor, Tensor]:
    """Compute every state of a linear recurrence, with gradients.

        h_t = a_t h_{t-1} + b_t,    t = 0..T-1, or T-1..0 when reversed

    Shapes: a and b (T, B, H); h_0 (B, H), zeros if absent; lengths (B,) of integers in 1..T: row b takes the
    steps t < lengths[b] only, and a reversed row starts at its own end.
    Returns h (T, B, H), zero past each row's end, and the final state h_n (B, H).
    Raises: ValueError for other shapes or types, or for lengths outside 1..T.
    """
    if a.dim() != 3 or a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
        raise ValueError(
            f"a is {tuple(a.shape)} in {a.dtype} on {a.device} and b {tuple(b.shape)} in {b.dtype} on {b.device}, "
            "but both must be (T, B, H), alike in type and device: reshape or convert one"
        )
    if not a.is_floating_point():
        raise ValueError(f"a is in {a.dtype}, but a scan needs a floating type: convert with a.float()")
    if h_0 is None:
        h_0 = a.new_zeros(a.shape[1:])
    if h_0.shape != a.shape[1:] or h_0.dtype != a.dtype or h_0.device != a.device:
        raise ValueError(
            f"h_0 is {tuple(h_0.shape)} in {h_0.dtype} on {h_0.device}, but a needs one of {tuple(a.shape[1:])} in "
            f"{a.dtype} on {a.device}: reshape or convert it"
        )
    run = _scan if lacks("linear", a.device, a.dtype, PLAIN, None) is None else _by_reference
    h, h_n = run("linear", int(reverse), _checked(lengths, a), a, b, h_0[None], None)
    return h, h_n[0]


def _checked(lengths: Tensor | None, x: Tensor) -> Tensor | None:
    if lengths is None:
        return None
    kind = lengths.dtype
    if lengths.shape != x.shape[1:2] or kind.is_floating_point or kind.is_complex or kind == torch.bool:
        raise ValueError(
            f"lengths are {tuple(lengths.shape)} in {kind}, but {x.shape[1]} integers are needed, one a row: give these"
        )
    return lengths.to("cpu", torch.int64)


def _cell(operation: str, options: Options) -> str:
    return f"indrnn_{options.activation}" if operation == "indrnn" else operation


def _scan(
    cell: str, reversed_ways: int, lengths: Tensor | None, x: Tensor, b: Tensor | None, h_0: Tensor, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Scan x (T, B, D*G*H), or a and b, from h_0 (D, B, H); bit d of reversed_ways tells that way d runs backward."""
    lengths = None if lengths is None else lengths.to("cpu", torch.int64)
    if torch.compiler.is_compiling():
        return torch.ops.elman.scan(cell, reversed_ways, lengths, x, b, h_0, own)
    return _Scan.apply(cell, reversed_ways, lengths, x, b, h_0, own)


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


def _call(function: str, call: _Call, x: Tensor) -> None:
    native = library.native()
    if native is None:
        raise RuntimeError(library.which())
    getattr(native, f"elman_scan_{function}_{_SUFFIX[x.dtype]}")(ctypes.byref(call))


def _sizes(
    cell: str, reversed_ways: int, lengths: Tensor | None, x: Tensor, b: Tensor | None, h_0: Tensor, own: Tensor | None
) -> _Call:
    (ways, rows, width), steps = h_0.shape, x.shape[0]
    if lengths is not None and rows:
        shortest, longest = map(int, lengths.aminmax())
        if not 1 <= shortest <= longest <= steps:
            raise ValueError(f"lengths go from {shortest} to {longest}, but 1 to T={steps} is needed: correct them")
    return _Call(
        steps=steps,
        rows=rows,
        width=width,
        ways=ways,
        reversed=reversed_ways,
        threads=torch.get_num_threads(),
        x_row=x.shape[2],
        x_way=x.shape[2] // ways,
        lengths=_address(lengths),
        x=_inputs(x, b, width),
        own=_address(own),
        h_0=_address(h_0),
    )


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _inputs(x: Tensor, b: Tensor | None, width: int) -> Any:
    """Where each input of a step lies: a and b, or the gates side by side in x."""
    if b is not None:
        return (ctypes.c_void_p * 3)(x.data_ptr(), b.data_ptr())
    gate = width * x.element_size()
    return (ctypes.c_void_p * 3)(*(x.data_ptr() + g * gate for g in range(3)))


def _contiguous(*tensors: Tensor | None) -> list[Any]:
    return [None if t is None else t.contiguous() for t in tensors]


def _forward(
    cell: str, reversed_ways: int, lengths: Tensor | None, x: Tensor, b: Tensor | None, h_0: Tensor, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    lengths, x, b, h_0, own = _contiguous(lengths, x, b, h_0, own)
    call = _sizes(cell, reversed_ways, lengths, x, b, h_0, own)
    ways, rows, width = h_0.shape
    y, h_n = x.new_empty(x.shape[0], rows, ways * width), torch.empty_like(h_0)
    call.y, call.h_n = y.data_ptr(), h_n.data_ptr()
    _call(f"{cell}_forward", call, x)
    return y, h_n


def _backward(
    cell: str,
    reversed_ways: int,
    lengths: Tensor | None,
    x: Tensor,
    b: Tensor | None,
    h_0: Tensor,
    own: Tensor | None,
    y: Tensor,
    grad_y: Tensor | None,
    grad_h_n: Tensor | None,
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
    lengths, x, b, h_0, own, y, grad_y, grad_h_n = _contiguous(lengths, x, b, h_0, own, y, grad_y, grad_h_n)
    call = _sizes(cell, reversed_ways, lengths, x, b, h_0, own)
    grad_x, grad_h_0 = torch.empty_like(x), torch.empty_like(h_0)
    grad_b = None if b is None else torch.empty_like(b)
    grad_own = None if own is None else torch.empty_like(h_0)
    call.y, call.grad_y, call.grad_h_n = y.data_ptr(), _address(grad_y), _address(grad_h_n)
    call.grad_x, call.grad_h_0 = _inputs(grad_x, grad_b, h_0.shape[-1]), grad_h_0.data_ptr()
    call.grad_own = _address(grad_own)
    _call(f"{cell}_backward", call, x)
    return grad_x, grad_b, grad_h_0, None if grad_own is None else grad_own.sum(1)


def _by_reference(
    cell: str, reversed_ways: int, lengths: Tensor | None, x: Tensor, b: Tensor | None, h_0: Tensor, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What `_scan` computes, by the definition: slow, but with gradients of any order, on any device."""
    operation, _, activation = cell.partition("_")
    options = Options(activation=activation) if activation else PLAIN
    parts = [torch.cat([x, b], -1)] if b is not None else x.chunk(len(h_0), -1)
    unchanged = torch.eye(parts[0].shape[-1], dtype=x.dtype, device=x.device)
    made = []
    for way, gates in enumerate(parts):
        weights = Weights(unchanged)
        if own is not None:
            weights = weights._replace(**{OWN[operation]: own[way]})
        backward = bool(reversed_ways >> way & 1)
        step = STEPS[operation]
        made.append(over_time(step, gates, (h_0[way],), weights, lengths=lengths, reverse=backward, options=options))
    return torch.cat([out.y for out in made], -1), torch.stack([out.state[0] for out in made])


class _Scan(torch.autograd.Function):
    """A scan as one node of the graph; differentiated twice, it becomes the definition's graph."""

    @staticmethod
    def forward(*inputs: Any) -> tuple[Tensor, Tensor]:
        return _forward(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.cell, ctx.reversed_ways, *tensors = inputs
        ctx.save_for_backward(*tensors, output[0])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor | None, grad_h_n: Tensor | None) -> Any:
        lengths, *inputs, y = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return None, None, None, *_backward(ctx.cell, ctx.reversed_ways, lengths, *inputs, y, grad_y, grad_h_n)
        # Views, so that a gradient takes in no path by which one input came of another.
        views = [None if t is None else t.view_as(t) for t in inputs]
        results = _by_reference(ctx.cell, ctx.reversed_ways, lengths, *views)
        pairs = [(r, g) for r, g in zip(results, (grad_y, grad_h_n), strict=True) if g is not None]
        wanted = [i for i, needed in enumerate(ctx.needs_input_grad[3:]) if needed]
        grads: list[Tensor | None] = [None] * len(views)
        outputs, into = zip(*pairs, strict=True)
        found = torch.autograd.grad(outputs, [views[i] for i in wanted], into, create_graph=True, allow_unused=True)
        for i, grad in zip(wanted, found, strict=True):
            grads[i] = grad
        return None, None, None, *grads


_INPUTS = "str cell, int reversed_ways, Tensor? lengths, Tensor x, Tensor? b, Tensor h_0, Tensor? own"


@torch.library.custom_op("elman::scan", mutates_args=(), device_types="cpu", schema=f"({_INPUTS}) -> (Tensor, Tensor)")
def _scan_op(*inputs: Any) -> tuple[Tensor, Tensor]:
    return _forward(*inputs)


@_scan_op.register_fake
def _scan_shapes(
    cell: str, reversed_ways: int, lengths: Tensor | None, x: Tensor, b: Tensor | None, h_0: Tensor, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    ways, rows, width = h_0.shape
    return x.new_empty(x.shape[0], rows, ways * width), h_0.new_empty(h_0.shape)


@torch.library.custom_op(
    "elman::scan_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_INPUTS}, Tensor y, Tensor? grad_y, Tensor? grad_h_n) -> (Tensor, Tensor, Tensor, Tensor)",
)
def _scan_backward_op(*inputs: Any) -> tuple[Tensor, ...]:
    grads = _backward(*inputs)
    return tuple(grads[0].new_empty(0) if grad is None else grad for grad in grads)  # an operator cannot return None


@_scan_backward_op.register_fake
def _scan_backward_shapes(
    cell: str,
    reversed_ways: int,
    lengths: Tensor | None,
    x: Tensor,
    b: Tensor | None,
    h_0: Tensor,
    own: Tensor | None,
    y: Tensor,
    grad_y: Tensor | None,
    grad_h_n: Tensor | None,
) -> tuple[Tensor, ...]:
    return tuple(x.new_empty(0 if t is None else t.shape) for t in (x, b, h_0, own))


def _scan_op_context(ctx: Any, inputs: Any, output: Any) -> None:
    ctx.cell, ctx.reversed_ways, *tensors = inputs
    ctx.save_for_backward(*tensors, output[0])


def _scan_op_backward(ctx: Any, grad_y: Tensor | None, grad_h_n: Tensor | None) -> Any:
    lengths, *inputs, y = ctx.saved_tensors
    found = torch.ops.elman.scan_backward(ctx.cell, ctx.reversed_ways, lengths, *inputs, y, grad_y, grad_h_n)
    return None, None, None, *(g if t is not None else None for t, g in zip(inputs, found, strict=True))


_scan_op.register_autograd(_scan_op_backward, setup_context=_scan_op_context)
