"""How many steps: fixed beforehand, or fitted to a deadline and recorded so that a rerun takes the very same ones.

The learning rate follows *progress*, from 0 at the first step to 1 at the last. Under a deadline the number of steps
left is estimated again every few seconds; progress then advances by (1 - progress) / steps left, so a machine that
slows down still ends with the schedule complete. Each estimate is recorded as (step, steps left): replaying the record
gives the same learning rates, hence the same bits, on any machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Plan:
    """``record`` is [(step, steps left at that step), ...]; ``every`` is the number of steps between validations.

    ``threads`` is how many computed, which can change the last bit of a sum; ``last`` is the step at which it ended.
    """

    every: int
    record: list[tuple[int, int]] = field(default_factory=list)
    threads: int = 1
    last: int | None = None

    def __post_init__(self) -> None:
        self._replayed = list(self.record)
        self.step = 0
        self.progress = 0.0
        self._rate = 0.0

    @property
    def replaying(self) -> bool:
        return bool(self._replayed)

    @property
    def total(self) -> int:
        step, left = self.record[-1]
        return step + left

    def estimate(self, left: int) -> None:
        """From this step on there are ``left`` steps to go; a replay keeps to its record instead."""
        if self._replayed:
            left = next((n for step, n in self._replayed if step == self.step), -1)
            if left < 0:
                return
        else:
            self.record.append((self.step, left))
        self._rate = (1.0 - self.progress) / max(left, 1)

    def advance(self) -> None:
        self.step += 1
        self.progress = min(1.0, self.progress + self._rate)

    @property
    def done(self) -> bool:
        if self._replayed and self.last is not None:
            return self.step >= self.last
        return self.progress >= 1.0 - 1e-9

    def to_json(self) -> dict:
        record = [list(pair) for pair in self.record]
        return {"every": self.every, "record": record, "threads": self.threads, "last": self.last}

    def place(self) -> dict:
        """Where it is, for `at`."""
        return {"step": self.step, "progress": self.progress, "rate": self._rate, "replayed": self._replayed}

    def at(self, place: dict) -> Plan:
        """The same plan, at a place of before."""
        self.step, self.progress, self._rate = place["step"], place["progress"], place["rate"]
        self._replayed = [(step, left) for step, left in place["replayed"]]
        return self

    @classmethod
    def from_json(cls, state: dict) -> Plan:
        return cls(
            int(state["every"]),
            [(int(s), int(n)) for s, n in state["record"]],
            int(state["threads"]),
            state["last"],
        )


class Plateau:
    """The rate's share of the peak: ``SHARE`` as much each time ``CALM`` validations in a row were no better."""

    CALM, SHARE = 4, 0.3

    def __init__(self, on: bool) -> None:
        self.on, self.factor, self.waited = on, 1.0, 0

    def validated(self, better: bool) -> None:
        self.waited = 0 if better else self.waited + 1
        if self.on and self.waited == self.CALM:
            self.factor, self.waited = self.factor * self.SHARE, 0


def learning_rate(progress: float, peak: float, warmup: float, schedule: str) -> float:
    """Linear warm-up from 0 to ``peak`` over the first ``warmup`` share of progress, then the schedule down to 0."""
    if progress < warmup:
        return peak * (progress + 1e-3) / (warmup + 1e-3)
    rest = (progress - warmup) / (1.0 - warmup)
    if schedule == "cosine":
        return peak * 0.5 * (1.0 + math.cos(math.pi * rest))
    return peak * (1.0 - rest) if schedule == "linear" else peak
