"""What is searched: ranges and lists of values of a task's settings, its own ones or such as the user writes.

    cell=rnn,gru    hidden=16..128    learning_rate=1e-4..1e-2    augment=none,jitter+scale    residual=true,false

A range whose end is at least 8 times its begin, which is above 0, is searched by its logarithm. ``+`` parts the words
of a setting that takes several, ``none`` leaves a setting out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from elman.errors import InputError
from elman.tasks.base import TaskConfig

LOG = 8  # times the begin of a range that its end is, from which on it is searched by its logarithm
SIZES = ("hidden", "lookback", "members")  # what a fit would choose for itself, and a trial must know
# What says what is learnt, from what, or for how long, is given and not searched.
GIVEN = {"target", "label", "text", "horizon", "time", "group", "known", "inputs", "timezone", "duplicates", "stride"}
GIVEN |= {"minutes", "epochs", "steps", "seed", "device", "precision", "valid_share", "test_share", "point", "vectors"}
GIVEN |= {"lang", "ram"}  # of the pages, of the machine


@dataclass(frozen=True)
class Choice:
    """A setting of listed values, by the words that they are written in."""

    name: str
    values: dict[str, Any]

    def suggest(self, trial: Any) -> Any:
        return self.values[trial.suggest_categorical(self.name, list(self.values))]

    def word(self, value: Any) -> Any:
        """What a trial keeps of a value; None where it is not among those searched."""
        return next((word for word, own in self.values.items() if own == value and type(own) is type(value)), None)

    def told(self) -> str:
        return f"{self.name}={','.join(self.values)}"


@dataclass(frozen=True)
class Range:
    """A setting that is a number from ``low`` to ``high``, both included."""

    name: str
    low: float
    high: float
    whole: bool

    @property
    def log(self) -> bool:
        return self.low > 0 and self.high >= LOG * self.low

    def suggest(self, trial: Any) -> Any:
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def word(self, value: Any) -> Any:
        return value if isinstance(value, int | float) and self.low <= value <= self.high else None

    def told(self) -> str:
        return f"{self.name}={self.low:g}..{self.high:g}"


Dimension = Choice | Range
Space = tuple[Dimension, ...]


def searched(config: TaskConfig, resolved: TaskConfig, written: Sequence[str], *, own: bool = True) -> Space:
    """The space around a task's settings: with ``own`` its usual one, narrowed and widened by what is ``written``.

    ``resolved`` are the settings with every size that a fit would choose. A setting that was given another value than
    its default is not searched unless it is written. Raises InputError for what cannot be read or searched.
    """
    named = [parsed(config, one) for one in written]
    taken = [dimension.name for dimension in named]
    for name in taken:
        if taken.count(name) > 1:
            raise InputError(f"--search names {name} twice: name it once")
    usual = [dimension for dimension in _usual(config, resolved) if dimension.name not in taken] if own else []
    if not (found := (*usual, *named)):
        raise InputError(f"there is nothing to search: name values with --search, of {', '.join(names(config))}")
    return found


def names(config: TaskConfig) -> list[str]:
    """The settings that can be searched."""
    return [f.name for f in fields(config) if f.name not in GIVEN]


def _usual(config: TaskConfig, resolved: Any) -> list[Dimension]:
    found: list[Dimension] = []
    free = {f.name for f in fields(config) if getattr(config, f.name) == f.default}
    if "cell" in free:
        words = get_args(get_type_hints(type(config))["cell"])
        found.append(Choice("cell", {word: word for word in words}))
    if "hidden" in free:
        found.append(Range("hidden", max(1, resolved.hidden // 4), 4 * resolved.hidden, whole=True))
    if "layers" in free:
        found.append(Range("layers", 1, 3, whole=True))
    if "learning_rate" in free:
        found.append(Range("learning_rate", config.learning_rate / 8, config.learning_rate * 4, whole=False))
    if "dropout" in free:
        found.append(Range("dropout", 0.0, 0.6, whole=False))
    if "lookback" in free:
        steps = resolved.lookback
        some = sorted({max(1, steps // 4), max(1, steps // 2), steps, 2 * steps})
        found.append(Choice("lookback", {str(count): count for count in some}))
    return found


def usual_values(config: TaskConfig, name: str) -> str:
    """``name=values`` of a setting that takes few; InputError of one whose values must be named."""
    name = name.strip().replace("-", "_")
    kinds = _kinds(config, name)
    words = [str(word) for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    if name == "layers":
        words = ["1", "2", "3"]
    elif bool in kinds:
        words = ["false", "true"]
    if not words:
        raise InputError(f"{name} has no few values of its own: name some, {name}=a,b")
    return f"{name}={','.join(words)}"


def parsed(config: TaskConfig, written: str) -> Dimension:
    """One ``name=values``."""
    name, equals, values = written.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not values.strip():
        raise InputError(f"--search {written!r} names no values: write name=a,b,c or name=low..high")
    kinds = _kinds(config, name)
    if ".." in values:
        return _range(config, name, values, kinds)
    words = [word.strip() for word in values.split(",")]
    if len(set(words)) < len(words):
        raise InputError(f"--search {written!r} names a value twice: name each once")
    found = {word: _value(name, word, kinds) for word in words}
    for value in found.values():
        replace(config, **{name: value})  # the settings say themselves what they do not take
    return Choice(name, found)


def _kinds(config: TaskConfig, name: str) -> list[Any]:
    """The types that a setting may have."""
    if name not in names(config):
        raise InputError(f"{name!r} cannot be searched: name one of {', '.join(names(config))}")
    hint = get_type_hints(type(config))[name]
    return list(get_args(hint)) if get_origin(hint) in (Union, UnionType) else [hint]


def _range(config: TaskConfig, name: str, values: str, kinds: list[Any]) -> Range:
    number = next((kind for kind in kinds if kind in (int, float)), None)
    if number is None:
        raise InputError(f"{name} takes no numbers, but {values!r} is a range: list its values, {name}=a,b")
    low, _, high = values.partition("..")
    ends = [_value(name, end.strip(), [number]) for end in (low, high)]
    if not ends[0] < ends[1]:
        raise InputError(f"the range {name}={values} does not rise: write the lower end first")
    for end in ends:
        replace(config, **{name: end})
    return Range(name, ends[0], ends[1], whole=number is int)


def _value(name: str, word: str, kinds: list[Any]) -> Any:
    several = next((kind for kind in kinds if get_origin(kind) is tuple), None)
    if word.lower() == "none" and not _literal(word, kinds):
        if type(None) in kinds:
            return None
        if several:
            return ()
    read: dict[Any, Callable[[str], Any]] = {bool: _truth, int: int, float: _finite, str: str}
    for kind in kinds:
        try:
            if get_origin(kind) is Literal and _literal(word, [kind]):
                return word
            if kind in read:
                return read[kind](word)
            if kind is several:
                parts = word.split("+")
                return tuple(_value(name, part, [get_args(kind)[0]]) for part in parts)
        except ValueError:
            continue
    wanted = " or ".join(_kind_in_words(kind) for kind in kinds)
    raise InputError(f"{name} cannot be {word!r}: {wanted} is needed")


def _literal(word: str, kinds: list[Any]) -> bool:
    return any(get_origin(kind) is Literal and word in get_args(kind) for kind in kinds)


def _truth(word: str) -> bool:
    if word.lower() not in ("true", "false"):
        raise ValueError(word)
    return word.lower() == "true"


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(word)
    return number


def _kind_in_words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", type(None): "none"}
    return plain.get(kind, "words parted by +")
