"""The scans as torch sees them: a node of the eager graph, and operators that torch.compile keeps whole."""

from typing import Any, cast

import torch
from torch import Tensor

from elman.kernels.given import are_plain
from elman.kernels.options import PLAIN, Options
from elman.kernels.scan import indrnn, linear, mingru, minlstm, rglru
from elman.kernels.scan.call import Scan, backward, forward
from elman.kernels.time_loop import Step, over_time
from elman.kernels.weights import Weights

STEPS: dict[str, Step] = {
    "linear": linear.step,
    "indrnn": indrnn.step,
    "mingru": mingru.step,
    "minlstm": minlstm.step,
    "rglru": rglru.step,
}
OWN = {"indrnn": "weight_hh", "rglru": "decay"}
"""What each unit keeps over time, by its name in Weights."""


def run(scan: Scan) -> tuple[Tensor, Tensor]:
    """Compute y (T, B, D*H) and h_n (D, B, H) on the native library, with gradients."""
    if are_plain(scan[2:]):
        return _Scan.apply(*scan)
    return torch.ops.elman.scan(*scan)


def by_definition(scan: Scan) -> tuple[Tensor, Tensor]:
    """Compute what `run` computes by the definition: slow, but with gradients of any order, on any device."""
    operation, _, activation = scan.cell.partition("_")
    options = Options(activation=activation) if activation else PLAIN
    ways = len(scan.h_0)
    parts = [torch.cat([scan.x, scan.b], -1)] if scan.b is not None else scan.x.chunk(ways, -1)
    # The definition multiplies its input with W_ih, and here that is done already.
    unchanged = torch.eye(parts[0].shape[-1], dtype=scan.x.dtype, device=scan.x.device)
    made = []
    for way, gates in enumerate(parts):
        own = {} if scan.own is None else {OWN[operation]: scan.own[way]}
        made.append(
            over_time(
                STEPS[operation],
                gates,
                (scan.h_0[way],),
                Weights(unchanged, **own),
                lengths=scan.lengths,
                reverse=bool(scan.reversed_ways >> way & 1),
                options=options,
            )
        )
    return torch.cat([out.y for out in made], -1), torch.stack([out.state[0] for out in made])


class _Scan(torch.autograd.Function):
    """A scan as one node of the graph; differentiated twice, it becomes the definition's graph."""

    @staticmethod
    def forward(*inputs: Any) -> tuple[Tensor, Tensor]:
        return forward(Scan(*inputs))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _keep(ctx, inputs, output)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor | None, grad_h_n: Tensor | None) -> Any:
        scan, y = _kept(ctx)
        if not torch.is_grad_enabled():
            return None, None, None, *backward(scan, y, grad_y, grad_h_n)
        # Views, so that a gradient takes in no path by which one input came of another.
        views = [None if t is None else t.view_as(t) for t in scan[3:]]
        results = by_definition(Scan(*scan[:3], *cast(Any, views)))
        pairs = [(r, g) for r, g in zip(results, (grad_y, grad_h_n), strict=True) if g is not None]
        wanted = [i for i, needed in enumerate(ctx.needs_input_grad[3:]) if needed]
        found = torch.autograd.grad(
            [r for r, _ in pairs],
            [cast(Tensor, views[i]) for i in wanted],
            [g for _, g in pairs],
            create_graph=True,
            allow_unused=True,
        )
        by_place = dict(zip(wanted, found, strict=True))
        return None, None, None, *(by_place.get(i) for i in range(len(views)))


def _keep(ctx: Any, inputs: Any, output: Any) -> None:
    ctx.cell, ctx.reversed_ways, *tensors = inputs
    ctx.save_for_backward(*tensors, output[0])


def _kept(ctx: Any) -> tuple[Scan, Tensor]:
    *tensors, y = ctx.saved_tensors
    return Scan(ctx.cell, ctx.reversed_ways, *tensors), y


_INPUTS = "str cell, int reversed_ways, Tensor? lengths, Tensor x, Tensor? b, Tensor h_0, Tensor? own"
_BACK = f"{_INPUTS}, Tensor y, Tensor? grad_y, Tensor? grad_h_n"


@torch.library.custom_op("elman::scan", mutates_args=(), device_types="cpu", schema=f"({_INPUTS}) -> (Tensor, Tensor)")
def _scan_op(*inputs: Any) -> tuple[Tensor, Tensor]:
    return forward(Scan(*inputs))


@_scan_op.register_fake
def _scan_shapes(*inputs: Any) -> tuple[Tensor, Tensor]:
    scan = Scan(*inputs)
    ways, rows, width = scan.h_0.shape
    return scan.x.new_empty(scan.x.shape[0], rows, ways * width), scan.x.new_empty(scan.h_0.shape)


@torch.library.custom_op(
    "elman::scan_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_BACK}) -> (Tensor, Tensor, Tensor, Tensor)",
)
def _scan_backward_op(*inputs: Any) -> tuple[Tensor, ...]:
    grads = backward(Scan(*inputs[:7]), *inputs[7:])
    return tuple(grads[0].new_empty(0) if grad is None else grad for grad in grads)  # an operator cannot give None


@_scan_backward_op.register_fake
def _scan_backward_shapes(*inputs: Any) -> tuple[Tensor, ...]:
    _, _, _, x, *others = Scan(*inputs[:7])
    return tuple(x.new_empty(0 if t is None else t.shape) for t in (x, *others))


def _scan_op_backward(ctx: Any, grad_y: Tensor | None, grad_h_n: Tensor | None) -> Any:
    scan, y = _kept(ctx)
    found = torch.ops.elman.scan_backward(*scan, y, grad_y, grad_h_n)
    return None, None, None, *(None if t is None else g for t, g in zip(scan[3:], found, strict=True))


_scan_op.register_autograd(_scan_op_backward, setup_context=_keep)
