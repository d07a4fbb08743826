"""Tune: search by cross-validation, then judge what was found beside the default on rows that no search saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elman.errors import InputError
from elman.evaluate.costs import Costs, Difference, paired
from elman.evaluate.wording import beside, number, percent
from elman.tasks.base import RESERVE, Task
from elman.tune.compare import require_counts
from elman.tune.job import SHORTEST, Fit, Job
from elman.tune.search import TRIALS, Found, Pruner, Trial, library, search
from elman.tune.space import Choice, Space, searched
from elman.tune.storage import fingerprint

FINAL = 1.5  # budgets of a fit of the search that one of the end gets at least, for it learns from more rows
MOST = 4.0  # such budgets at most, for what was found suits short fits


@dataclass(frozen=True)
class Side:
    """One configuration at the end: its settings, and what each of its seeds' models cost on the judging part."""

    settings: dict[str, Any]
    costs: tuple[Costs, ...]

    @property
    def score(self) -> float:
        return sum(self.scores) / len(self.scores)

    @property
    def scores(self) -> list[float]:
        return [costs.mean for costs in self.costs]


@dataclass(frozen=True)
class Tuned:
    """What a search found. ``tuned`` and ``default`` were judged on rows that the search did not see.

    ``model`` is that of the tuned settings and the first seed, ready to save; ``good`` is True where the tuned settings
    are better than the default ones, False where they are not, None where that may be chance.
    """

    model: Task
    measure: str
    space: Space
    found: Found
    tuned: Side
    default: Side
    difference: Difference | None
    sentence: str
    good: bool | None
    seconds: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        gap = self.difference
        evaluation = self.model.evaluation_
        return {
            "task": self.model.name,
            "measure": self.measure,
            "verdict": self.sentence,
            "good": self.good,
            "tuned": {"settings": self.tuned.settings, "score": self.tuned.score, "seeds": self.tuned.scores},
            "default": {"settings": self.default.settings, "score": self.default.score, "seeds": self.default.scores},
            "difference": None if gap is None else {"mean": gap.mean, "low": gap.low, "high": gap.high},
            "searched_score": self.found.best.score,
            "space": [dimension.told() for dimension in self.space],
            "importance": self.found.importance,
            "trials": [
                {
                    "number": one.number,
                    "settings": one.settings,
                    "score": one.score,
                    "folds": list(one.folds),
                    "seconds": one.seconds,
                    "state": one.state,
                    "default": one.default,
                    **({"why": one.why} if one.why else {}),
                }
                for one in self.found.trials
            ],
            "evaluation": evaluation.to_json() if evaluation else None,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }


