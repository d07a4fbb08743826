"""The settings that every task's training shares, in one frozen dataclass."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, fields
from functools import cache
from numbers import Integral, Real
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from elman.errors import InputError


def require(good: bool, name: str, value: object, need: str) -> None:
    """Raise the one kind of sentence a bad setting gets."""
    if not good:
        shown = repr(value)
        shown = shown if len(shown) <= 200 else f"{shown[:190]}..."
        raise InputError(f"--{name.replace('_', '-')} must be {need}, but is {shown}")


def require_least(config: Any, least: float, *names: str) -> None:
    """Settings that are numbers of at least so much."""
    for name in names:
        value = getattr(config, name)
        require(_left_out(config, name) or value >= least, name, value, f"at least {least:g}")


def require_share(config: Any, *names: str) -> None:
    """Settings that are shares below the whole."""
    for name in names:
        value = getattr(config, name)
        require(_left_out(config, name) or 0 <= value < 1, name, value, "at least 0 and below 1")


def _left_out(config: Any, name: str) -> bool:
    """Whether a setting is None, and may be."""
    return getattr(config, name) is None and getattr(type(config), name, "") is None


@cache
def _choices(config: type) -> dict[str, tuple[Any, ...]]:
    """The words of which each setting that is a Literal, or several of one, takes some."""

    def words(hint: Any) -> tuple[Any, ...]:
        if get_origin(hint) is Literal:
            return get_args(hint)
        return tuple(word for part in get_args(hint) for word in words(part))

    found = {name: words(hint) for name, hint in _hints(config).items()}
    return {name: some for name, some in found.items() if some}


def _require_choices(config: Any) -> None:
    kind: Any = type(config)
    for name, words in _choices(kind).items():
        value = getattr(config, name)
        need = f"{', '.join(words[:-1])} or {words[-1]}" if words[1:] else f"{words[0]}, or left out"
        if isinstance(value, bool) and "bool" in str(kind.__dataclass_fields__[name].type):
            continue
        given = value if isinstance(value, tuple | list) else (value,)
        require(_left_out(config, name) or all(one in words for one in given), name, value, need)


DEVICE = re.compile(r"cpu|(cuda|mps|xpu)(:\d{1,2})?")
# What a setting of each type may be, and how it is called; numbers of numpy's are numbers too.
KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((Integral,), "a whole number"),
    float: ((Real,), "a number"),
    str: ((str, os.PathLike), "a text"),
    NoneType: ((NoneType,), "left out"),
}


def _require_types(config: Any) -> None:
    """Every setting of the type that its class declares."""
    kind: Any = type(config)
    hints = _hints(kind)
    for field in fields(config):
        value, hint = getattr(config, field.name), hints[field.name]
        require(_is(value, hint), field.name, value, " or ".join(dict.fromkeys(_kinds(hint))))


@cache
def _hints(config: type) -> dict[str, Any]:
    return get_type_hints(config)


def _is(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if get_origin(hint) is tuple:
        several = (value,) if isinstance(value, str) else value  # a lone name becomes a tuple of one
        return isinstance(several, tuple | list) and all(_is(one, get_args(hint)[0]) for one in several)
    if hint not in KINDS:
        return any(_is(value, part) for part in get_args(hint))
    if isinstance(value, bool) and hint is not bool:
        return False
    return isinstance(value, KINDS[hint][0])


def _kinds(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return [", ".join(get_args(hint))]
    if hint in KINDS:
        return [KINDS[hint][1]]
    parts = [kind for part in get_args(hint) if part is not Ellipsis for kind in _kinds(part)]
    return [f"several of {parts[0]}"] if get_origin(hint) is tuple else parts


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How long, how fast and how carefully to learn.

    Parameters
    ----------
    minutes
        Time budget for the whole fit; sizes and steps are chosen to fit it, and recorded.
    epochs
        Passes over the training part at most (default: 30, or 5,000 steps if that is less; under --minutes: 60).
    steps
        Optimizer steps exactly, instead of minutes or epochs: the same bits on every run.
    batch_size
        Examples per step.
    accumulate
        Batches whose gradients are added up for one step: as if --batch-size were so many times as large.
    optimizer
        adamw (decoupled decay), adam, sgd (Nesterov momentum 0.9) or rmsprop.
    learning_rate
        Peak learning rate.
    beta2
        Decay of Adam's running mean of the squared gradients.
    schedule
        After the warm-up: cosine or linear decay to zero, constant, or plateau, which takes the rate to 0.3 of what it
        was whenever four validations in a row brought nothing better.
    warmup
        Share of the steps over which the learning rate rises from zero.
    clip
        Largest norm of the whole gradient; 0 turns clipping off.
    weight_decay
        L2 decay of the weight matrices.
    l1
        L1 penalty on the weight matrices.
    average
        Decay of the running average of the weights that is validated and kept; 0 keeps the weights themselves.
    patience
        Validations without a better score before training stops; 0 never stops early.
    bad_batch
        What to do where a step would spoil the weights, for its gradient is not finite or nothing in the batch is
        scored: skip it, stop, or rollback to the best weights so far. Five in a row always stop.
    precision
        float32, or bfloat16: training's matrix products round their operands to bfloat16, which is several times as
        fast on CPUs with AMX; auto takes it there. What is predicted is computed in float32.
    seed
        Seed of everything random: initial weights, order, dropout.
    device
        cpu or cuda.
    """

    minutes: float | None = None
    epochs: float | None = None
    steps: int | None = None
    batch_size: int = 64
    accumulate: int = 1
    optimizer: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    learning_rate: float = 3e-3
    beta2: float = 0.999
    schedule: Literal["cosine", "linear", "constant", "plateau"] = "cosine"
    warmup: float = 0.05
    clip: float = 1.0
    weight_decay: float = 0.05
    l1: float = 0.0
    average: float = 0.99
    patience: int = 12
    bad_batch: Literal["skip", "stop", "rollback"] = "skip"
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        _require_choices(self)
        _require_types(self)
        require(self.minutes is None or self.minutes > 0, "minutes", self.minutes, "more than 0")
        require(self.epochs is None or self.epochs > 0, "epochs", self.epochs, "more than 0")
        require_least(self, 1, "steps", "batch_size", "accumulate")
        require(self.steps is None or self.minutes is None, "steps", self.steps, "left out when --minutes is given")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "more than 0")
        require(0 < self.beta2 < 1, "beta2", self.beta2, "above 0 and below 1")
        require_share(self, "warmup", "average")
        require_least(self, 0, "clip", "weight_decay", "l1", "patience")
        require(bool(DEVICE.fullmatch(self.device)), "device", self.device, "cpu or cuda")
        for name, value in vars(self).items():
            require(not isinstance(value, float) or math.isfinite(value), name, value, "finite")
