"""The end of a search: what was found and the default, judged on rows that no trial saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elman.evaluate.costs import Costs, Difference, paired
from elman.evaluate.wording import beside, number, percent
from elman.tasks.base import RESERVE, Task
from elman.tune.job import SHORTEST, Fit, Job
from elman.tune.search import Found
from elman.tune.space import Space

MOST = 4.0  # budgets of a fit of the search that one of the end has at most, for what was found suits short fits


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


def judged(
    job: Job,
    space: Space,
    found: Found,
    default: dict[str, Any],
    limit: float | None,
    seeds: int,
    began: float,
    told: Callable[[str], None],
    source: Any,
    asked: int | None,
) -> Tuned:
    """Both configurations on all rows that do not judge, by turns, each seed with the same budget."""
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
            fit = job.fit(settings, rows, job.judge, seed=seed, kept=name == "tuned" and not seed)
            fits[name].append(fit)
            told(f"judging, seed {seed}: {fit.costs.name} {number(fit.score, 4)} of the {name} settings")
            if seed or name == "default":
                fit.model.held_ = None
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
    if best.score is not None:
        notes.append(
            f"on its folds the best trial had {tuned.costs[0].name} {number(best.score, 4)}; the model that is saved "
            f"has {'the default' if best.default else 'its'} settings and learnt from all rows that do not judge"
        )
    if asked is not None and len(states) < asked:
        notes.insert(1, f"time was up before the other {asked - len(states)} of {asked} trials: give more --minutes")
    if seeds == 1:
        notes.append("with one seed the interval leaves out what another seed would do")
    if found.seconds_a_fit is not None:
        notes.append(f"a fit of a trial had {found.seconds_a_fit:.1f} s, one of the end {job.seconds or 0:.1f} s")
    measure, good = tuned.costs[0].name, None if gap is None else gap.better
    took = time.perf_counter() - began
    return Tuned(model, measure, space, found, tuned, other, gap, sentence, good, took, tuple(notes))


def _sentence(tuned: Side, default: Side, gap: Difference | None, trials: int) -> str:
    measure = tuned.costs[0].name
    if gap is None and trials == 1:
        return (
            f"Nothing but the default settings was tried: they stay, with {measure} {number(tuned.score)} on rows that "
            "the search did not see."
        )
    if gap is None:
        return (
            f"None of {trials} trials beat the default settings in cross-validation: they stay, with {measure} "
            f"{number(tuned.score)} on rows that the search did not see."
        )
    own, other = beside(tuned.score, default.score)
    found = f"{measure} {own} against {other} on rows that the search did not see"
    within = f"95 % interval of the difference: {gap}"
    if gap.better:
        return f"Better than the default settings: {found}, {percent(-gap.mean / default.score)} lower ({within})."
    if gap.better is False:
        return f"NOT better than the default settings: {found} ({within}); use elman fit as it is."
    return f"No clear difference from the default settings: {found}, but that may be chance ({within})."
