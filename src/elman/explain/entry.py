"""Where numbers enter a network: what a module reads or gives, recorded, and one row of its numbers exchanged for many.

A text's symbols are no numbers, so that nothing lies between two of them; the vectors that stand for them are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from elman.explain.attribution import Function

ROWS = {"x": 1, "lengths": 0, "before": 1, "after": 1}  # which dimension of these inputs numbers the rows


@contextmanager
def recorded(module: nn.Module) -> Iterator[list[Tensor]]:
    """What the module gives while this lasts, call by call; of several things, as of a stack, the first."""
    found: list[Tensor] = []
    handle = module.register_forward_hook(
        lambda _module, _given, output: found.append(output[0] if isinstance(output, tuple) else output)
    )
    try:
        yield found
    finally:
        handle.remove()


@contextmanager
def read(module: nn.Module, instead: Tensor | None = None) -> Iterator[list[Tensor]]:
    """What the module reads first while this lasts, call by call, or what it is made to read ``instead``."""
    found: list[Tensor] = []

    def before(_module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        found.append(given[0])
        return given if instead is None else (instead, *given[1:])

    handle = module.register_forward_pre_hook(before)
    try:
        yield found
    finally:
        handle.remove()


@dataclass(frozen=True)
class Entry:
    """One row as the network has it where its numbers enter, ``x`` (T, F), and what comes of many such (N, T, F)."""

    x: Tensor
    run: Function


def entry(call: Callable[..., Tensor], inputs: Mapping[str, Tensor], at: nn.Module | None = None) -> Entry:
    """Open a network at the input of the module ``at``, for a batch of one row; None: at its input x (T, 1, F).

    ``call`` takes the inputs by name. Those that ROWS names are repeated for as many rows as are to be run, others are
    handed on as they are, and what ``at`` would have read of them is exchanged.
    """

    def repeated(rows: int) -> dict[str, Tensor]:
        found = dict(inputs)
        for name, dim in ROWS.items():
            if name in found:
                shape = list(found[name].shape)
                shape[dim] = rows
                found[name] = found[name].expand(shape)
        return found

    if at is None:
        return Entry(inputs["x"][:, 0], lambda rows: call(**{**repeated(len(rows)), "x": rows.transpose(0, 1)}))
    with read(at) as found, torch.no_grad():
        call(**inputs)
    (x,) = found

    def run(rows: Tensor) -> Tensor:
        with read(at, rows.transpose(0, 1)):
            return call(**repeated(len(rows)))

    return Entry(x[:, 0].detach(), run)
