"""What is fitted again and again: a task, its data cut in two, and one fit with what it cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from sklearn.base import clone

from elman.data.cut import Cuttable, Dealt
from elman.data.labelled import is_table
from elman.data.table import Origin, categories, read_table
from elman.errors import InputError
from elman.evaluate.costs import Costs
from elman.tasks.base import Task
from elman.train.eyes import Watch
from elman.tune.space import SIZES

SHORTEST = 0.5  # seconds of a fit
OUTER = 0.2  # share of the rows that judges where the settings do not tell


@dataclass(frozen=True)
class Fit:
    """One fit: the model, what each row of its judging part cost, and how long it took."""

    model: Task
    costs: Costs
    seconds: float

    @property
    def score(self) -> float:
        return self.costs.mean

    @property
    def step_seconds(self) -> float:
        return self.model.training_.seconds / self.model.training_.steps

    @property
    def best_seconds(self) -> float:
        """From the start of the training to the weights that were kept."""
        training = self.model.training_
        return next((one["seconds"] for one in training.history if one["step"] == training.best_step), training.seconds)


@dataclass(frozen=True)
class Job:
    """A task with its data: ``development`` to search by, ``judge`` what no search sees.

    ``seconds`` is the budget of one fit, None where steps or epochs say how long it takes. ``fixed`` are settings that
    all fits share, such as the sizes that a single fit would choose for itself.
    """

    base: Task
    development: Cuttable
    judge: Any
    seconds: float | None = None
    fixed: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, task: Task, source: Any, test: Any = None, together: str | None = None) -> Job:
        """Cut the source; rows of equal cells of its column ``together`` are never parted.

        Raises InputError where it cannot be read or cut, and where nothing would judge.
        """
        base = clone(task)
        config = base.config()
        rows, test = base.cut(source, test)
        if together is not None:
            if not isinstance(rows, Dealt) or not is_table(source):
                raise InputError("--together is for rows of a table that have no order in time: leave it out")
            rows = rows.grouped(categories(read_table(source), together, Origin.of(source)), together)
        if test is None:
            share = OUTER if config.test_share is None else config.test_share
            if not share:
                raise InputError("nothing is left to judge what is found: give a --test-share above 0, or --test FILE")
            rows, test = rows.parted(share, config.seed)
        base.set_params(minutes=None)
        return cls(base, rows, test)

    def fit(
        self,
        settings: dict[str, Any],
        train: Any,
        judge: Any,
        *,
        seed: int = 0,
        watch: Watch | None = None,
        kept: bool = False,
    ) -> Fit:
        """One fit with these settings; ``seed`` is added to the task's own. One to be ``kept`` is looked into."""
        began = time.perf_counter()
        model = self.model(settings).set_params(seed=self.base.config().seed + seed)
        look: Literal["never", "ends"] = "ends" if kept else "never"
        model.fit(train, test=judge, watch=watch or (lambda event: None), look=look, judged=False)
        if model.held_ is None:
            raise InputError("a fold has no rows to judge by: give more rows, or fewer --folds")
        costs = model.held_costs()
        return Fit(model, costs, time.perf_counter() - began)

    def model(self, settings: dict[str, Any]) -> Task:
        """A task of these settings, with the budget of one fit."""
        minutes = None if self.seconds is None else self.seconds / 60
        return clone(self.base).set_params(**{**self.fixed, **settings}, minutes=minutes)

    def at_sizes(self, train: Any) -> Job:
        """The same with the sizes fixed that a fit of ``train`` would choose."""
        resolved = self.model({}).set_params(test_share=0.0).resolve(train)
        there = [f.name for f in fields(resolved) if f.name in SIZES]
        return replace(self, fixed={**{name: getattr(resolved, name) for name in there}, **self.fixed})
