"""The one training loop: backpropagation through time, clipped, scheduled, stopped in time, the best weights kept."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from elman.data.batch import Batch, Examples, batches, shuffled
from elman.errors import ElmanError
from elman.train.average import Average
from elman.train.config import TrainConfig
from elman.train.optimizer import matrices, optimizer
from elman.train.plan import Plan, learning_rate

V = TypeVar("V")
Loss = Callable[[Any, Batch], Tensor]  # (outputs of the network, batch) -> a scalar
Validate = Callable[[nn.Module], float]  # the score that chooses; lower is better
Alarm = Callable[[nn.Module], str | None]  # what is wrong with what is learnt, in a sentence; None where nothing is
Look = Callable[[nn.Module, Batch], Any]  # what goes on inside a network while it learns from some rows, as JSON
Watch = Callable[[dict[str, Any]], None]  # called with {"event": "start" | "step" | "look" | "valid" | "end", ...}

OVER = "the time was over"  # why training ended
LONGEST = 0.3  # seconds of measuring after which two steps are enough
SETTLED = 0.4  # progress before which a network may still be any
LOOKING = 0.05  # of the time that may go into looking inside while learning
LOOKED_AT = 16  # rows that are looked at
TOLERATED = 5  # steps in a row whose gradient is not finite, each skipped, before training gives up


@dataclass(frozen=True)
class Training:
    """What happened: the plan that was kept, one record per validation, what was seen inside, and why it ended."""

    plan: Plan
    history: list[dict[str, Any]]
    looks: list[dict[str, Any]]
    best_step: int
    best_score: float
    steps: int
    seconds: float
    why: str


class Step:
    """One optimizer step: forward, loss, backward, clip, update. Returns the loss and the gradient's norm.

    With ``measuring`` it leaves in ``moved`` how far the step moved the matrices: ‖ΔW‖ / ‖W‖ over all of them.
    """

    def __init__(self, network: nn.Module, loss: Loss, config: TrainConfig) -> None:
        self.network, self.loss, self.config = network, loss, config
        self.optimizer = optimizer(network, config)
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.penalised = matrices(network) if config.l1 else []
        self.average = Average(network, config.average)
        self.moved = 0.0

    def __call__(self, batch: Batch, rate: float, *, measuring: bool = False) -> tuple[float, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        value = self.loss(self.network(**batch.inputs), batch)
        total = value
        if self.penalised:
            total = value + self.config.l1 * torch.stack([p.abs().sum() for p in self.penalised]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.clip or math.inf).item()
        if math.isfinite(norm):  # also false where the loss is NaN: checked before the weights are touched
            before = [w.detach().clone() for w in matrices(self.network)] if measuring else []
            self.optimizer.step()
            self.average.update()
            if measuring:
                self.moved = _moved(before, matrices(self.network))
        return value.item(), norm


def _moved(before: list[Tensor], after: Sequence[Tensor]) -> float:
    pairs = zip(before, after, strict=True)
    squares = sum((float((new.detach() - old).square().sum()) for old, new in pairs), 0.0)
    return math.sqrt(squares / max(sum(float(old.square().sum()) for old in before), 1e-30))


def measure(network: nn.Module, examples: Examples, loss: Loss, config: TrainConfig, steps: int = 6) -> float:
    """Seconds a step takes here: the least of a few steps of a copy, which leaves no trace anywhere."""
    with torch.random.fork_rng(devices=[]), products(config.precision):
        trial = Step(deepcopy(network), loss, config)
        source = shuffled(examples, config.batch_size, torch.Generator().manual_seed(0))
        times: list[float] = []
        while len(times) < 2 or (len(times) < steps and sum(times) < LONGEST):
            start = time.perf_counter()
            trial(next(source).to(config.device), 0.0)
            times.append(time.perf_counter() - start)
    return min(times)


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


def fastest_threads(
    network: nn.Module, examples: Examples, loss: Loss, config: TrainConfig, steps: int = 6
) -> tuple[int, float]:
    """One thread or all: small steps lose more to waiting than they gain. Returns the count and the seconds a step."""
    found = {}
    for count in {1, torch.get_num_threads()}:
        with threads(count):
            found[count] = measure(network, examples, loss, config, steps)
    best = min(found, key=lambda count: found[count])
    return best, found[best]


def most(examples: Examples, config: TrainConfig) -> int:
    """Steps that a budget of minutes never exceeds: so many passes teach nothing more."""
    return math.ceil((config.epochs or 60) * batches(examples, config.batch_size))


def first_plan(examples: Examples, config: TrainConfig, pace: Pace | None = None) -> Plan:
    """Validate twice an epoch at most, ten times at least, and under a deadline for at most a quarter of the time.

    Without a deadline the plan depends on the settings and the number of examples alone, never on the machine.
    """
    epoch = batches(examples, config.batch_size)
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


def train(
    network: nn.Module,
    examples: Examples,
    loss: Loss,
    validate: Validate,
    config: TrainConfig,
    *,
    deadline: float | None = None,
    plan: Plan | None = None,
    alarm: Alarm = lambda network: None,
    look: Look | None = None,
    follow: bool = False,
    watch: Watch = lambda event: None,
) -> Training:
    """Fit ``network`` in place and leave it with the weights of its best validation.

    ``deadline`` is a time of ``time.perf_counter()``; with a recorded ``plan`` the record is replayed instead.
    ``alarm`` looks at the network with each validation once the first part of the training is over; ``look`` looks
    inside it at the start and at the end, and with ``follow`` at every validation for which a twentieth of the time
    suffices. Neither changes what is learnt.
    Raises ElmanError when the gradient stays non-finite.
    """
    with products(config.precision):
        return _train(network, examples, loss, validate, config, deadline, plan, Eyes(alarm, look, follow, watch))


def _train(
    network: nn.Module,
    examples: Examples,
    loss: Loss,
    validate: Validate,
    config: TrainConfig,
    deadline: float | None,
    plan: Plan | None,
    eyes: Eyes,
) -> Training:
    begin = time.perf_counter()
    network.to(config.device).train()
    pace = None
    if plan is not None:
        plan = Plan.from_json(plan.to_json())
        plan.estimate(0)
    elif deadline is None:
        plan = first_plan(examples, config)
        plan.threads = torch.get_num_threads()
    else:
        count, step_seconds = fastest_threads(network, examples, loss, config)
        start = time.perf_counter()
        score(network, validate)
        pace = Pace(deadline, step_seconds, time.perf_counter() - start)
        plan = first_plan(examples, config, pace)
        plan.threads = count
    with torch.random.fork_rng(devices=[]), threads(plan.threads):
        torch.manual_seed(config.seed)
        return _run(network, examples, loss, validate, config, plan, pace, eyes, begin)


def _run(
    network: nn.Module,
    examples: Examples,
    loss: Loss,
    validate: Validate,
    config: TrainConfig,
    plan: Plan,
    pace: Pace | None,
    eyes: Eyes,
    begin: float,
) -> Training:
    watch = eyes.watch
    step = Step(network, loss, config)
    source = shuffled(examples, config.batch_size, torch.Generator().manual_seed(config.seed))
    history: list[dict[str, Any]] = []
    best_score, best_step, best = math.inf, 0, deepcopy(network.state_dict())
    waited = skipped = 0
    recent: list[float] = []
    norms: list[float] = []
    why = "the planned steps were made"
    watch({"event": "start", "steps": plan.total, "every": plan.every})
    eyes.inside(network, examples, config, 0)
    while not plan.done:
        rate = learning_rate(plan.progress, config.learning_rate, config.warmup, config.schedule)
        value, norm = step(next(source).to(config.device), rate, measuring=(plan.step + 1) % plan.every == 0)
        plan.advance()
        if math.isfinite(norm):
            skipped = 0
            recent.append(value)
            norms.append(norm)
        else:
            skipped += 1
            if skipped == TOLERATED:
                raise ElmanError(
                    f"the gradient was not finite in {TOLERATED} steps in a row, up to step {plan.step} "
                    f"(loss {value:.4g}): lower --learning-rate (now {config.learning_rate:g}) "
                    f"or --clip (now {config.clip:g})"
                )
        watch(
            {
                "event": "step",
                "step": plan.step,
                "steps": plan.total,
                "loss": value,
                "grad_norm": norm,
                "lr": rate,
            }
        )
        if pace is None:
            over = False
            if plan.replaying:
                plan.estimate(0)
        else:
            over = pace.over
            if pace.due(plan.step) and not plan.done:
                plan.estimate(min(pace.left(plan.every), max(1, most(examples, config) - plan.step)))
        if plan.step % plan.every and not plan.done and not over:
            continue
        start = time.perf_counter()
        with step.average.in_place():
            valid = score(network, validate)
            wrong = looked(network, eyes.alarm) if plan.progress >= SETTLED else None
            if valid < best_score:
                best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if pace is not None:
            pace.validated(time.perf_counter() - start)
        record = {
            "step": plan.step,
            "loss": sum(recent) / len(recent) if recent else None,
            "valid": valid,
            "grad_norm": median(norms) if norms else None,
            "clipped": sum(norm > config.clip for norm in norms) / len(norms) if norms and config.clip else 0.0,
            "moved": step.moved,
            "lr": rate,
            "seconds": round(time.perf_counter() - begin, 3),
            **({"alarm": wrong} if wrong else {}),
        }
        recent, norms = [], []
        history.append(record)
        waited += 1
        if valid < best_score:
            best_score, best_step, waited = valid, plan.step, 0
        watch({"event": "valid", "best": best_score, "steps": plan.total, **record})
        if eyes.may_follow(time.perf_counter() - begin):
            eyes.inside(network, examples, config, plan.step, step.moved)
        if config.patience and waited >= config.patience:
            why = f"no better validation in {config.patience} tries"
            break
        if over:
            why = OVER
            break
    plan.last = plan.step
    network.load_state_dict(best)
    network.eval()
    eyes.inside(network, examples, config, best_step)
    seconds = time.perf_counter() - begin
    training = Training(plan, history, eyes.looks, best_step, best_score, plan.step, seconds, why)
    watch({"event": "end", "steps": training.steps, "best_step": best_step, "why": why})
    return training


class Eyes:
    """All that looks on while a network learns, without a trace in it."""

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
                self.batch = next(some).to(config.device)
            seen = {"step": step, "inside": self.look(network, self.batch)}
        self.looks.append(seen)
        self.last = time.perf_counter() - start
        self.seconds += self.last
        self.watch({"event": "look", "moved": moved, **seen})


class Pace:
    """How fast training really goes, and so how many steps the deadline still allows."""

    def __init__(self, deadline: float, step_seconds: float, valid_seconds: float) -> None:
        self.deadline, self.step_seconds, self.valid_seconds = deadline, step_seconds, valid_seconds
        self.since, self.since_step = time.perf_counter(), 0
        self.between = max(0.5, (deadline - self.since) / 40)

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


def score(network: nn.Module, validate: Validate) -> float:
    """The validation score in evaluation mode, without a trace in any generator; NaN counts as worst."""
    value = looked(network, validate)
    return value if math.isfinite(value) else math.inf


def looked(network: nn.Module, at: Callable[[nn.Module], V]) -> V:
    """What is seen of a network in evaluation mode, without a trace in any generator."""
    network.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        value = at(network)
    network.train()
    return value
