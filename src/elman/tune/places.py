"""The places of a search: who makes which trial, where many processes share one storage.

A place is one trial of those that were asked for; an attempt is one process at work on it, and a row in the storage.
An attempt that was stopped, or whose process is gone, leaves its place to another one of the same settings. All that is
asked here follows from the order in which rows came into the storage, and so has the same answer in every process.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from elman.tune.space import Choice, Space

DEFAULT = "default"
ATTEMPTS = 3  # processes that may be lost on a place before it counts as failed: its settings may be what ends them

Places = dict[str, list[Any]]  # the attempts at each place, both in the order in which they began


def places_of(rows: Iterable[Any], grid: bool = False) -> Places:
    found: Places = {}
    for one in rows:
        if _wanted(one, grid):
            found.setdefault(key_of(one), []).append(one)
    return found


def _wanted(one: Any, grid: bool) -> bool:
    """A grid has the points that were put in line: whoever comes for one that is gone by then is given another."""
    return not grid or "key" in one.user_attrs


def key_of(one: Any) -> str:
    """The place of an attempt; a first one is named after itself."""
    own = DEFAULT if one.user_attrs.get("default") else f"trial {one.number}"
    return str(one.user_attrs.get("key", own))


def ended(one: Any) -> bool:
    """Whether an attempt came to its end, be it a failure: then so did its place."""
    name = one.state.name
    return name in ("COMPLETE", "PRUNED") or (name == "FAIL" and "why" in one.user_attrs)


def running(one: Any) -> bool:
    return bool(one.state.name == "RUNNING")


def _held(attempts: Sequence[Any]) -> bool:
    return any(ended(one) or one.state.name in ("WAITING", "RUNNING") for one in attempts)


def going(places: Places, trials: int | None, grid: bool) -> bool:
    """Whether there is something to make for a process that has nothing to do."""
    wanted = list(places.values())[:trials]
    if any(not _held(attempts) or any(one.state.name == "WAITING" for one in attempts) for attempts in wanted):
        return True
    return not grid and (trials is None or len(places) < trials)


def place_of(rows: Sequence[Any], number: int, trials: int | None, grid: bool = False) -> int | None:
    """Which place the attempt of this number makes; None where another has it, or no more are wanted."""
    own = next(one for one in rows if one.number == number)
    if not _wanted(own, grid):
        return None
    mine, before = key_of(own), places_of((one for one in rows if one.number < number), grid)
    at = list(before).index(mine) if mine in before else len(before)
    return None if _held(before.get(mine, [])) or (trials is not None and at >= trials) else at


def lost(rows: Sequence[Any], number: int) -> int:
    """How many processes are gone that made the place of this attempt."""
    mine = key_of(next(one for one in rows if one.number == number))
    return sum(
        one.number < number and key_of(one) == mine and one.state.name == "FAIL" and "given back" not in one.user_attrs
        for one in rows
    )


def enqueue(study: Any, places: Places, space: Space, default: dict[str, Any], trials: int | None, grid: bool) -> bool:
    """Put in line what has to be made: the default, the points of a grid, places that were left; whether there was any.

    Two processes may do it at once; ``place_of`` lets one of the attempts have the place.
    """
    own = {d.name: word for d in space if (word := d.word(default[d.name])) is not None}
    wanted = {} if DEFAULT in places else {DEFAULT: own}
    if grid:
        names = [d.name for d in space]
        points = itertools.product(*(d.values for d in space if isinstance(d, Choice)))
        every = [dict(zip(names, point, strict=True)) for point in points]
        wanted |= {key: words for words in every if words != own and (key := json.dumps(words)) not in places}
    for key, attempts in list(places.items())[:trials]:
        if not _held(attempts):
            wanted[key] = {**attempts[-1].system_attrs.get("fixed_params", {}), **attempts[-1].params}
    for key, words in wanted.items():
        study.enqueue_trial(words, user_attrs={"key": key} | ({"default": True} if key == DEFAULT else {}))
    return bool(wanted)


class Unborn:
    """Attempts whose process was gone before its first sign of life, which the storage takes to be alive for ever."""

    def __init__(self, patience: float) -> None:
        self.patience, self.seen = patience, dict[int, float]()

    def end(self, optuna: Any, study: Any) -> None:
        """By this process's own clock: those of two machines need not agree."""
        now = time.monotonic()
        for one in study.get_trials(deepcopy=False):
            unborn = running(one) and "began" not in one.user_attrs
            if unborn and now - self.seen.setdefault(one.number, now) > self.patience:
                with suppress(ValueError):  # it came to life, or another process has ended it
                    study.tell(one.number, state=optuna.trial.TrialState.FAIL)
