"""Timing side by side: all take turns in one process, in an order drawn anew each round; all meet the same weather."""

from __future__ import annotations

import gc
import os
import platform
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from statistics import median
from typing import Any, NamedTuple

import torch

from elman.bench import limits
from elman.bench.limits import Rates
from elman.bench.workloads import WORKLOADS, Call, Contest, Workload
from elman.kernels import library

TURN = 1e-3  # seconds that a turn lasts at least: short calls are repeated within it
WARM = 1.0  # seconds after which slow calls are warm enough
PAUSE = 0.02  # seconds in which another library's idle threads go to sleep
LEAST_ROUNDS = 15


class Row(NamedTuple):
    """One workload with one number of threads.

    `ms` is the median of elman's rounds, `ratio` each peer's median over it, `limit_share` the time that the machine's
    limits ask for over it.
    """

    workload: str
    threads: int
    ms: float
    ratio: dict[str, float]
    limit_share: float
    rounds: int


class Measured(NamedTuple):
    """All rows, with what they were measured on and what is to be said of them."""

    machine: dict[str, Any]
    rows: list[Row]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        return {"machine": self.machine, "rows": [row._asdict() for row in self.rows], "notes": self.notes}


def bench(
    workloads: Mapping[str, Workload] = WORKLOADS,
    *,
    threads: Sequence[int] = (1, 2),
    seconds: float = 4.0,
    least_rounds: int = LEAST_ROUNDS,
    rates: Callable[[], Rates] = limits.rates,
    watch: Callable[[str], None] = lambda text: None,
) -> Measured:
    """Time each workload with each number of threads for about `seconds`, and at least `least_rounds` rounds.

    A workload that elman cannot run here is left out, and the notes say why.
    """
    rows, notes, reached = [], [], {}
    for count in threads:
        with using(count):
            watch(f"{_threads(count)}: the limits of the machine")
            rate = rates()
            reached[str(count)] = {"sgemm_gflops": round(rate.flops / 1e9, 1), "stream_gbs": round(rate.bytes / 1e9, 1)}
            for name, workload in workloads.items():
                watch(f"{_threads(count)}: {name}")
                torch.manual_seed(0)
                try:
                    contest = workload.build(workload.shape, count)
                    times = taken(contest, seconds, least_rounds, settle=contest.pools and count > 1)
                except RuntimeError as error:
                    notes.append(f"{name}: left out, {error}")
                    continue
                notes += [f"{name}: {note}" for note in contest.notes]
                rows.append(_row(name, count, times, limits.least_seconds(contest.cost, rate)))
    machine = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "library": library.which(),
        "limits": reached,
    }
    return Measured(machine, rows, list(dict.fromkeys(notes)))


@contextmanager
def using(threads: int) -> Iterator[None]:
    """Let torch, and elman with it, use this many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def taken(
    contest: Contest, seconds: float, least_rounds: int = LEAST_ROUNDS, *, settle: bool = False
) -> dict[str, list[float]]:
    """Seconds a call of each contestant, one value a round.

    With `settle` a pause and an uncounted call go before each turn, so that nobody meets another's spinning threads.
    """
    calls = {name: min(calls, key=_warm) if len(calls) > 1 else calls[0] for name, calls in contest.calls.items()}
    repeats = {name: max(1, ceil(TURN / _warm(call))) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    order, draw = list(calls), random.Random(0)
    gc.collect()
    gc.disable()
    try:
        began, rounds = time.perf_counter(), 0
        while rounds < least_rounds or time.perf_counter() - began < seconds:
            draw.shuffle(order)
            for name in order:
                call, count = calls[name], repeats[name]
                if settle:
                    time.sleep(PAUSE)
                    call()
                start = time.perf_counter()
                for _ in range(count):
                    call()
                times[name].append((time.perf_counter() - start) / count)
            rounds += 1
    finally:
        gc.enable()
    return times


def _warm(call: Call) -> float:
    """Seconds of the fastest of two calls to four; the first ones build what the later ones find ready."""
    took: list[float] = []
    while len(took) < 2 or (len(took) < 4 and sum(took) < WARM):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _row(name: str, threads: int, times: Mapping[str, Sequence[float]], least: float) -> Row:
    middle = {peer: median(values) for peer, values in times.items()}
    ours = middle.pop("elman")
    ratio = {peer: round(value / ours, 3) for peer, value in middle.items()}
    return Row(name, threads, round(1e3 * ours, 5), ratio, round(least / ours, 4), len(times["elman"]))
