"""Tune: search by cross-validation, then judge what was found beside the default on rows that no search saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from elman.data.fingerprint import fingerprint
from elman.errors import InputError
from elman.evaluate.wording import number
from elman.tasks.base import RESERVE, Task
from elman.tune.comparison import require_counts
from elman.tune.final import Tuned, judged
from elman.tune.job import SHORTEST, Job
from elman.tune.search import TRIALS, Found, Pruner, Trial, library, search, started
from elman.tune.space import Choice, Space, searched

FINAL = 1.5  # budgets of a fit of the search that one of the end gets at least, for it learns from more rows

Told = Callable[[str], None]  # a line on what was done


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How to search.

    Parameters
    ----------
    trials
        Settings to try: 20 when left out, and without end under ``minutes``.
    minutes
        The budget of everything; without it every fit is as long as the task's steps or epochs say.
    folds
        Parts of the rows that judge a trial: in order of time for series and texts to go on with, else stratified.
    seeds
        Starts of the networks that are judged at the end.
    written
        What is searched instead of a setting's usual values, as ``space.searched`` reads it.
    grid
        Try every combination of what is written.
    pruner
        What ends a trial early: median, halving, or none.
    storage
        File of the trials, or URL of a database, shared with other processes and gone on with when it is there.
    together
        Column of a table, whose rows of one name are never parted.
    """

    trials: int | None = None
    minutes: float | None = None
    folds: int = 3
    seeds: int = 3
    written: tuple[str, ...] = ()
    grid: bool = False
    pruner: Pruner = "median"
    storage: str | None = None
    together: str | None = None

    def __post_init__(self) -> None:
        require_counts(folds=self.folds, seeds=self.seeds, **({} if self.trials is None else {"trials": self.trials}))
        if self.minutes is not None and not self.minutes > 0:
            raise InputError(f"--minutes must be more than 0, but is {self.minutes:g}")

    @property
    def most(self) -> int | None:
        """Trials after which the search ends; None where time or the grid ends it."""
        return self.trials if self.trials is not None or self.minutes is not None or self.grid else TRIALS

    def share(self, left: float) -> float | None:
        """Seconds of one fit of the search, of so many that are left."""
        if self.minutes is None:
            return None
        rest = left - min(2 * RESERVE, 6 * self.minutes)
        return max(SHORTEST, rest / ((self.trials or TRIALS) * self.folds + 2 * FINAL * self.seeds))


def tune(task: Task, source: Any, *, test: Any = None, told: Told = lambda line: None, **options: Any) -> Tuned:
    """Search the settings of ``task`` on ``source``, and judge what was found beside the default ones.

    A part of the rows judges alone: ``test``, or the task's ``test_share``. On folds of the others settings are tried,
    the default ones first; the ``options`` are those of Wanted. At the end the best settings and the default ones are
    fitted on all rows that do not judge, with the same budget. ``told`` is called with a line on each fit or trial.

    Raises InputError for what cannot be searched, MissingDependency without Optuna, ElmanError where all trials fail.
    """
    began, wanted = time.perf_counter(), Wanted(**options)
    job, space, default, found = _searched(task, source, test, wanted, began, told)
    end = None if wanted.minutes is None else began + 60 * wanted.minutes
    return judged(job, space, found, default, end, wanted.seeds, began, told, source, wanted.trials)


def join(task: Task, source: Any, *, test: Any = None, told: Told = lambda line: None, **options: Any) -> Found:
    """Make trials for a search that another process judges; the arguments are those of its ``tune``."""
    wanted = Wanted(**options)
    if wanted.storage is None:
        raise InputError("to join a search its storage is needed: give --storage")
    return _searched(task, source, test, wanted, time.perf_counter(), told)[-1]


def _searched(
    task: Task, source: Any, test: Any, wanted: Wanted, began: float, told: Told
) -> tuple[Job, Space, dict[str, Any], Found]:
    """The job with the sizes of its default, what was searched, the default's values of it, and what was found."""
    library()
    job = Job.of(task, source, test, wanted.together)
    config = job.base.config()
    job = replace(job, seconds=wanted.share(60 * (wanted.minutes or 0) - (time.perf_counter() - began)))
    job = job.at_sizes(job.development.folds(wanted.folds, config.seed)[0][0])
    _space(config, job, wanted)  # refused, if it must be, before anything is written
    identity = {
        "task": job.base.name,
        "source": fingerprint(source),
        "test": fingerprint(test),
        "settings": job.base.get_params(deep=False),
        "search": wanted.written,
        "folds": wanted.folds,
        "grid": wanted.grid,
        "pruner": wanted.pruner,
        "together": wanted.together,
    }
    study, job = started(job, wanted.storage, identity, wanted.pruner)
    space = _space(config, job, wanted)
    resolved = replace(config, **job.fixed)
    default = {dimension.name: getattr(resolved, dimension.name) for dimension in space}
    # What is searched is no longer fixed; the sizes that are not stay those of the default.
    job = replace(job, fixed={name: size for name, size in job.fixed.items() if name not in default})
    deadline = None
    if wanted.minutes is not None and job.seconds is not None:
        deadline = began + 60 * wanted.minutes - RESERVE - 2 * FINAL * wanted.seeds * job.seconds
    found = search(
        study,
        job,
        space,
        default,
        trials=wanted.most,
        folds=wanted.folds,
        deadline=deadline,
        grid=wanted.grid,
        told=lambda trial, ended: told(_line(trial, ended)),
    )
    return job, space, default, found


def _space(config: Any, job: Job, wanted: Wanted) -> Space:
    space = searched(config, replace(config, **job.fixed), wanted.written, own=not wanted.grid)
    if wanted.grid and (ranges := [d.told() for d in space if not isinstance(d, Choice)]):
        raise InputError(f"--grid needs listed values, but {ranges[0]} is a range: write them as a,b,c")
    return space


def _line(trial: Trial, ended: int) -> str:
    """A trial in one line."""
    words = "the default" if trial.default else ", ".join(f"{name} {short(word)}" for name, word in trial.words.items())
    result = number(trial.score, 4) if trial.score is not None else trial.why or trial.state
    return f"trial {ended}: {result} in {trial.seconds:.1f} s ({words})"


def short(word: Any) -> str:
    return number(word) if isinstance(word, float) else str(word)
