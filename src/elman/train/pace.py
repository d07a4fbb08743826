"""How fast training is here, and so how many steps a time allows."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import islice

import torch
from torch import nn

from elman.data.batch import Examples, batches, shuffled
from elman.errors import InputError
from elman.train.config import TrainConfig
from elman.train.plan import Plan
from elman.train.step import Loss, Step

LONGEST = 0.3  # seconds of measuring after which two steps are enough


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def products(precision: str) -> Iterator[None]:
    """Within the block products of float32 may be made in bfloat16, if that is the precision; torch's own switch."""
    if precision == "bfloat16":
        # The library behind these keeps a program for each shape, a thousand of them, which for ragged batches is
        # gigabytes, and saves next to no time. It reads the variable once, before its first product.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if precision == "bfloat16" else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def measure(network: nn.Module, examples: Examples, loss: Loss, config: TrainConfig, steps: int = 6) -> float:
    """Seconds a step takes here: the least of a few steps of a copy, which leaves no trace anywhere."""
    with torch.random.fork_rng(devices=[]), products(config.precision):
        trial = Step(deepcopy(network), loss, config)
        source = shuffled(examples, config.batch_size, torch.Generator().manual_seed(0))
        times: list[float] = []
        while len(times) < 2 or (len(times) < steps and sum(times) < LONGEST):
            start = time.perf_counter()
            trial([batch.to(config.device) for batch in islice(source, config.accumulate)], 0.0)
            times.append(time.perf_counter() - start)
    return min(times)


def fastest_threads(
    network: nn.Module, examples: Examples, loss: Loss, config: TrainConfig, steps: int = 6
) -> tuple[int, float]:
    """One thread or all: small steps lose more to waiting than they gain. Returns the count and the seconds a step."""
    check_pass(examples, config)
    found = {}
    for count in {1, torch.get_num_threads()}:
        with threads(count):
            found[count] = measure(network, examples, loss, config, steps)
    best = min(found, key=lambda count: found[count])
    return best, found[best]


def check_pass(examples: Examples, config: TrainConfig) -> None:
    """Raise InputError where a step would take more batches than there are in a pass."""
    there = batches(examples, config.batch_size)
    if config.accumulate > there:
        raise InputError(
            f"--accumulate is {config.accumulate:,}, but a pass over the training part has {there:,} "
            f"batch{'es' * (there > 1)} of {config.batch_size:,}: give at most {there:,}, or a smaller --batch-size"
        )


def steps_a_pass(examples: Examples, config: TrainConfig) -> int:
    return -(-batches(examples, config.batch_size) // config.accumulate)


def most(examples: Examples, config: TrainConfig) -> int:
    """Steps that a budget of minutes never exceeds: so many passes teach nothing more."""
    return math.ceil((config.epochs or 60) * steps_a_pass(examples, config))


def first_plan(examples: Examples, config: TrainConfig, pace: Pace | None = None) -> Plan:
    """Validate twice an epoch at most, ten times at least, and under a deadline for at most a quarter of the time.

    Without a deadline the plan depends on the settings and the number of examples alone, never on the machine.
    """
    epoch = steps_a_pass(examples, config)
    if pace is None:
        steps = config.steps or max(1, round(config.epochs * epoch) if config.epochs else min(30 * epoch, 5000))
        plan = Plan(max(1, min(math.ceil(epoch / 2), steps // 10)))
    else:
        steps = min(most(examples, config), pace.left(every=1000))
        affordable = math.ceil(4 * pace.valid_seconds / pace.step_seconds)
        plan = Plan(max(1, affordable, min(math.ceil(epoch / 2), steps // 10)))
        steps = min(steps, pace.left(plan.every))
    plan.estimate(steps)
    return plan


class Pace:
    """How fast training really goes, and so how many steps the deadline still allows."""

    def __init__(self, deadline: float, step_seconds: float, valid_seconds: float) -> None:
        self.deadline, self.step_seconds, self.valid_seconds = deadline, step_seconds, valid_seconds
        self.begin(0)
        self.between = max(0.5, (deadline - self.since) / 40)

    def begin(self, step: int) -> None:
        """Measure from here on."""
        self.since, self.since_step = time.perf_counter(), step

    def place(self) -> list[float]:
        """What it knows, for `at`; the last is the time left."""
        return [self.step_seconds, self.valid_seconds, self.deadline - time.perf_counter()]

    @classmethod
    def at(cls, place: list[float], step: int) -> Pace:
        step_seconds, valid_seconds, left = place
        pace = cls(time.perf_counter() + left, step_seconds, valid_seconds)
        pace.begin(step)
        return pace

    @property
    def over(self) -> bool:
        return time.perf_counter() > self.deadline

    def due(self, step: int) -> bool:
        """Whether enough time has passed to estimate again; if so the seconds a step are those of that time."""
        now = time.perf_counter()
        if now - self.since < self.between:
            return False
        self.step_seconds = (now - self.since) / (step - self.since_step)
        self.since, self.since_step = now, step
        return True

    def left(self, every: int) -> int:
        """Steps that fit before the deadline, with a validation every so many and one at the end."""
        seconds = self.deadline - time.perf_counter() - self.valid_seconds
        return max(1, int(seconds / (self.step_seconds + self.valid_seconds / every)))

    def validated(self, seconds: float) -> None:
        self.valid_seconds = 0.5 * (self.valid_seconds + seconds)
        self.since += seconds
