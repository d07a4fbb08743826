"""One step at a time, for streams: a stack of recurrent layers that keeps its state between the calls."""

import ctypes
import math
import weakref
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor

from elman.kernels import library
from elman.kernels.gru import reference as gru
from elman.kernels.lstm import reference as lstm
from elman.kernels.options import PLAIN, Options
from elman.kernels.rnn import reference as rnn
from elman.kernels.scan import indrnn, mingru, minlstm, rglru
from elman.kernels.slstm import reference as slstm
from elman.kernels.weights import State, Weights

STEPS = {"rnn": rnn.step, "lstm": lstm.step, "gru": gru.step, "slstm": slstm.step}
STEPS |= {"indrnn": indrnn.step, "mingru": mingru.step, "minlstm": minlstm.step, "rglru": rglru.step}

_NATIVE = ("rnn", "lstm", "gru")  # by the numbers that step.cpp gives them
SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
_ACTIVATIONS = ("tanh", "relu", "sigmoid")

_SIZES = ("rows", "inputs", "hidden", "outputs", "activation", "reset_before", "residual")
_WEIGHTS = (
    *("weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh", "weight_ch"),
    *("gain_ih", "gain_hh", "gain_c", "bias_c"),
)
_TENSORS = (*_WEIGHTS, "zone_h", "zone_c", "h", "c", "y")


