"""The one training loop: backpropagation through time, clipped, scheduled, stopped in time, the best weights kept."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import nn

from elman.data.batch import Batch, Examples, Feed, scored
from elman.errors import ElmanError
from elman.stopping import Held, Stopped, held
from elman.train.config import TrainConfig
from elman.train.eyes import Alarm, Eyes, Look, Validate, Watch, looked, score
from elman.train.kept import Keeper, Kept, fitting, let_go, plain, put_back, read_back, tensors_of
from elman.train.pace import Pace, check_pass, fastest_threads, first_plan, most, products, threads
from elman.train.plan import Plan, Plateau, learning_rate
from elman.train.spoilt import in_words, spoilt
from elman.train.step import Loss, Step, Weigh
from elman.train.world import ALONE, Lost, World

OVER = "the time was over"  # why training ended
PLANNED = "the planned steps were made"
SETTLED = 0.4  # progress before which a network may still be any
TOLERATED = 5  # steps in a row that cannot be made before training gives up


@dataclass(frozen=True)
class Training:
    """What happened: the plan that was kept, one record per validation, what was seen inside, and why it ended.

    ``spoilt`` are the steps that were not made, with their rows; ``resumed`` the step from which it went on, if it did,
    and ``processes`` how many there were before and after.
    """

    plan: Plan
    history: list[dict[str, Any]]
    looks: list[dict[str, Any]]
    best_step: int
    best_score: float
    steps: int
    seconds: float
    why: str
    spoilt: list[dict[str, Any]] = field(default_factory=list)
    resumed: int | None = None
    processes: tuple[int, int] = (1, 1)


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
    weigh: Weigh = scored,
    keeper: Keeper | None = None,
    kept: Kept | None = None,
    world: World = ALONE,
) -> Training:
    """Fit ``network`` in place and leave it with the weights of its best validation.

    ``deadline`` is a time of ``time.perf_counter()``; with a recorded ``plan`` the record is replayed instead.
    ``alarm`` looks at the network with each validation once the first part of the training is over; ``look`` looks
    inside it at the start and at the end, and with ``follow`` at every validation for which a twentieth of the time
    suffices. Neither changes what is learnt.
    ``keeper`` is handed what is needed to go on whenever it is due, when the process is asked to end, which raises
    Stopped within a step, and at the end. From ``kept`` the training goes on to the same bits, in the time it had left.
    Of several processes (``world``) each learns from its part of every batch.
    Raises ElmanError when the gradient stays non-finite, or at once if the settings say so.
    """
    first = world.first
    check_pass(examples, config)
    eyes = Eyes(alarm, look if first else None, follow and first, watch if first else lambda event: None)
    with products(config.precision):
        network.to(config.device).train()
        begin, pace = time.perf_counter(), None
        if kept is not None:
            begin -= kept.facts["seconds"]
            plan = Plan.from_json(kept.facts["plan"]).at(kept.facts["place"])
            if kept.facts["pace"] is not None:
                pace = Pace.at(kept.facts["pace"], plan.step)
        elif plan is not None:
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
            if world.size > 1:
                told = world.tell(plan.to_json())
                plan = Plan.from_json(told).at({**plan.place(), "rate": 1.0 / max(told["record"][-1][1], 1)})
        devices = [torch.device(config.device)] if config.device.startswith("cuda") else []
        with torch.random.fork_rng(devices=devices), threads(plan.threads):
            torch.manual_seed(config.seed + world.rank)
            run = _Run(network, examples, loss, validate, config, plan, pace, eyes, keeper, world, weigh, begin)
            if kept is not None:
                with fitting(plan.step):
                    run.go_on(kept)
            return run.run()


class _Run:
    """A training on its way: all that changes while it goes on, which is also what is kept of it."""

    def __init__(
        self,
        network: nn.Module,
        examples: Examples,
        loss: Loss,
        validate: Validate,
        config: TrainConfig,
        plan: Plan,
        pace: Pace | None,
        eyes: Eyes,
        keeper: Keeper | None,
        world: World,
        weigh: Weigh,
        begin: float,
    ) -> None:
        self.network, self.examples, self.score, self.config = network, examples, validate, config
        self.plan, self.pace, self.eyes, self.keeper, self.world, self.begin = plan, pace, eyes, keeper, world, begin
        self.step = Step(network, loss, config, weigh, world)
        self.feed = Feed(examples, config.batch_size, config.seed, world.part)
        self.plateau = Plateau(config.schedule == "plateau")
        self.history: list[dict[str, Any]] = []
        self.spoilt: list[dict[str, Any]] = []
        self.best_score, self.best_step, self.best = math.inf, 0, deepcopy(network.state_dict())
        self.waited = self.skipped = 0
        self.recent: list[float] = []
        self.norms: list[float] = []
        self.rate = 0.0
        self.validating = False  # a validation is due before the next step
        self.why: str | None = None  # it ended
        self.resumed: int | None = None
        self.place = self.feed.start, self.feed.taken  # in the data, after the last step that was made
        self.before = world.size  # processes there were before it was interrupted

    # What is kept, and going on from it.

    def facts(self) -> dict[str, Any]:
        return {
            "plan": self.plan.to_json(),
            "place": self.plan.place(),
            "pace": None if self.pace is None else self.pace.place(),
            "taken": self.feed.taken,
            "average": self.step.average.count,
            "plateau": [self.plateau.factor, self.plateau.waited],
            "history": plain(self.history),
            "looks": self.eyes.looks,
            "looking": [self.eyes.seconds, self.eyes.last],
            "spoilt": self.spoilt,
            "best_step": self.best_step,
            "best_score": None if self.best_score == math.inf else self.best_score,
            "waited": self.waited,
            "skipped": self.skipped,
            "recent": self.recent,
            "norms": self.norms,
            "rate": self.rate,
            "moved": self.step.moved,
            "validating": self.validating,
            "why": self.why,
            "world": self.world.size,
            "seconds": time.perf_counter() - self.begin,
        }

    def go_on(self, kept: Kept) -> None:
        facts = json.loads(json.dumps(kept.facts))
        self.best = put_back(kept.tensors, self.step, self.feed, facts["taken"], self.world, self.config.device)
        self.step.average.count = facts["average"]
        self.plateau.factor, self.plateau.waited = facts["plateau"]
        self.history, self.spoilt, self.eyes.looks = read_back(facts["history"]), facts["spoilt"], facts["looks"]
        self.eyes.seconds, self.eyes.last = facts["looking"]
        self.best_step = facts["best_step"]
        self.best_score = math.inf if facts["best_score"] is None else facts["best_score"]
        self.waited, self.skipped, self.rate, self.step.moved = (
            facts[name] for name in ("waited", "skipped", "rate", "moved")
        )
        self.recent, self.norms = facts["recent"], facts["norms"]
        self.validating, self.why = facts["validating"], facts["why"]
        self.resumed, self.before = self.plan.step, facts["world"]
        self.place = self.feed.start, self.feed.taken

    def keep(self) -> None:
        """Hand everything to the keeper. All processes must come here at the same step."""
        if self.keeper is None:
            return
        tensors = tensors_of(self.step, self.feed, self.best, self.world, self.config.device)
        if self.world.first:
            self.keeper.keep(Kept(self.facts(), tensors))

    # The way.

    def run(self) -> Training:
        self.eyes.watch({"event": "start", "steps": self.plan.total, "every": self.plan.every, "step": self.plan.step})
        if self.resumed is None:
            self.eyes.inside(self.network, self.examples, self.config, 0)
        with held() as asked, self.left_alone():
            while self.validating or (self.why is None and not self.plan.done):
                if not self.validating:
                    # What was carried shows only then whether it fits.
                    with fitting(self.plan.step) if self.resumed == self.plan.step else nullcontext():
                        self.one()
                self.rest(asked)
                if self.validating:
                    try:
                        self.validated(asked)
                    except Stopped:
                        self.keep()
                        raise
            self.why = self.why or PLANNED
            self.rest(asked)
        return self.ended()

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Where another process is lost on the way: what this one knows is kept, if it is the first.

        The step under way was not made, for the gradients were not added up; its batches are taken again.
        """
        try:
            yield
        except Lost:
            if self.world.first:
                self.feed.start, self.feed.taken = self.place
                self.world = self.step.world = ALONE
                self.keep()
            raise

    def rest(self, asked: Held) -> None:
        """Between two steps: keep what is due to be kept, and stop if that was asked of any process."""
        due = self.world.first and self.keeper is not None and self.keeper.due(self.why is not None)
        stop, wanted = self.world.agree(float(asked.stopped is not None), float(due))
        if stop or wanted:
            self.keep()
        if stop:
            raise asked.stopped or Stopped(signal.SIGTERM)

    def one(self) -> None:
        """One step of the plan, whether it can be made or not."""
        plan, config = self.plan, self.config
        rate = learning_rate(plan.progress, config.learning_rate, config.warmup, config.schedule) * self.plateau.factor
        batches = [next(self.feed).to(config.device) for _ in range(config.accumulate)]
        value, norm = self.step(batches, rate, measuring=(plan.step + 1) % plan.every == 0)
        plan.advance()
        self.place = self.feed.start, self.feed.taken
        self.rate = rate
        if math.isfinite(norm):
            self.skipped = 0
            self.recent.append(value)
            self.norms.append(norm)
        else:
            self.not_made(batches, value)
        told = {"event": "step", "step": plan.step, "steps": plan.total, "loss": value, "grad_norm": norm, "lr": rate}
        self.eyes.watch(told)
        over = self.estimated()
        if over:
            self.why = OVER
        self.validating = not plan.step % plan.every or plan.done or over

    def not_made(self, batches: list[Batch], value: float) -> None:
        """A step that cannot be made: say why, and skip it, stop, or go back to the best weights."""
        let_go(self.network)
        parts = [spoilt(batch) for batch in batches]
        raw = self.world.collect(json.dumps(parts).encode())
        found = [part for process in raw for part in json.loads(process)]
        # The part that is to blame is the one that holds what no network can read, if there is one.
        blamed = next((part for part in found if "NaN" in part["why"]), found[0])
        blamed = {
            **blamed,
            "rows": sorted(row for part in found if part["why"] == blamed["why"] for row in part["rows"]),
        }
        sentence, config = in_words(self.plan.step, blamed, value), self.config
        self.spoilt.append({"step": self.plan.step, **blamed})
        self.skipped += 1
        if config.bad_batch == "stop":
            raise ElmanError(f"{sentence}: mend the data, or give --bad-batch skip")
        if self.skipped == TOLERATED:
            raise ElmanError(
                f"{TOLERATED} steps in a row could not be made; the last: {sentence}: mend the data, or lower "
                f"--learning-rate (now {config.learning_rate:g}) or --clip (now {config.clip:g})"
            )
        self.eyes.watch({"event": "spoilt", "step": self.plan.step, "told": sentence, **blamed})
        if config.bad_batch == "rollback":
            self.network.load_state_dict(self.best)
            self.step.renew()

    def estimated(self) -> bool:
        """How many steps are left is estimated anew now and then; whether the time is over."""
        if self.pace is None:
            if self.plan.replaying:
                self.plan.estimate(0)
            return False
        left = 0
        if self.world.first and self.pace.due(self.plan.step) and not self.plan.done:
            steps = max(1, most(self.examples, self.config) - self.plan.step)
            left = min(self.pace.left(self.plan.every), steps)
        over, left = (int(vote) for vote in self.world.agree(float(self.world.first and self.pace.over), float(left)))
        if left:
            self.plan.estimate(left)
        return bool(over)

    def validated(self, asked: Held) -> None:
        """The validation that is due, its record, and whether training ends with it."""
        start, plan, config = time.perf_counter(), self.plan, self.config
        with self.step.average.in_place():
            valid, wrong = self._judged(asked)
            if valid < self.best_score:
                best = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.validating = False
        if self.pace is not None:
            self.pace.validated(time.perf_counter() - start)
        clipped = [norm > config.clip for norm in self.norms] if config.clip else []
        record = {
            "step": plan.step,
            "loss": sum(self.recent) / len(self.recent) if self.recent else None,
            "valid": valid,
            "grad_norm": median(self.norms) if self.norms else None,
            "clipped": sum(clipped) / len(clipped) if clipped else 0.0,
            "moved": self.step.moved,
            "lr": self.rate,
            "seconds": round(time.perf_counter() - self.begin, 3),
            **({"alarm": wrong} if wrong else {}),
        }
        self.recent, self.norms = [], []
        self.history.append(record)
        self.waited += 1
        better = valid < self.best_score
        if better:
            self.best_score, self.best_step, self.best, self.waited = valid, plan.step, best, 0
        self.plateau.validated(better)
        self.eyes.watch({"event": "valid", "best": self.best_score, "steps": plan.total, **record})
        if self.eyes.may_follow(time.perf_counter() - self.begin):
            self.eyes.inside(self.network, self.examples, config, plan.step, self.step.moved)
        if config.patience and self.waited >= config.patience:
            self.why = f"no better validation in {config.patience} tries"

    def _judged(self, asked: Held) -> tuple[float, str | None]:
        """The score and what is wrong: the first process looks and tells the others, for whom nothing may differ.

        It can take long, and changes nothing, so that a wish to stop is granted at once: the validation stays due.
        """
        told: list[Any] | None = None
        with self.world.by_the_first(), suppress(Stopped):
            if self.world.first:
                with asked.now():
                    valid = score(self.network, self.score)
                    wrong = looked(self.network, self.eyes.alarm) if self.plan.progress >= SETTLED else None
                    told = [None if valid == math.inf else valid, wrong]
        told = self.world.tell(told)
        if told is None:
            raise asked.stopped or Stopped(signal.SIGTERM)
        return math.inf if told[0] is None else told[0], told[1]

    def ended(self) -> Training:
        self.plan.last = self.plan.step
        self.network.load_state_dict(self.best)
        self.network.eval()
        self.eyes.inside(self.network, self.examples, self.config, self.best_step)
        assert self.why is not None
        training = Training(
            self.plan,
            self.history,
            self.eyes.looks,
            self.best_step,
            self.best_score,
            self.plan.step,
            time.perf_counter() - self.begin,
            self.why,
            self.spoilt,
            self.resumed,
            (self.before, self.world.size),
        )
        told = {"event": "end", "steps": training.steps, "best_step": self.best_step, "why": self.why}
        self.eyes.watch(told)
        return training
