"""The one training loop: backpropagation through time, clipped, scheduled, watched, stopped in time, best weights kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from elman.data.batch import Batch, Examples, shuffled
from elman.errors import ElmanError
from elman.train.config import TrainConfig
from elman.train.optimizer import matrices, optimizer
from elman.train.plan import Plan, learning_rate

Loss = Callable[[Any, Batch], Tensor]  # (outputs of the network, batch) -> a scalar
Validate = Callable[[nn.Module], float]  # the score that chooses; lower is better
Watch = Callable[[dict[str, Any]], None]  # called with {"event": "start" | "step" | "valid" | "end", ...}

TOLERATED = 5  # steps in a row whose gradient is not finite, each skipped, before training gives up


@dataclass(frozen=True)
class Training:
    """What happened: the plan that was kept, one record per validation, and why it ended."""

    plan: Plan
    history: list[dict[str, Any]]
    best_step: int
    best_score: float
    steps: int
    seconds: float
    why: str


class Step:
    """One optimizer step: forward, loss, backward, clip, update. Returns the loss and the gradient's norm."""

    def __init__(self, network: nn.Module, loss: Loss, config: TrainConfig) -> None:
        self.network, self.loss, self.config = network, loss, config
        self.optimizer = optimizer(network, config)
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.penalised = matrices(network) if config.l1 else []

    def __call__(self, batch: Batch, rate: float) -> tuple[float, float]:
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
            self.optimizer.step()
        return value.item(), norm


def measure(network: nn.Module, examples: Examples, loss: Loss, config: TrainConfig, steps: int = 6) -> float:
    """Seconds a step takes here: the median over a few steps of a copy, which leaves no trace in weights or generators."""
    with torch.random.fork_rng(devices=[]):
        trial = Step(deepcopy(network), loss, config)
        source = shuffled(examples, config.batch_size, torch.Generator().manual_seed(0))
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            trial(next(source).to(config.device), 0.0)
            times.append(time.perf_counter() - start)
    return median(times[1:])


def first_plan(examples: Examples, config: TrainConfig, step_seconds: float, valid_seconds: float, left: float | None) -> Plan:
    """Validate twice an epoch, but so that validation takes at most a quarter of the time and there are 10 at least."""
    epoch = math.ceil(len(examples) / config.batch_size)
    if left is not None:
        steps = min(math.ceil((config.epochs or 60) * epoch), max(1, int(left / step_seconds)))
    else:
        steps = config.steps or max(1, round(config.epochs * epoch) if config.epochs else min(30 * epoch, 5000))
    # The measured times decide only under a deadline: without one the plan must not depend on the machine.
    affordable = math.ceil(4 * valid_seconds / step_seconds) if left is not None else 1
    every = max(1, affordable, min(math.ceil(epoch / 2), math.ceil(steps / 10)))
    plan = Plan(every)
    if left is not None:
        steps = min(steps, max(1, int(left / (step_seconds + valid_seconds / every))))
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
    watch: Watch = lambda event: None,
) -> Training:
    """Fit ``network`` in place and leave it with the weights of its best validation.

    ``deadline`` is a time of ``time.perf_counter()``; with a recorded ``plan`` it is ignored and the record is replayed.
    Raises ElmanError when the gradient stays non-finite.
    """
    begin = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network.to(config.device).train()
        if plan is not None:
            plan = Plan.from_json(plan.to_json())
            plan.estimate(0)
            timed = False
        else:
            timed = deadline is not None
            step_seconds = valid_seconds = 1.0
            if deadline is not None:
                step_seconds = measure(network, examples, loss, config)
                start = time.perf_counter()
                score(network, validate)
                valid_seconds = time.perf_counter() - start
            plan = first_plan(
                examples, config, step_seconds, valid_seconds, deadline - time.perf_counter() if deadline else None
            )
        step = Step(network, loss, config)
        source = shuffled(examples, config.batch_size, torch.Generator().manual_seed(config.seed))
        history: list[dict[str, Any]] = []
        best_score, best_step, best = math.inf, 0, deepcopy(network.state_dict())
        waited = skipped = 0
        recent: list[float] = []
        norms: list[float] = []
        why = "the planned steps were made"
        watch({"event": "start", "steps": plan.total, "every": plan.every})
        measured_from, valid_spent = time.perf_counter(), 0.0
        while not plan.done:
            rate = learning_rate(plan.progress, config.learning_rate, config.warmup, config.schedule)
            value, norm = step(next(source).to(config.device), rate)
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
                        f"(loss {value:.4g}): lower --learning-rate (now {config.learning_rate:g}) or --clip (now {config.clip:g})"
                    )
            watch({"event": "step", "step": plan.step, "steps": plan.total, "loss": value, "grad_norm": norm, "lr": rate})
            out_of_time = timed and deadline is not None and time.perf_counter() > deadline
            if plan.step % plan.every and not plan.done and not out_of_time:
                continue
            start = time.perf_counter()
            valid = score(network, validate)
            valid_spent += time.perf_counter() - start
            record = {
                "step": plan.step,
                "loss": sum(recent) / len(recent) if recent else None,
                "valid": valid,
                "grad_norm": median(norms) if norms else None,
                "lr": rate,
                "seconds": round(time.perf_counter() - begin, 3),
            }
            recent, norms = [], []
            history.append(record)
            waited += 1
            if valid < best_score:
                best_score, best_step, waited = valid, plan.step, 0
                best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
            watch({"event": "valid", "best": best_score, "steps": plan.total, **record})
            if config.patience and waited >= config.patience:
                why = f"no better validation in {config.patience} tries"
                break
            if plan.done:
                break
            if out_of_time:
                why = "the time was over"
                break
            if timed and deadline is not None:
                now = time.perf_counter()
                per_step = (now - measured_from - valid_spent) / plan.step
                per_valid = valid_spent / len(history)
                left = max(1, int((deadline - now - per_valid) / (per_step + per_valid / plan.every)))
                # The cap on epochs still holds: a machine that speeds up does not train beyond it.
                plan.estimate(min(left, max(1, plan.total - plan.step)))
            elif plan.replaying:
                plan.estimate(0)
        plan.last = plan.step
        network.load_state_dict(best)
        network.eval()
    training = Training(plan, history, best_step, best_score, plan.step, time.perf_counter() - begin, why)
    watch({"event": "end", "steps": training.steps, "best_step": best_step, "why": why})
    return training


def score(network: nn.Module, validate: Validate) -> float:
    """The validation score in evaluation mode, without a trace in any generator; NaN counts as worst."""
    network.eval()
    with torch.no_grad():
        value = validate(network)
    network.train()
    return value if math.isfinite(value) else math.inf
