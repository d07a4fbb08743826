"""What each recurrent stack of a network read while a loss was computed, and what the loss says of what it answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from elman.nn.recurrent import Recurrent

Loss = Callable[[nn.Module], Tensor]  # a network -> the scalar loss of some rows


@dataclass(frozen=True)
class Heard:
    """A stack's longest call, time first: x (T, B, F), its state and lengths (B,), y (T, B, D*H), the final states.

    ``d_y`` and ``d_final`` are the gradients of the loss with respect to y and to each part of the final state.
    """

    name: str
    stack: Recurrent
    x: Tensor
    state: Any
    lengths: Tensor
    d_y: Tensor
    d_final: tuple[Tensor, ...]


def heard(network: nn.Module, loss: Loss, most: int) -> list[Heard]:
    """The first ``most`` stacks that the loss reaches; of an ensemble those of its first member."""
    stacks = {name: part for name, part in network.named_modules() if isinstance(part, Recurrent) and _first(name)}
    made: dict[str, tuple[Any, ...]] = {}
    hooks = [part.register_forward_hook(_keep(name, made), with_kwargs=True) for name, part in stacks.items()]
    try:
        with torch.enable_grad():
            value = loss(network)
    finally:
        for hook in hooks:
            hook.remove()
    found = []
    for name, (x, state, lengths, y, final) in list(made.items())[:most]:
        stack = stacks[name]
        grads = torch.autograd.grad(value, [y, *final], retain_graph=True, allow_unused=True)
        d_y, *d_final = (torch.zeros_like(node) if d is None else d for node, d in zip([y, *final], grads, strict=True))
        if stack.batch_first:
            x, d_y = x.transpose(0, 1), d_y.transpose(0, 1)
        ends = torch.full((x.shape[1],), len(x)) if lengths is None else torch.as_tensor(lengths).cpu()
        found.append(Heard(name, stack, x.detach(), state, ends, d_y, tuple(d_final)))
    return found


def _first(name: str) -> bool:
    return all(not piece.isdigit() or piece == "0" for piece in name.split("."))


def _keep(name: str, made: dict[str, tuple[Any, ...]]) -> Callable[..., None]:
    def keep(stack: Recurrent, args: Any, kwargs: Any, out: Any) -> None:
        x, along = args[0], 1 if stack.batch_first else 0
        if not isinstance(x, Tensor) or x.dim() != 3 or (name in made and made[name][0].shape[along] >= x.shape[along]):
            return
        final = out[1] if isinstance(out[1], tuple) else (out[1],)
        made[name] = x, args[1] if len(args) > 1 else kwargs.get("hx"), kwargs.get("lengths"), out[0], final

    return keep


@contextmanager
def exact() -> Iterator[None]:
    """Within, products are made in float32, whatever training makes them in."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
