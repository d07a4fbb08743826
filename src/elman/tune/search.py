"""The search: trials of settings, each scored on the folds, kept in a storage that outlives and shares the work.

The first trial is what the task would do by itself. Optuna proposes the others (TPE), ends those early whose validation
stays behind the others', and keeps all of them; a trial that fails is kept as such.
"""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

from elman.errors import ElmanError, InputError, MissingDependency
from elman.tune.job import Job
from elman.tune.space import Choice, Space
from elman.tune.storage import opened, require_same

Pruner = Literal["median", "halving", "none"]
TRIALS = 20
STARTUP = 6  # trials drawn at random before any is proposed
TENTHS = 10  # of a fold's training, at each of which a trial may be ended
BEATS = 10  # seconds between two signs of life of a process that works on a trial
POLL = 0.5  # seconds between two looks at the trials of other processes


@dataclass(frozen=True)
class Trial:
    """Settings tried. ``score`` is the mean of ``folds``, None unless it was completed; lower is better.

    ``state`` is complete, pruned or failed, and ``why`` says why it failed; ``default`` is what the task would do by
    itself. ``words`` are the settings as they were searched.
    """

    number: int
    words: dict[str, Any]
    settings: dict[str, Any]
    score: float | None
    folds: tuple[float, ...]
    seconds: float
    state: str
    default: bool
    why: str = ""


Told = Callable[[Trial, int], None]  # a trial that has ended, and how many have


@dataclass(frozen=True)
class Found:
    """All trials in the order in which they began, and how much each setting mattered (shares of 1, or nothing)."""

    trials: tuple[Trial, ...]
    importance: dict[str, float]
    resumed: int
    seconds_a_fit: float | None

    @property
    def best(self) -> Trial:
        return min((trial for trial in self.trials if trial.score is not None), key=lambda trial: trial.score or 0.0)


