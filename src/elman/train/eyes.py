"""All that looks on while a network learns, without a trace in it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import nn

from elman.data.batch import Batch, Examples, shuffled
from elman.train.config import TrainConfig
from elman.train.spoilt import sound

V = TypeVar("V")
Validate = Callable[[nn.Module], float]  # the score that chooses; lower is better
Alarm = Callable[[nn.Module], str | None]  # what is wrong with what is learnt, in a sentence; None where nothing is
Look = Callable[[nn.Module, Batch], Any]  # what goes on inside a network while it learns from some rows, as JSON
# Called with {"event": "start" | "step" | "spoilt" | "look" | "valid" | "end"}
Watch = Callable[[dict[str, Any]], None]

LOOKING = 0.05  # of the time that may go into looking inside while learning
LOOKED_AT = 16  # rows that are looked at
SEARCHED = 8  # batches in which these are searched


class Eyes:
    def __init__(self, alarm: Alarm, look: Look | None, follow: bool, watch: Watch) -> None:
        self.alarm, self.look, self.follow, self.watch = alarm, look, follow, watch
        self.looks: list[dict[str, Any]] = []
        self.batch: Batch | None = None
        self.seconds = self.last = 0.0

    def may_follow(self, elapsed: float) -> bool:
        """Whether one more look stays within its share of the time."""
        return self.follow and self.seconds + self.last <= LOOKING * elapsed

    def inside(
        self, network: nn.Module, examples: Examples, config: TrainConfig, step: int, moved: float | None = None
    ) -> None:
        """Look, always at the same rows, and tell."""
        if self.look is None:
            return
        start = time.perf_counter()
        with torch.random.fork_rng(devices=[]):
            if self.batch is None:
                torch.manual_seed(0)
                some = shuffled(examples, min(config.batch_size, LOOKED_AT), torch.Generator().manual_seed(0))
                found = next(filter(sound, islice(some, SEARCHED)), None)
                if found is None:
                    return
                self.batch = found.to(config.device)
            seen = {"step": step, "inside": self.look(network, self.batch)}
        self.looks.append(seen)
        self.last = time.perf_counter() - start
        self.seconds += self.last
        self.watch({"event": "look", "moved": moved, **seen})


def score(network: nn.Module, validate: Validate) -> float:
    """The validation score in evaluation mode, without a trace in any generator; NaN counts as worst."""
    value = looked(network, validate)
    return value if math.isfinite(value) else math.inf


def looked(network: nn.Module, at: Callable[[nn.Module], V]) -> V:
    """What is seen of a network in evaluation mode, without a trace in any generator."""
    network.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return at(network)
    finally:
        network.train()