def tune(
    task: Task,
    source: Any,
    *,
    test: Any = None,
    trials: int | None = None,
    minutes: float | None = None,
    folds: int = 3,
    seeds: int = 3,
    written: Sequence[str] = (),
    grid: bool = False,
    pruner: Pruner = "median",
    storage: str | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> Tuned:
    """Search the settings of ``task`` on ``source``, and judge what was found beside the default ones.

    A part of the rows judges alone: ``test``, or the task's ``test_share``. On ``folds`` folds of the others
    ``trials`` settings are tried (20 when left out, and without end under ``minutes``), in order of time for series.
    ``minutes`` is the budget of everything; without it every fit is as long as the task's steps or epochs say.
    ``written`` narrows and widens what is searched (space.searched); ``grid`` tries every combination of what is
    written. ``storage`` is the file of the trials, shared with other processes and gone on with when it is there.
    At the end the best settings and the default ones are fitted with ``seeds`` seeds on all rows that do not judge.

    Raises InputError for what cannot be searched, MissingDependency without Optuna, ElmanError where all trials fail.
    """
    began = time.perf_counter()
    library()
    require_counts(folds=folds, seeds=seeds, **({} if trials is None else {"trials": trials}))
    if minutes is not None and not minutes > 0:
        raise InputError(f"--minutes must be more than 0, but is {minutes:g}")
    job = Job.of(task, source, test)
    params = job.base.get_params(deep=False)
    share = None
    if minutes is not None:
        rest = max(0.0, 60 * minutes - (time.perf_counter() - began) - min(2 * RESERVE, 6 * minutes))
        share = max(SHORTEST, rest / ((trials or TRIALS) * folds + FINAL * 2 * seeds))
    own = replace(job, seconds=share).at_sizes(job.development.folds(folds, job.base.config().seed)[0][0])
    config = own.base.config()
    resolved = replace(config, **own.fixed)
    space = searched(config, resolved, written, own=not grid)
    if grid and (ranges := [d.told() for d in space if not isinstance(d, Choice)]):
        raise InputError(f"--grid needs values that are listed, but {ranges[0]} is a range: write them as a,b,c")
    default = {dimension.name: getattr(resolved, dimension.name) for dimension in space}
    # What is searched is no longer fixed; the sizes that are not stay those of the default.
    own = replace(own, fixed={name: size for name, size in own.fixed.items() if name not in default})
    limit = None if share is None else began + 60 * (minutes or 0)
    found = search(
        own,
        space,
        default,
        trials=trials if trials is not None or minutes is not None or grid else TRIALS,
        folds=folds,
        deadline=None if limit is None or share is None else limit - FINAL * 2 * seeds * share - RESERVE,
        storage=storage,
        identity={
            "task": job.base.name,
            "source": fingerprint(source),
            "test": fingerprint(test),
            "settings": {name: value for name, value in params.items() if name != "minutes"},
            "grid": grid,
            "pruner": pruner,
        },
        grid=grid,
        pruner=pruner,
        told=lambda trial, ended: told(_line(trial, ended)),
    )
    return _judged(own, space, found, default, seeds, limit, began, told, source)


def _judged(
    job: Job,
    space: Space,
    found: Found,
    default: dict[str, Any],
    seeds: int,
    limit: float | None,
    began: float,
    told: Callable[[str], None],
    source: Any,
) -> Tuned:
    """The end: both configurations on all rows that do not judge, by turns, each seed with the same budget."""
    best = found.best
    sides: dict[str, dict[str, Any]] = {"tuned": best.settings} | ({} if best.default else {"default": default})
    if limit is not None and found.seconds_a_fit is not None:
        left = limit - RESERVE / 2 - time.perf_counter()
        each = min(MOST * found.seconds_a_fit, left / (len(sides) * seeds))
        job = replace(job, seconds=max(SHORTEST, each))
    sides["tuned"] = {**default, **sides["tuned"]}
    fits: dict[str, list[Fit]] = {name: [] for name in sides}
    rows = job.development.whole()
    for seed in range(seeds):
        for name, settings in sides.items():
            fit = job.fit(settings, rows, job.judge, seed=seed)
            fits[name].append(fit)
            told(f"judging, seed {seed}: {fit.costs.name} {number(fit.score, 4)} of the {name} settings")
            if seed or name == "default":
                fit.model.held = None
    model = fits["tuned"][0].model
    model.source_ = str(source) if isinstance(source, str | Path) else None
    model.notes_ = (
        *model.notes_,
        f"settings chosen by a search of {len(found.trials)} trials that did not see the judging part",
    )
    model.judge_held()
    costs = {name: tuple(fit.costs for fit in of) for name, of in fits.items()}
    tuned = Side(sides["tuned"], costs["tuned"])
    other = Side(default, costs.get("default", costs["tuned"]))
    gap = None if best.default else paired(tuned.costs, other.costs)
    sentence = _sentence(tuned, other, gap, len(found.trials))
    states = [trial.state for trial in found.trials]
    notes = [
        f"{len(states)} trials: {states.count('complete')} completed, {states.count('pruned')} ended early, "
        f"{states.count('failed')} failed" + (f"; {found.resumed} of them from before" if found.resumed else ""),
        f"folds {job.development.how}",
        f"judged on rows that no trial saw, with {seeds} seed{'s' * (seeds > 1)}",
    ]
    if seeds == 1:
        notes.append("with one seed the interval leaves out what another seed would do")
    if found.seconds_a_fit is not None:
        notes.append(f"a fit of a trial had {found.seconds_a_fit:.1f} s, one of the end {job.seconds or 0:.1f} s")
    measure, good = tuned.costs[0].name, None if gap is None else gap.better
    took = time.perf_counter() - began
    return Tuned(model, measure, space, found, tuned, other, gap, sentence, good, took, tuple(notes))


def _sentence(tuned: Side, default: Side, gap: Difference | None, trials: int) -> str:
    measure = tuned.costs[0].name
    if gap is None:
        return (
            f"None of {trials} trials beat the default settings in cross-validation: they stay, with {measure} "
            f"{number(tuned.score)} on rows that the search did not see."
        )
    own, other = beside(tuned.score, default.score)
    low, high = beside(gap.low, gap.high)
    found = f"{measure} {own} against {other} on rows that the search did not see"
    within = f"95 % interval of the difference: {low} to {high}"
    if gap.better:
        return f"Better than the default settings: {found}, {percent(-gap.mean / default.score)} lower ({within})."
    if gap.better is False:
        return f"NOT better than the default settings: {found} ({within}); use elman fit as it is."
    return f"No clear difference from the default settings: {found}, but that may be chance ({within})."


def _line(trial: Trial, ended: int) -> str:
    """A trial in one line."""
    words = "the default" if trial.default else ", ".join(f"{name} {short(word)}" for name, word in trial.words.items())
    result = number(trial.score, 4) if trial.score is not None else trial.why or trial.state
    return f"trial {ended}: {result} in {trial.seconds:.1f} s ({words})"


def short(word: Any) -> str:
    return number(word) if isinstance(word, float) else str(word)
