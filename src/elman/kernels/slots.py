"""Many streams through one stack, any of them a step: a state for each, and the same bits whoever steps beside it."""

import ctypes
import weakref
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from elman.kernels import library
from elman.kernels.options import PLAIN, Options
from elman.kernels.stepper import SUFFIX, stepper
from elman.kernels.weights import State, Weights

TOGETHER = 128  # rows of one call: their gates stay in the cache


class Slots:
    """S states of a stack of L layers; `Recurrent.slots` makes it. A step is of any of them, in any order.

    Weights and arithmetic are those of `Stepper`. What a step gives of a stream depends on that stream's x and state
    alone, to the bit: not on which others step with it, nor on how many.
    """

    def __init__(
        self,
        operation: str,
        layers: Sequence[Weights],
        sizes: Sequence[int],
        count: int,
        together: int = TOGETHER,
        *,
        options: Options = PLAIN,
        zoneout: tuple[float, float] = (0.0, 0.0),
        residual: bool = False,
    ) -> None:
        if count < 1 or together < 1:
            raise ValueError(f"count is {count} and together {together}, but both must be at least 1: raise them")
        self.count, self._together = count, min(together, count)
        given = {"options": options, "zoneout": zoneout, "residual": residual, "streams": count}
        self._stepper = stepper(operation, layers, sizes, self._together, **given)  # type: ignore[arg-type]

    def step(self, x: Tensor, at: Tensor) -> Tensor:
        """x (n, F) of the streams ``at`` (n,), distinct numbers below S, to y (n, P); their states step on.

        Raises: ValueError for other shapes or types, or for a number that is no stream's.
        """
        features, like = self._stepper.shape[1], self._stepper.parts[0]
        if x.shape != (len(at), features) or x.dtype != like.dtype or x.device != like.device:
            raise ValueError(
                f"x is {tuple(x.shape)} of {x.dtype}, but {(len(at), features)} of {like.dtype} is needed: pass a row "
                "for each stream"
            )
        numbers = at.tolist()
        if at.dtype != torch.int64 or len(set(numbers)) < len(numbers) or (numbers and not self._within(numbers)):
            raise ValueError(f"at is {numbers}, but distinct numbers below {self.count} are needed: correct it")
        x, at = x.contiguous(), at.contiguous()
        if len(at) <= self._together:
            return self._stepper.step_at(x, at)
        found = [
            self._stepper.step_at(some, which).clone()
            for some, which in zip(x.split(self._together), at.split(self._together), strict=True)
        ]
        return torch.cat(found)

    def _within(self, numbers: list[int]) -> bool:
        return min(numbers) >= 0 and max(numbers) < self.count

    def state(self, slot: int) -> State:
        """A copy of a stream's state: each part (L, .)."""
        return tuple(part[:, slot].clone() for part in self._stepper.parts)

    def put(self, slot: int, state: Sequence[Tensor] | None) -> None:
        """Give a stream a state as `state` gives it, or with None that of one that begins.

        Raises: ValueError for other shapes.
        """
        parts = self._stepper.parts
        if state is None:
            for part, start in zip(parts, self._stepper.starts, strict=True):
                part[:, slot] = start
            return
        shapes = [tuple(part.shape) for part in state]
        needed = [(len(part), part.shape[2]) for part in parts]
        if shapes != needed:
            raise ValueError(f"state has shapes {shapes}, but {needed} is needed: pass what `state` gave")
        for part, new in zip(parts, state, strict=True):
            part[:, slot] = new


class Affine:
    """W x + b for rows that do not depend on each other, to the bit: x (n, K) to (n, N), n at most ``together``.

    The weights are those of the moment it was made; the result is its own buffer, which the next call writes over.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, together: int = TOGETHER) -> None:
        self._weight = weight.detach().clone().contiguous()
        self._bias = None if bias is None else bias.detach().clone().contiguous()
        self._together = together
        self._y = self._weight.new_zeros(together, len(weight))
        native = library.native()
        self._native = None
        if native is not None and weight.dtype in SUFFIX and weight.is_cpu:
            word, pointer = ctypes.c_int64, ctypes.c_void_p
            open_, self._run, close = (
                native[f"elman_affine_{name}_{SUFFIX[weight.dtype]}"] for name in ("open", "run", "close")
            )
            open_.argtypes, open_.restype = (word, pointer, word, word, pointer), pointer
            self._run.argtypes, close.argtypes = (pointer, word, pointer, word, pointer, word), (pointer,)
            bias_at = None if self._bias is None else self._bias.data_ptr()
            outputs, inputs = self._weight.shape
            self._native = open_(together, self._weight.data_ptr(), inputs, outputs, bias_at)
            if not self._native:
                raise RuntimeError("an affine ran out of memory: take fewer rows")
            weakref.finalize(self, close, self._native)

    def __call__(self, x: Tensor) -> Tensor:
        outputs, inputs = self._weight.shape
        if x.dim() != 2 or x.shape[1] != inputs or x.dtype != self._weight.dtype:
            raise ValueError(f"x is {tuple(x.shape)} of {x.dtype}, but (n, {inputs}) is needed: reshape it")
        if len(x) > self._together:
            return torch.cat([self(some).clone() for some in x.split(self._together)])
        y = self._y[: len(x)]
        if self._native is None:
            with torch.no_grad():
                for own, row in zip(y, x, strict=True):
                    own.copy_(linear(row[None], self._weight, self._bias)[0])
            return y
        x = x.detach().contiguous()
        self._run(self._native, len(x), x.data_ptr(), inputs, y.data_ptr(), outputs)
        return y
