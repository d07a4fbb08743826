"""The plain loop over time that every reference runs its step in: the definition of reversed and ragged."""

from collections.abc import Callable

import torch
from torch import Tensor

from elman.kernels.options import PLAIN, Options
from elman.kernels.weights import Output, State, Weights

Step = Callable[[Tensor, State, Weights, Options], State]


def over_time(
    step: Step,
    x: Tensor,
    state: State,
    weights: Weights,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    options: Options = PLAIN,
) -> Output:
    """Apply `step` at t = 0..T-1, or at T-1..0 when reversed, and stack the outputs (the state's first part).

    Row b takes only the steps t < lengths[b]: its output is zero past its end, its final state is the one at
    its own end, and a reversed row starts at its own end. What lies past the end is never read, NaN included.

    Shapes: x (T, B, F); each state (B, ...); lengths (B,) of integers in 1..T; of the options, drop (B, P),
    zone_h (T, B, P), zone_c (T, B, H). Returns y (T, B, P), the final state, and c (T, B, H) if options.cells.
    """
    steps = x.shape[0]
    if lengths is not None:
        inside = torch.arange(steps, device=x.device)[:, None] < lengths.to(x.device)
        x = x.masked_fill(~inside[..., None], 0)
    outputs: list[Tensor] = [x] * steps
    cells: list[Tensor] = [x] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        after = step(x[t], state, weights, _at(options, t))
        if lengths is None:
            state = shown = after
        else:
            here = inside[t, :, None]
            state = tuple(torch.where(here, new, old) for new, old in zip(after, state, strict=True))
            shown = tuple(new.masked_fill(~here, 0) for new in after)
        outputs[t], cells[t] = shown[0], shown[-1]
    return Output(torch.stack(outputs), state, torch.stack(cells) if options.cells else None)


def both_ways(
    layer: Callable[..., Output],
    x: Tensor,
    state: State,
    weights: tuple[Weights, ...],
    *,
    lengths: Tensor | None = None,
    options: Options = PLAIN,
) -> Output:
    """Run a one-direction `layer` forward and, given a second set of weights, backward; outputs side by side.

    Shapes: x (T, B, F); each state (D, B, ...); D sets of weights; the options' tensors (D, ...).
    Returns y (T, B, D*P), each state (D, B, ...), and c (T, B, D*H) if options.cells.
    """
    ways = [
        layer(x, tuple(s[d] for s in state), own, lengths=lengths, reverse=d == 1, options=_at(options, d, ("drop",)))
        for d, own in enumerate(weights)
    ]
    finals = zip(*(way.state for way in ways), strict=True)
    cells = [way.cells for way in ways if way.cells is not None]
    return Output(
        torch.cat([way.y for way in ways], -1),
        tuple(torch.stack(parts) for parts in finals),
        torch.cat(cells, -1) if cells else None,
    )


def _at(options: Options, index: int, more: tuple[str, ...] = ()) -> Options:
    """The options with their masks, which lie along time or direction, at one index."""
    masks = {name: getattr(options, name) for name in ("zone_h", "zone_c", *more)}
    return options._replace(**{name: mask[index] for name, mask in masks.items() if mask is not None})
