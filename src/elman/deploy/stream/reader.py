"""What every kind of model that can be streamed is: the states of its streams, and how steps become answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.errors import InputError
from elman.kernels.slots import Slots

State = dict[str, Tensor]
LARGEST = 1e30  # of a number that is read: float32 holds no more than 3e38, and products of larger ones are lost


class Reader:
    """Reads ``count`` streams of one model, each in a slot of its own; a page for each kind of model fills this in.

    A stream's state lies in three places: ``stacks``, the recurrent layers' states; ``parts``, tensors (count, ...)
    with a row a stream; and ``own``, for each stream tensors of its own by name, where a size is not the same for all.
    """

    rate: int | None = None  # samples a second, of those that hear

    def __init__(self, model: Any, count: int, together: int) -> None:
        self.model, self.count, self.together = model, count, together
        self.stacks: list[Slots] = []
        self.parts: dict[str, Tensor] = {}
        self.own: list[State] = [{} for _ in range(count)]
        self._begins: dict[str, float] = {}

    # What a kind of model fills in.

    @staticmethod
    def refusal(model: Any) -> str | None:
        """Why this model cannot be streamed and what to do, in a sentence; None where it can."""
        raise NotImplementedError

    def read(self, slot: int, x: Any) -> Any:
        """What a user gives, checked and as numbers; changes nothing. Raises InputError for what cannot be read."""
        raise NotImplementedError

    def advance(self, slots: Sequence[int], inputs: Sequence[Any]) -> list[Any]:
        """Step the streams of these distinct slots by what ``read`` gave of each; the answer of each."""
        raise NotImplementedError

    def last(self, slot: int) -> Any:
        """What is left to read when the input ends, as ``read`` gives it; None where nothing was held back."""
        return None

    def fresh(self) -> State:
        """``own`` of a stream that begins."""
        return {}

    def check(self, own: State) -> None:
        """Raise ValueError for an ``own`` that no stream can have."""

    # What all do alike.

    def part(self, name: str, *shape: int, start: float = 0.0, dtype: torch.dtype = torch.float32) -> Tensor:
        """A new part: (count, *shape), each row ``start`` where a stream begins."""
        self._begins[name] = start
        self.parts[name] = torch.full((self.count, *shape), start, dtype=dtype)
        return self.parts[name]

    def start(self, slot: int) -> None:
        """Let a stream begin in this slot, whatever was there."""
        for stack in self.stacks:
            stack.put(slot, None)
        for name, part in self.parts.items():
            part[slot] = self._begins[name]
        self.own[slot] = self.fresh()

    def state(self, slot: int) -> State:
        """A copy of a stream's state: tensors by name."""
        found = {
            f"stack.{at}.{k}": part for at, stack in enumerate(self.stacks) for k, part in enumerate(stack.state(slot))
        }
        found |= {f"part.{name}": part[slot].clone() for name, part in self.parts.items()}
        return found | {f"own.{name}": tensor.clone() for name, tensor in self.own[slot].items()}

    def put(self, slot: int, state: Mapping[str, Tensor]) -> None:
        """Give a stream a state as ``state`` gave it; raises InputError, changing nothing, for one of another model."""
        needed, own = self.state(slot), self.fresh()
        shared = {name for name in needed if not name.startswith("own.")}
        given = {name.removeprefix("own."): tensor for name, tensor in state.items() if name.startswith("own.")}
        try:
            if shared != {name for name in state if not name.startswith("own.")} or set(given) != set(own):
                raise ValueError("it has other parts")
            for name in shared:
                if state[name].shape != needed[name].shape or state[name].dtype != needed[name].dtype:
                    raise ValueError(f"{name} has another size")
                if state[name].isnan().any():
                    raise ValueError(f"{name} holds NaN")
            for name, tensor in given.items():
                if tensor.dtype != own[name].dtype or tensor.dim() != own[name].dim():
                    raise ValueError(f"{name} has another size")
            self.check(given)
        except ValueError as error:
            raise InputError(f"the state is not one of this model's streams ({error}): give one that was") from None
        for at, stack in enumerate(self.stacks):
            stack.put(slot, [state[f"stack.{at}.{k}"] for k in range(len(stack.state(slot)))])
        for name, part in self.parts.items():
            part[slot] = state[f"part.{name}"]
        self.own[slot] = {name: tensor.clone() for name, tensor in given.items()}


def over(step: Callable[[Tensor, Tensor], Any], slots: Sequence[int], chunks: Sequence[Tensor]) -> list[list[Tensor]]:
    """What ``step`` (x (n, F), slots (n,)) gives of each step of the chunks (T, F), all of them side by side."""
    if all(len(chunk) == 1 for chunk in chunks):
        y = step(torch.cat(list(chunks)), torch.tensor(slots))
        return [] if y is None else [[row] for row in y.clone()]
    found: list[list[Tensor]] = [[] for _ in chunks]
    for t in range(max(map(len, chunks), default=0)):
        active = [at for at, chunk in enumerate(chunks) if t < len(chunk)]
        x = torch.stack([chunks[at][t] for at in active])
        y = step(x, torch.tensor([slots[at] for at in active]))
        if y is not None:
            for at, row in zip(active, y.clone(), strict=True):
                found[at].append(row)
    return found


def finite(x: Any, what: str) -> Tensor:
    """Numbers as float64; InputError for what is none, or not finite."""
    try:
        found = torch.as_tensor(np.asarray(x, np.float64) if not isinstance(x, Tensor) else x.double())
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise InputError(f"{what} must be numbers, or lists of as many, but this was given: {str(x)[:60]}") from None
    if found.is_complex() or not (found.abs() < LARGEST).all():
        wrong = next(value for value in found.flatten().tolist() if not abs(value) < LARGEST)
        raise InputError(f"{what} must be finite, but one is {wrong}: fill or leave out what is missing")
    return found