class Stepper:
    """L recurrent layers, one step a call; `Recurrent.stepper` makes it.

    Layer l reads x_l (B, F) and its own state, which it replaces, and gives y_l (B, P); the next one reads
    x_{l+1} = y_l, or x_l + y_l with residual sums where the two have the same size. Computed as in evaluation:
    no dropout, and zoneout by its probabilities. No gradient is kept.

    The weights are those of the moment it was made: after training on, make another. One stepper is for one
    stream of calls, not for several threads at once, and cannot be copied; a copy of its `state` can be taken.
    Attributes: ``shape`` (B, F) of x; ``parts``, the states where they lie, and ``starts``, what each begins with.
    """

    def __init__(
        self,
        layers: Sequence[Weights],
        sizes: Sequence[int],
        rows: int,
        options: Options,
        residual: bool,
        streams: int = 0,
    ) -> None:
        like = layers[0].weight_ih
        self._layers, self._options, self._residual = layers, options, residual
        self.shape, self._dtype, self._device = torch.Size((rows, like.shape[1])), like.dtype, like.device
        # Four parts are an sLSTM's, whose m is an exponent: that of 0 is minus infinity.
        self.starts = (0.0, 0.0, 0.0, -math.inf) if len(sizes) == 4 else (0.0,) * len(sizes)
        pairs = zip(sizes, self.starts, strict=True)
        self.parts: State = tuple(like.new_full((len(layers), streams or rows, size), start) for size, start in pairs)
        self._y = like.new_zeros(rows, sizes[0])

    def step(self, x: Tensor) -> Tensor:
        """Take one step: x (B, F) to y (B, P).

        y is the stepper's own buffer, and the next call writes over it: `.clone()` what is to stay. It may be that
        call's x.
        Raises: TypeError or ValueError unless x is of that shape, in the weights' type and on their device.
        """
        raise NotImplementedError

    def step_at(self, x: Tensor, at: Tensor) -> Tensor:
        """One step of the streams ``at`` (n,), distinct, of as many as there are states: x (n, F) to y (n, P).

        n is at most B; of a `Slots`, which checks both. The bits of a row do not depend on the others.
        """
        raise NotImplementedError

    @property
    def state(self) -> State:
        """A copy of the state, (h,), an LSTM's (h, c): each (L, B, .), as h_n and c_n are.

        It may be set to a tuple of these shapes, to a Tensor where there is only h, or to None for the start of a
        stream: zeros, an sLSTM's m minus infinity.
        Raises: TypeError or ValueError, setting it, for anything else.
        """
        self._save()
        return tuple(part.clone() for part in self.parts)

    @state.setter
    @torch.no_grad()
    def state(self, state: Sequence[Tensor] | Tensor | None) -> None:
        if state is None:
            for part, start in zip(self.parts, self.starts, strict=True):
                part.fill_(start)
        else:
            given = (state,) if isinstance(state, Tensor) else tuple(state)
            if not all(isinstance(part, Tensor) for part in given):
                kinds = ", ".join(type(part).__name__ for part in given)
                raise TypeError(f"state has parts of type {kinds}, but Tensors are needed: pass a tuple of these")
            shapes, needed = [tuple(part.shape) for part in given], [tuple(part.shape) for part in self.parts]
            if shapes != needed:
                raise ValueError(f"state has shapes {shapes}, but {needed} is needed: pass (L, B, .) tensors")
            for part, new in zip(self.parts, given, strict=True):
                part.copy_(new)
        self._load()

    def reset(self) -> None:
        """Start a new stream: set the state to None."""
        self.state = None

    def _load(self) -> None:
        """Take the state from `_state`, where it does not live there."""

    def _save(self) -> None:
        """Bring `_state` up to date, where the state does not live there."""

    def _refuse(self, x: Any) -> NoReturn:
        if not isinstance(x, Tensor):
            raise TypeError(f"x is of type {type(x).__name__}, but a Tensor is needed: convert it")
        raise ValueError(
            f"x is {tuple(x.shape)} of {x.dtype} on {x.device}, but {tuple(self.shape)} of {self._dtype} on "
            f"{self._device} is needed: pass (B, F) with the stepper's number of rows"
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied: make another and set its state to this one's")


class ReferenceStepper(Stepper):
    """The steps by their definitions, on torch: any cell, type and device."""

    def __init__(self, operation: str, *given: Any) -> None:
        super().__init__(*given)
        self._cell = STEPS[operation]

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        fits = isinstance(x, Tensor) and x.shape == self.shape and x.dtype == self._dtype
        if not fits or x.device != self._device:
            self._refuse(x)
        for number, weights in enumerate(self._layers):
            before = tuple(part[number] for part in self.parts)
            after = self._cell(x, before, weights, self._options)
            for old, new in zip(before, after, strict=True):
                old.copy_(new)
            y = after[0]
            x = x + y if self._residual and x.shape == y.shape else y
        return self._y.copy_(x)

    @torch.no_grad()
    def step_at(self, x: Tensor, at: Tensor) -> Tensor:
        # Torch's products of several rows may differ from those of one in the last bit: each stream steps alone.
        whole, found = self.parts, []
        for row, slot in zip(x, at.tolist(), strict=True):
            self.parts = tuple(part[:, slot : slot + 1] for part in whole)
            found.append(self.step(row[None]).clone())
        self.parts = whole
        return torch.cat(found)


class _Given(ctypes.Structure):
    """One layer, as `Given` in step.cpp has it."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in _SIZES),
        ("clip", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in _TENSORS),
    )


class NativeStepper(Stepper):
    """The steps in C++, all layers in one call on one thread."""

    def __init__(self, native: ctypes.CDLL, operation: str, *given: Any) -> None:
        super().__init__(*given)
        options = self._options
        self._inner = [self._y.clone() for _ in self._layers[1:]]
        structs = []
        for number, (weights, y) in enumerate(zip(self._layers, [*self._inner, self._y], strict=True)):
            inputs, (rows, outputs) = weights.weight_ih.shape[1], self._y.shape
            tensors = {name: getattr(weights, name) for name in _WEIGHTS}
            tensors |= {"zone_h": options.zone_h, "zone_c": options.zone_c, "y": y}
            tensors |= dict(zip("hc", [part[number] for part in self.parts], strict=False))
            structs.append(
                _Given(
                    rows=rows,
                    inputs=inputs,
                    hidden=self.parts[-1].shape[-1],
                    outputs=outputs,
                    activation=_ACTIVATIONS.index(options.activation),
                    reset_before=options.reset == "before",
                    residual=self._residual and inputs == outputs,
                    clip=options.clip or 0.0,
                    **{name: tensor.data_ptr() for name, tensor in tensors.items() if tensor is not None},
                )
            )

        def function(name: str, *arguments: Any, result: Any = None) -> Any:
            found = native[f"elman_stepper_{name}_{SUFFIX[self._dtype]}"]
            found.argtypes, found.restype = arguments, result
            return found

        word, pointer = ctypes.c_int64, ctypes.c_void_p
        open_ = function("open", word, word, pointer, result=pointer)
        self._within = open_(_NATIVE.index(operation), len(structs), (_Given * len(structs))(*structs))
        if not self._within:
            raise RuntimeError("stepper ran out of memory: take fewer rows or hidden units")
        weakref.finalize(self, function("close", pointer), self._within)
        self._run = function("step", pointer, pointer)
        self._run_at = function("step_at", pointer, word, pointer, pointer)
        self._load_state, self._save_state = function("load", pointer), function("save", pointer)

    def step(self, x: Tensor) -> Tensor:
        # Nothing slower than these: a step of a small layer takes no longer than two of torch's own checks.
        try:
            fits = x.shape == self.shape and x.dtype is self._dtype and x.is_cpu
        except AttributeError:
            fits = False
        if not fits:
            self._refuse(x)
        if not x.is_contiguous() or x.is_neg():
            x = x.resolve_neg().contiguous()
        self._run(self._within, x.data_ptr())
        return self._y

    def step_at(self, x: Tensor, at: Tensor) -> Tensor:
        self._run_at(self._within, len(at), at.data_ptr(), x.data_ptr())
        return self._y[: len(at)]

    def _load(self) -> None:
        self._load_state(self._within)

    def _save(self) -> None:
        self._save_state(self._within)


@torch.inference_mode(False)
@torch.no_grad()
def stepper(
    operation: str,
    layers: Sequence[Weights],
    sizes: Sequence[int],
    rows: int = 1,
    *,
    options: Options = PLAIN,
    zoneout: tuple[float, float] = (0.0, 0.0),
    residual: bool = False,
    streams: int = 0,
) -> Stepper:
    """Make a stepper of a stack of layers, in one direction: native for rnn, lstm and gru where there is a library.

    sizes: of the parts of the state, P first, then H. options: without masks; zoneout: the probabilities for
    h and c. streams: states to keep, where a step is not of all of them (`step_at`).
    Raises: TypeError or ValueError unless rows is 1 or more.
    """
    if isinstance(rows, bool) or not isinstance(rows, int):
        raise TypeError(f"rows is {rows!r}, but it must be an int: pass a whole number")
    if rows < 1:
        raise ValueError(f"rows is {rows}, but it must be at least 1: pass a larger number")
    own = list(map(_snapshot, layers))
    like = own[0].weight_ih
    native = library.native()
    known = native is not None and operation in _NATIVE and like.dtype in SUFFIX and like.is_cpu
    if streams and not known:
        rows = 1  # the definitions step the streams one by one
    zone_h, zone_c = (
        like.new_full((rows, size), p) if p else None for size, p in zip((sizes[0], sizes[-1]), zoneout, strict=True)
    )
    options = options._replace(zone_h=zone_h, zone_c=zone_c)
    given = (own, sizes, rows, options, residual, streams)
    if native is None or not known:
        return ReferenceStepper(operation, *given)
    return NativeStepper(native, operation, *given)


def _snapshot(weights: Weights) -> Weights:
    # The kernel reads the small ones at every step, wherever the module's own may have gone.
    copies: list[Any] = [w if w is None else w.detach().clone(memory_format=torch.contiguous_format) for w in weights]
    return Weights(*copies)