def library() -> ModuleType:
    """Optuna, silent; MissingDependency without it."""
    try:
        import optuna
    except ImportError:
        raise MissingDependency("settings are searched by Optuna: pip install 'elman[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def started(job: Job, storage: str | None, identity: dict[str, Any], pruner: Pruner) -> tuple[Any, Job]:
    """The study of a ``storage``, and the job with the budget of a fit and the sizes that its trials have.

    Raises InputError where the storage holds trials of another ``identity``.
    """
    optuna = library()
    with _quiet(optuna):
        study = opened(optuna, storage, _pruner(optuna, pruner), BEATS)
        kept = require_same(study, identity, {"seconds": job.seconds, "fixed": job.fixed})
        return study, replace(job, **kept)


def search(
    study: Any,
    job: Job,
    space: Space,
    default: dict[str, Any],
    *,
    trials: int | None,
    folds: int,
    deadline: float | None = None,
    grid: bool = False,
    told: Told = lambda trial, ended: None,
) -> Found:
    """Try settings until ``trials`` have ended, ``deadline`` (of time.perf_counter) is near, or the grid is walked.

    ``default`` are the task's own values of the settings of ``space``. Raises InputError where these cannot be fitted,
    ElmanError where every trial failed.
    """
    optuna = library()
    with _quiet(optuna):
        resumed = len(_ended(study))
        work = _Work(optuna, study, job, space, default, folds, told)
        _enqueue(study, space, default, grid)
        # However short the time is, the default is tried.
        while _going(study, trials, grid) and not (_ended(study) and work.late(deadline)):
            work.one()
        _await(optuna, study, deadline)
        everything = [_trial(one, space) for one in study.get_trials(deepcopy=False) if _counts(one)]
        if not any(trial.score is not None for trial in everything):
            why = next((trial.why for trial in everything if trial.why), "others are still at work on the first")
            raise ElmanError(f"no trial was completed: {why}")
        return Found(tuple(everything), _importance(optuna, study), resumed, job.seconds)


class _Work:
    """One process's trials."""

    def __init__(
        self, optuna: Any, study: Any, job: Job, space: Space, default: dict[str, Any], folds: int, told: Told
    ) -> None:
        self.optuna, self.study, self.job, self.space, self.default, self.told = (
            optuna, study, job, space, default, told
        )  # fmt: skip
        self.folds = job.development.folds(folds, job.base.config().seed)
        self.refused: InputError | None = None

    def late(self, deadline: float | None) -> bool:
        """Whether less than half the time of a trial is left."""
        return deadline is not None and time.perf_counter() + 0.5 * len(self.folds) * (self.job.seconds or 0) > deadline

    def one(self) -> None:
        self.study.optimize(self.objective, n_trials=1, catch=(ElmanError, RuntimeError), callbacks=[self._tell])
        if self.refused is not None:
            raise self.refused

    def _tell(self, study: Any, trial: Any) -> None:
        self.told(_trial(trial, self.space), len(_ended(study)))

    def objective(self, trial: Any) -> float:
        # A seed for each trial: processes side by side propose different ones, a search gone on with the same ones.
        seed = self.job.base.config().seed + trial.number
        self.study.sampler = self.optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
        is_default, settings = trial.user_attrs.get("default", False), {}
        for dimension in self.space:
            # What lies outside of the space cannot be kept as a point of it, but it is what the default is.
            inside = dimension.word(self.default[dimension.name]) is not None
            settings[dimension.name] = (
                self.default[dimension.name] if is_default and not inside else dimension.suggest(trial)
            )
        began, scores, valids = time.perf_counter(), list[float](), list[float]()
        try:
            for train, judge in self.folds:
                watch = _Watch(self.optuna, trial, valids, may_end=not is_default)
                scores.append(self.job.fit(settings, train, judge, watch=watch).score)
                valids.append(watch.best)
                trial.set_user_attr("folds", scores)
            if not math.isfinite(sum(scores)):
                raise ElmanError("the score is not a finite number: lower --learning-rate")
        except (ElmanError, RuntimeError) as error:
            trial.set_user_attr("why", str(error).splitlines()[0])
            if is_default and isinstance(error, InputError):
                self.refused = error
            raise
        finally:
            trial.set_user_attr("seconds", round(time.perf_counter() - began, 3))
        return sum(scores) / len(scores)


class _Watch:
    """Reports the best validation so far, averaged with those of the folds before, at each tenth of a training."""

    def __init__(self, optuna: Any, trial: Any, before: Sequence[float], may_end: bool) -> None:
        self.optuna, self.trial, self.before, self.may_end = optuna, trial, tuple(before), may_end
        self.best, self.reported = math.inf, -1

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] != "valid":
            return
        self.best = event["best"]
        tenth = len(self.before) * TENTHS + min(TENTHS - 1, TENTHS * event["step"] // max(1, event["steps"]))
        if tenth > self.reported and math.isfinite(self.best):
            self.reported = tenth
            self.trial.report((sum(self.before) + self.best) / (len(self.before) + 1), tenth)
            if self.may_end and self.trial.should_prune():
                raise self.optuna.TrialPruned


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """What the library says to its users is none of ours: that the signs of life of a process may change some day."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        yield


def _pruner(optuna: Any, name: Pruner) -> Any:
    """None is ended before the middle of its first fold: rates that fall late would never be chosen."""
    half = TENTHS // 2
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=half, n_min_trials=3)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=half, reduction_factor=3)
    return optuna.pruners.NopPruner()


def _enqueue(study: Any, space: Space, default: dict[str, Any], grid: bool) -> None:
    """The default first, and all points of a grid; those that are there already are not repeated."""
    there = [one for one in study.get_trials(deepcopy=False) if _counts(one) or _open(one)]
    if not any(one.user_attrs.get("default") for one in there):
        words = {d.name: word for d in space if (word := d.word(default[d.name])) is not None}
        study.enqueue_trial(words, user_attrs={"default": True})
    if grid:
        own = {d.name: d.word(default[d.name]) for d in space}
        known = [own, *(one.params or one.system_attrs.get("fixed_params") for one in there)]
        lists = [list(d.values) for d in space if isinstance(d, Choice)]
        for point in itertools.product(*lists):
            words = dict(zip([d.name for d in space], point, strict=True))
            if words not in known:
                study.enqueue_trial(words)


def _going(study: Any, trials: int | None, grid: bool) -> bool:
    there = study.get_trials(deepcopy=False)
    if grid and not any(one.state.name == "WAITING" for one in there):
        return False
    return trials is None or sum(_counts(one) or one.state.name == "RUNNING" for one in there) < trials


def _await(optuna: Any, study: Any, deadline: float | None) -> None:
    """Wait for the trials that other processes work on; one whose process is gone counts as failed."""
    while any(one.state.name == "RUNNING" for one in study.get_trials(deepcopy=False)):
        optuna.storages.fail_stale_trials(study)
        if deadline is not None and time.perf_counter() > deadline:
            return
        time.sleep(POLL)


def _counts(trial: Any) -> bool:
    """Whether a trial has ended by itself; one that was interrupted is made again."""
    name = trial.state.name
    return name in ("COMPLETE", "PRUNED") or (name == "FAIL" and "why" in trial.user_attrs)


def _open(trial: Any) -> bool:
    return trial.state.name in ("WAITING", "RUNNING")


def _ended(study: Any) -> list[Any]:
    return [one for one in study.get_trials(deepcopy=False) if _counts(one)]


def _trial(one: Any, space: Space) -> Trial:
    settings = {
        d.name: d.values[one.params[d.name]] if isinstance(d, Choice) else one.params[d.name]
        for d in space
        if d.name in one.params
    }
    state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(one.state.name, "failed")
    return Trial(
        one.number,
        dict(one.params),
        settings,
        one.value if state == "complete" else None,
        tuple(one.user_attrs.get("folds", ())),
        one.user_attrs.get("seconds", 0.0),
        state,
        one.user_attrs.get("default", False),
        one.user_attrs.get("why", "") if state == "failed" else "",
    )


def _importance(optuna: Any, study: Any) -> dict[str, float]:
    """The share of the scores' variance that each setting explains, by fANOVA (Hutter et al., 2014)."""
    done = [one for one in study.get_trials(deepcopy=False) if one.state.name == "COMPLETE"]
    if len({one.value for one in done}) < 4:  # of fewer it would be made up
        return {}
    return dict(optuna.importance.get_param_importances(study))
