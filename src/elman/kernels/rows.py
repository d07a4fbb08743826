"""How the rows of a batch lie for the native kernels: the real steps alone, longest row first."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class Rows(NamedTuple):
    """B = batch rows of up to T = steps, N = size real steps in all.

    begin (T + 1,) says where each step's rows begin; order (B,) and places (N,) which row comes where, None where
    every row has T steps and so they lie as they are.
    """

    steps: int
    batch: int
    size: int
    begin: Tensor
    order: Tensor | None = None
    places: Tensor | None = None

    def pack(self, x: Tensor) -> Tensor:
        """(T, B, F) to its N real steps, contiguous: (N, F), or (T, B, F) itself where all are real."""
        if self.places is None:
            return x.contiguous()
        return x.reshape(self.steps * self.batch, x.shape[-1]).index_select(0, self.places)

    def unpack(self, data: Tensor) -> Tensor:
        """(N, F), which nobody else holds, to (T, B, F), zero past each row's end."""
        if self.places is not None:
            padded = data.new_zeros(self.steps * self.batch, data.shape[-1])
            data = padded.index_copy_(0, self.places, data)
        # Not a view, because torch forbids to change a layer's output in place where that is one.
        return data.resize_(self.steps, self.batch, data.shape[-1])

    def sort(self, state: Tensor) -> Tensor:
        """(D, B, .) in the order of the packed rows, contiguous."""
        return state.contiguous() if self.order is None else state.index_select(1, self.order)

    def unsort(self, state: Tensor) -> Tensor:
        """The inverse of `sort`."""
        return state if self.order is None else torch.empty_like(state).index_copy_(1, self.order, state)


@lru_cache(1024)
def _even(steps: int, count: int) -> Rows:
    return Rows(steps, count, steps * count, torch.arange(steps + 1, device="cpu") * count)


def lay_out(steps: int, count: int, lengths: Tensor | None) -> Rows:
    """Lay out `count` rows of these lengths, all of T = steps without them.

    Raises: ValueError for a length outside 1..T.
    """
    if lengths is None or count == 0:
        return _even(steps, count)
    lengths = lengths.to("cpu", torch.int64)
    shortest, longest = map(int, lengths.aminmax())
    if not 1 <= shortest <= longest <= steps:
        wrong = shortest if shortest < 1 else longest
        raise ValueError(f"a length is {wrong}, but a row has between 1 and T={steps} steps: correct it")
    if shortest == steps:
        return _even(steps, count)
    running, order = lengths.sort(descending=True, stable=True)
    time = torch.arange(steps, device="cpu")[:, None]
    inside = time < running
    begin = torch.zeros(steps + 1, dtype=torch.int64, device="cpu")
    torch.cumsum(inside.sum(1), 0, out=begin[1:])
    places = (time * count + order)[inside]
    return Rows(steps, count, len(places), begin, order, places)
