"""The plain loop over time that every reference runs its step in: the definition of reversed and ragged."""

from collections.abc import Callable

import torch
from torch import Tensor

from elman.kernels.weights import State, Weights


def over_time(
    step: Callable[[Tensor, State], State],
    x: Tensor,
    state: State,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, State]:
    """Apply `step` at t = 0..T-1, or at T-1..0 when reversed, and stack the outputs (the state's first part).

    Row b takes only the steps t < lengths[b]: its output is zero past its end, its final state is the one at
    its own end, and a reversed row starts at its own end. What lies past the end is never read, NaN included.

    Shapes: x (T, B, F); each state (B, ...); lengths (B,) of integers in 1..T.
    Returns y (T, B, ...) and the final state.
    """
    steps = x.shape[0]
    if lengths is not None:
        inside = torch.arange(steps, device=x.device)[:, None] < lengths.to(x.device)
        x = x.masked_fill(~inside[..., None], 0)
    outputs: list[Tensor] = [x] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        after = step(x[t], state)
        if lengths is None:
            state, outputs[t] = after, after[0]
        else:
            here = inside[t, :, None]
            state = tuple(torch.where(here, new, old) for new, old in zip(after, state, strict=True))
            outputs[t] = after[0].masked_fill(~here, 0)
    return torch.stack(outputs), state


def both_ways(
    layer: Callable[..., tuple[Tensor, State]],
    x: Tensor,
    state: State,
    weights: tuple[Weights, ...],
    *,
    lengths: Tensor | None = None,
    **options: str,
) -> tuple[Tensor, State]:
    """Run a one-direction `layer` forward and, given a second set of weights, backward; outputs side by side.

    Shapes: x (T, B, F); each state (D, B, ...); D sets of weights.
    Returns y (T, B, D*H) and each state (D, B, ...).
    """
    ways = [
        layer(x, tuple(s[d] for s in state), own, lengths=lengths, reverse=d == 1, **options)
        for d, own in enumerate(weights)
    ]
    outputs, finals = zip(*ways, strict=True)
    return torch.cat(outputs, -1), tuple(torch.stack(parts) for parts in zip(*finals, strict=True))
