"""The gated cells as torch sees them: a node of the eager graph, and operators that torch.compile keeps whole."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor

from elman.kernels import pool
from elman.kernels.given import are_plain
from elman.kernels.native import GATES, Call, backward, block_of_kept, forward, kept
from elman.kernels.options import PLAIN, Options
from elman.kernels.time_loop import both_ways
from elman.kernels.weights import Output, State, Weights


def layer(
    operation: str,
    x: Tensor,
    state: State,
    weights: tuple[Weights, ...],
    *,
    lengths: Tensor | None = None,
    options: Options = PLAIN,
) -> Output:
    """Run one layer that `native` does not lack, in one direction or in both at once; see `choose.layer`."""
    flat: list[Tensor] = []
    fields = ""
    for own in weights:
        present = [(number, w) for number, w in enumerate(own) if w is not None]
        fields = "".join([str(number) for number, _ in present])
        flat += [w.contiguous() for _, w in present]
    activation, reset, clip, heads, cells, *masks = options
    what = Call(operation, len(weights), fields, activation, reset, clip or 0.0, heads, cells)
    states = len(state)
    if not are_plain((x, lengths, *state, *flat, *masks)):
        results = torch.ops.elman.recurrence(*what, x, lengths, list(state), flat, *masks)[:-1]
    elif torch.is_grad_enabled() and any(t.requires_grad for t in (x, *state, *flat)):
        results = _Recurrence.apply(what, lengths, masks, states, x, *state, *flat)
    else:
        results = forward(x, lengths, state, flat, masks, what, None)
    return Output(results[0], tuple(results[1 : 1 + states]), results[-1] if cells else None)


def _room(what: Call, x: Tensor, flat: Sequence[Tensor]) -> int:
    """The numbers that the backward pass of this layer asks the forward pass to keep."""
    return kept(what, x.shape[0] * x.shape[1], flat[0].shape[0] // GATES[what.operation], True).numbers


class _Recurrence(torch.autograd.Function):
    """A layer as one node of the graph: its inputs are x, the states and the weights."""

    @staticmethod
    def forward(ctx: Any, what: Call, lengths: Tensor | None, masks: Any, states: int, x: Tensor, *rest: Tensor) -> Any:
        state, flat = rest[:states], rest[states:]
        loan = pool.Loan(pool.take(_room(what, x, flat), x))
        results = forward(x, lengths, state, flat, masks, what, loan.tensor)
        ctx.what, ctx.states, ctx.loan = what, states, loan
        ctx.save_for_backward(x, *rest, lengths, *masks, results[0])
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> Any:
        what, needed = ctx.what, ctx.needs_input_grad[4:]
        x, *rest, lengths, drop, zone_h, zone_c, y = ctx.saved_tensors
        masks = (drop, zone_h, zone_c)
        state, flat = rest[: ctx.states], rest[ctx.states :]
        if torch.is_grad_enabled():
            found = _through_the_reference(what, lengths, masks, x, state, flat, d_results, needed)
        else:
            found = backward(x, lengths, state, flat, masks, what, y, ctx.loan.tensor, d_results, needed[0])
            # The loss, and with it this node, is often held until the next forward pass is over.
            if not torch._C._autograd._get_current_graph_task_keep_graph():
                ctx.loan = None
        return (None, None, None, None, *found)


def _through_the_reference(
    what: Call,
    lengths: Tensor | None,
    masks: Sequence[Tensor | None],
    x: Tensor,
    state: Sequence[Tensor],
    flat: Sequence[Tensor],
    d_results: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """The gradients of x, the states and the flat weights by a graph that can itself be differentiated."""
    # Views, so that the gradient of a weight takes in no path by which x itself came of that weight.
    inputs = [t.view_as(t) for t in (x, *state, *flat)]
    first, end = tuple(inputs[1 : 1 + len(state)]), inputs[1 + len(state) :]
    options = Options(what.activation, what.reset, what.clip or None, what.heads, what.cells, *masks)
    definition = import_module(f"elman.kernels.{what.operation}.reference")
    weights = tuple(Weights(**way) for way in what.weights(end))
    out = both_ways(definition.layer, inputs[0], first, weights, lengths=lengths, options=options)
    results = [out.y, *out.state, *([out.cells] if what.cells else [])]
    pairs = [(r, d) for r, d in zip(results, d_results, strict=True) if r is not None and d is not None]
    wanted = [i for i, one in enumerate(needed) if one]
    found = torch.autograd.grad(
        [r for r, _ in pairs], [inputs[i] for i in wanted], [d for _, d in pairs], create_graph=True, allow_unused=True
    )
    by_place = dict(zip(wanted, found, strict=True))
    return [by_place.get(i) for i in range(len(inputs))]


_WHAT = "str operation, int ways, str fields, str activation, str reset, float clip, int heads, bool cells"
_GIVEN = f"{_WHAT}, Tensor x, Tensor? lengths, Tensor[] state, Tensor[] weights"
_GIVEN += ", Tensor? drop, Tensor? zone_h, Tensor? zone_c"
_FIELDS = len(Call._fields)


@torch.library.custom_op("elman::recurrence", mutates_args=(), device_types="cpu", schema=f"({_GIVEN}) -> Tensor[]")
def _recurrence(*given: Any) -> list[Tensor]:
    """The results of a layer, and last what its backward pass will read."""
    what, (x, lengths, state, flat, *masks) = Call(*given[:_FIELDS]), given[_FIELDS:]
    buffer = x.new_empty(_room(what, x, flat))
    return [*forward(x, lengths, state, [w.contiguous() for w in flat], masks, what, buffer), buffer]


@_recurrence.register_fake
def _recurrence_shapes(*given: Any) -> list[Tensor]:
    what, (x, _, state, flat, *_) = Call(*given[:_FIELDS]), given[_FIELDS:]
    y = x.new_empty(x.shape[0], x.shape[1], what.ways * state[0].shape[2])
    cells = [x.new_empty(x.shape[0], x.shape[1], what.ways * state[1].shape[2])] if what.cells else []
    room = block_of_kept(what, x.shape[0] * x.shape[1], flat[0].shape[0] // GATES[what.operation], True).numbers
    return [y, *(torch.empty_like(s, memory_format=torch.contiguous_format) for s in state), *cells, x.new_empty(room)]


@torch.library.custom_op(
    "elman::recurrence_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_GIVEN}, Tensor y, Tensor kept, Tensor?[] d_results) -> Tensor[]",
)
def _recurrence_backward(*given: Any) -> list[Tensor]:
    """The gradients of x, the states and the weights."""
    what, (x, lengths, state, flat, *masks) = Call(*given[:_FIELDS]), given[_FIELDS:-3]
    y, buffer, d_results = given[-3:]
    flat = [w.contiguous() for w in flat]
    found = cast(list[Tensor], backward(x, lengths, state, flat, masks, what, y, buffer, d_results, True))
    # Both biases may have one gradient, and what an operator gives must lie apart.
    return [t.clone() if any(t is other for other in found[:i]) else t for i, t in enumerate(found)]


@_recurrence_backward.register_fake
def _recurrence_backward_shapes(*given: Any) -> list[Tensor]:
    x, _, state, flat, *_ = given[_FIELDS:]
    return [torch.empty_like(t, memory_format=torch.contiguous_format) for t in (x, *state, *flat)]


def _keep(ctx: Any, inputs: Any, output: Any) -> None:
    what, (x, lengths, state, flat, *masks) = inputs[:_FIELDS], inputs[_FIELDS:]
    ctx.what, ctx.states, ctx.weights = what, len(state), len(flat)
    ctx.save_for_backward(x, lengths, *state, *flat, *masks, output[0], output[-1])


def _differentiate(ctx: Any, grads: list[Tensor | None]) -> Any:
    x, lengths, *rest, drop, zone_h, zone_c, y, buffer = ctx.saved_tensors
    state, flat = rest[: ctx.states], rest[ctx.states :]
    given = (*ctx.what, x, lengths, state, flat, drop, zone_h, zone_c)
    found = torch.ops.elman.recurrence_backward(*given, y, buffer, list(grads[:-1]))
    d_x, d_state, d_flat = found[0], found[1 : 1 + ctx.states], found[1 + ctx.states :]
    return (*[None] * _FIELDS, d_x, None, d_state, d_flat, None, None, None)


_recurrence.register_autograd(_differentiate, setup_context=_keep)
