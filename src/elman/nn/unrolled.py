"""A recurrent stack written out step by step, every state a tensor of its own: what the kernels compute at once.

Slow, and meant for a few rows: gradients can be asked for with respect to the state of any step.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.kernels import Options, State, Weights
from elman.kernels.stepper import STEPS
from elman.nn.cells import CELLS
from elman.nn.checks import zoneout_pair
from elman.nn.recurrent import Recurrent


class Unrolled(NamedTuple):
    """``states[layer][way][t]``: a direction's state after its step t, each part (B, H), the cell's output first.

    Past a row's end its state stays as it is. ``y`` (T, B, D*H) is the output, ``inputs[layer]`` (T, B, F) what the
    layer read, and ``start[layer][way]`` the state it began with.
    """

    states: list[list[list[State]]]
    y: Tensor
    inputs: list[Tensor]
    start: list[list[State]]


def unrolled(stack: Recurrent, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> Unrolled:
    """Run ``stack`` as in evaluation over x (T, B, F), from ``state`` as `Recurrent.forward` takes it, or from none.

    Computed in x's own precision, whatever the weights have. Gradients flow to x and to every state, not to weights.
    """
    cell, ways = CELLS[stack.mode], 2 if stack.bidirectional else 1
    steps, rows = x.shape[:2]
    step, options = STEPS[cell.operation], _options(stack, x)
    ends = torch.full((rows,), steps) if lengths is None else lengths.cpu()
    here = (torch.arange(steps)[:, None] < ends)[..., None].to(x.device)
    found = Unrolled([], x, [], [])
    for layer in range(stack.num_layers):
        along, begun, shown = [], [], []
        for way in range(ways):
            weights = plain_weights(stack, layer, way, x.dtype)
            now = _start(stack, state, layer * ways + way, x)
            begun.append(now)
            kept = [now] * steps
            for t in reversed(range(steps)) if way else range(steps):
                after = step(x[t], now, weights, options)
                now = tuple(torch.where(here[t], new, old) for new, old in zip(after, now, strict=True))
                kept[t] = now
            along.append(kept)
            shown.append(torch.stack([one[0] for one in kept]) * here)
        found.states.append(along)
        found.start.append(begun)
        found.inputs.append(x)
        y = torch.cat(shown, -1)
        x = x + y if stack.residual and x.shape == y.shape else y
    return found._replace(y=x)


def _options(stack: Recurrent, x: Tensor) -> Options:
    cell = CELLS[stack.mode]
    zones = [x.new_full((1, 1), p) if p else None for p in zoneout_pair(stack.zoneout, len(cell.states))]
    reset = "after" if stack.reset_after else "before"
    return Options(cell.activation, reset, stack.clip, stack.heads, zone_h=zones[0], zone_c=zones[1])


def plain_weights(stack: Recurrent, layer: int, way: int, dtype: torch.dtype) -> Weights:
    """The weights of one layer in one direction, out of the graph, in a precision of one's own."""
    found: list[Any] = [w if w is None else w.detach().to(dtype) for w in stack.weights(layer, way)]
    return Weights(*found)


def _start(stack: Recurrent, state: Any, place: int, x: Tensor) -> State:
    if state is not None:
        parts = state if isinstance(state, tuple) else (state,)
        return tuple(part[place].detach().to(x.dtype) for part in parts)
    names = CELLS[stack.mode].states
    sizes = (stack.proj_size or stack.hidden_size, *[stack.hidden_size] * (len(names) - 1))
    return tuple(
        x.new_full((x.shape[1], size), -math.inf if name == "m_0" else 0.0)
        for size, name in zip(sizes, names, strict=True)
    )
