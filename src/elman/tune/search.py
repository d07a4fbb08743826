"""The search: trials of settings, each scored on the folds, kept in a storage that outlives and shares the work.

The first trial is what the task would do by itself. Optuna proposes the others (TPE), ends those early whose validation
stays behind the others', and keeps all of them; a trial that fails is kept as such. ``places.py`` says which of many
processes makes which.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

from elman.errors import ElmanError, InputError, MissingDependency
from elman.tune.job import Job
from elman.tune.places import ATTEMPTS, Unborn, ended, enqueue, going, lost, place_of, places_of, running
from elman.tune.space import Choice, Space
from elman.tune.storage import LATE, alive, opened, require_same

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
        study, made = opened(optuna, storage, _pruner(optuna, pruner), BEATS)
        kept = require_same(study, identity, {"seconds": job.seconds, "fixed": job.fixed}, made)
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
        resumed = len(_ended(study, grid))
        work, unborn = _Work(optuna, study, job, space, default, folds, trials, grid, told), Unborn(LATE * BEATS)
        while True:
            optuna.storages.fail_stale_trials(study)
            unborn.end(optuna, study)
            rows = study.get_trials(deepcopy=False)
            places = places_of(rows, grid)
            if enqueue(study, places, space, default, trials, grid):
                continue
            # However short the time is, the default is tried.
            if going(places, trials, grid) and not (any(map(ended, rows)) and work.late(deadline)):
                work.one()
            elif any(map(running, rows)) and not (deadline is not None and time.perf_counter() > deadline):
                time.sleep(POLL)
            else:
                break
        everything = [_trial(one, at, space) for at, one in _ended(study, grid)]
        if not any(trial.score is not None for trial in everything):
            why = next((trial.why for trial in everything if trial.why), "others are still at work on the first")
            raise ElmanError(f"no trial was completed: {why}")
        return Found(tuple(everything), _importance(optuna, study), resumed, job.seconds)


class _Work:
    """One process's trials."""

    def __init__(
        self,
        optuna: Any,
        study: Any,
        job: Job,
        space: Space,
        default: dict[str, Any],
        folds: int,
        trials: int | None,
        grid: bool,
        told: Told,
    ) -> None:
        self.optuna, self.study, self.job, self.space, self.default, self.trials, self.grid, self.told = (
            optuna, study, job, space, default, trials, grid, told
        )  # fmt: skip
        self.folds = job.development.folds(folds, job.base.config().seed)
        self.refused: InputError | None = None
        self.taken = False

    def late(self, deadline: float | None) -> bool:
        """Whether less than half the time of a trial is left."""
        return deadline is not None and time.perf_counter() + 0.5 * len(self.folds) * (self.job.seconds or 0) > deadline

    def one(self) -> None:
        self.taken, trouble = False, (ElmanError, RuntimeError, self.optuna.exceptions.UpdateFinishedTrialError)
        try:
            self.study.optimize(self.objective, n_trials=1, catch=trouble, callbacks=[self._tell])
        except ValueError:
            if not self.taken:
                raise
        if self.refused is not None:
            raise self.refused

    def _tell(self, study: Any, trial: Any) -> None:
        there = _ended(study, self.grid)
        at = next((at for at, one in there if one.number == trial.number), None)
        if at is not None:
            self.told(_trial(trial, at, self.space), len(there))

    def objective(self, trial: Any) -> float:
        try:
            return self._attempt(trial)
        except KeyboardInterrupt:
            with suppress(Exception):  # without it the place is left all the same, and counts as one process lost
                trial.set_user_attr("given back", True)
            raise
        except self.optuna.exceptions.UpdateFinishedTrialError:
            # A process that slept too long was taken to be gone; another makes its place.
            self.taken = True
            raise

    def _attempt(self, trial: Any) -> float:
        alive(self.study, trial)
        rows = self.study.get_trials(deepcopy=False)
        place = place_of(rows, trial.number, self.trials, self.grid)
        if place is None:
            trial.set_user_attr("given back", True)
            raise ElmanError("another process has this place")
        if (gone := lost(rows, trial.number)) >= ATTEMPTS:
            why = f"each of the {gone} processes that tried it was gone before its end"
            trial.set_user_attr("why", why)
            raise ElmanError(why)
        return self._score(trial, place)

    def _score(self, trial: Any, place: int) -> float:
        # A seed for each place: processes side by side propose different ones, a search gone on with the same ones.
        seed = self.job.base.config().seed + place
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
        except self.optuna.exceptions.UpdateFinishedTrialError:
            raise
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


def _ended(study: Any, grid: bool) -> list[tuple[int, Any]]:
    """The places that came to an end, each with the attempt that did."""
    places = places_of(study.get_trials(deepcopy=False), grid)
    return [(at, one) for at, attempts in enumerate(places.values()) for one in attempts if ended(one)]


def _trial(one: Any, place: int, space: Space) -> Trial:
    settings = {
        d.name: d.values[one.params[d.name]] if isinstance(d, Choice) else one.params[d.name]
        for d in space
        if d.name in one.params
    }
    state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(one.state.name, "failed")
    return Trial(
        place,
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
