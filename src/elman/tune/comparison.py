"""One setting compared: each of its values on the same folds, with the same seeds and the same budget.

RNN, LSTM or GRU? The answer is a mean with its uncertainty, and what each costs in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.errors import ElmanError, InputError
from elman.evaluate.costs import Difference, interval
from elman.evaluate.wording import beside, number, percent
from elman.tasks.base import Task
from elman.tune.job import SHORTEST, Job
from elman.tune.space import Choice, parsed, usual_values


@dataclass(frozen=True)
class Arm:
    """One value of the setting: scores (K folds, S seeds), lower is better, and the mean times of its fits."""

    word: str
    scores: np.ndarray
    seconds: float
    step_seconds: float
    best_seconds: float

    @property
    def mean(self) -> float:
        return float(self.scores.mean())


@dataclass(frozen=True)
class Comparison:
    """The arms, best first; ``reach[w]`` is that of the 95 % interval of an arm's mean, ``behind[w]`` its difference
    from the best one. ``good`` is True where one value is better than all others, None where none is for sure.
    """

    setting: str
    measure: str
    arms: tuple[Arm, ...]
    reach: dict[str, float]
    behind: dict[str, Difference]
    sentence: str
    good: bool | None
    seconds: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "compared": self.setting,
            "measure": self.measure,
            "verdict": self.sentence,
            "good": self.good,
            "values": [
                {
                    "value": arm.word,
                    "score": arm.mean,
                    "reach": _finite(self.reach[arm.word]),
                    "behind_the_best": None if at == 0 else _ends(self.behind[arm.word]),
                    "scores": arm.scores.tolist(),
                    "seconds_a_fit": round(arm.seconds, 3),
                    "milliseconds_a_step": round(1000 * arm.step_seconds, 3),
                    "seconds_to_the_best": round(arm.best_seconds, 3),
                }
                for at, arm in enumerate(self.arms)
            ],
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }


Told = Callable[[str], None]  # a line on what was done


def compare(
    task: Task,
    source: Any,
    setting: str,
    *,
    test: Any = None,
    minutes: float | None = None,
    folds: int = 5,
    seeds: int = 1,
    together: str | None = None,
    told: Told = lambda line: None,
) -> Comparison:
    """Compare the values of ``setting``: ``cell``, or ``cell=gru,lstm``; all else as the task has it.

    Every value is fitted on each of the ``folds`` of the part that does not judge, with ``seeds`` seeds, for the same
    share of ``minutes``, or as long as the task's steps or epochs say. Differences are judged by Student's t over the
    folds, with the variance of folds that learn from the same rows and the level shared out over the comparisons
    (evaluate.costs.interval). Raises InputError for a setting that cannot be compared, ElmanError where a fit fails.
    """
    began = time.perf_counter()
    require_counts(folds=folds, seeds=seeds)
    job = Job.of(task, source, test, together)
    pairs = job.development.folds(folds, job.base.config().seed)
    arms = parsed(job.base.config(), setting if "=" in setting else usual_values(job.base.config(), setting))
    if not isinstance(arms, Choice) or len(arms.values) < 2:
        raise InputError(f"to compare {arms.name} at least two listed values are needed: --compare {arms.name}=a,b")
    fits = len(arms.values) * folds * seeds
    if minutes is not None:
        job = replace(job, seconds=max(SHORTEST, (60 * minutes - (time.perf_counter() - began)) / fits))
    fixed = {name: size for name, size in job.at_sizes(pairs[0][0]).fixed.items() if name != arms.name}
    job = replace(job, fixed=fixed)
    done: dict[str, list[list[Any]]] = {word: [[] for _ in pairs] for word in arms.values}
    for at, (train, judge) in enumerate(pairs):
        for seed in range(seeds):
            for word, value in arms.values.items():  # by turns, so that a machine that slows down slows all of them
                fit = job.fit({arms.name: value}, train, judge, seed=seed)
                done[word][at].append((fit.score, fit.seconds, fit.step_seconds, fit.best_seconds))
                measure = fit.costs.name
                told(f"fold {at + 1}, seed {seed}, {arms.name} {word}: {measure} {number(fit.score, 4)}")
    found = [Arm(word, *_summed(np.array(rows))) for word, rows in done.items()]
    if not all(np.isfinite(arm.scores).all() for arm in found):
        raise ElmanError("a score is not a finite number: lower --learning-rate")
    return _compared(arms.name, measure, found, job.development.overlap(folds), time.perf_counter() - began, job, seeds)


def require_counts(**counts: int) -> None:
    for name, count in counts.items():
        least = 2 if name == "folds" else 1
        if count < least:
            raise InputError(f"--{name} must be at least {least}, but is {count}")


def _summed(rows: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    """(K, S, 4) of scores and times: the scores (K, S) and each time's mean."""
    seconds, step, best = rows[..., 1:].mean(axis=(0, 1)).tolist()
    return rows[..., 0], seconds, step, best


def _compared(
    setting: str, measure: str, arms: list[Arm], overlap: float, seconds: float, job: Job, seeds: int
) -> Comparison:
    ranked = sorted(arms, key=lambda arm: arm.mean)
    best, others = ranked[0], ranked[1:]
    reach = {arm.word: interval(arm.scores.mean(axis=1).tolist(), overlap)[1] for arm in ranked}
    behind = {}
    for arm in others:
        gap = (arm.scores - best.scores).mean(axis=1).tolist()
        middle, far = interval(gap, overlap, comparisons=len(others))
        behind[arm.word] = Difference(middle, middle - far, middle + far)
    clear = [arm.word for arm in others if behind[arm.word].low > 0]
    folds = len(best.scores)
    return Comparison(
        setting,
        measure,
        tuple(ranked),
        reach,
        behind,
        _sentence(setting, measure, best, others, behind, clear),
        True if len(clear) == len(others) else None,
        seconds,
        (
            f"{folds} folds {job.development.how}; {seeds} seed{'s' * (seeds > 1)} each; the part that judges was not "
            "touched",
            "every fit had "
            + (f"{job.seconds:.1f} s" if job.seconds is not None else "the same steps or epochs")
            + "".join(f", {name.replace('_', ' ')} {size}" for name, size in job.fixed.items() if size is not None),
        ),
    )


def _sentence(
    setting: str, measure: str, best: Arm, others: list[Arm], behind: dict[str, Difference], clear: list[str]
) -> str:
    said, setting = [], setting.replace("_", " ")
    for arm in others:
        own, other = beside(best.mean, arm.mean)
        gap = behind[arm.word]
        share = percent(gap.mean / arm.mean) if arm.mean else "none"
        said.append(
            f"{own} against {other} of {arm.word}, {share} lower (95 % interval of the difference: {gap}"
            f"{'' if arm.word in clear else ', so that may be chance'})"
        )
    lead = (
        f"{best.word} is the clear winner for {setting}"
        if len(clear) == len(others)
        else f"No clear winner for {setting}: {best.word} has the lowest {measure}, but not for sure"
    )
    return f"{lead}; {measure} {'; '.join(said)}. {_time_told([best, *others])}"


def _time_told(arms: list[Arm]) -> str:
    return "A step takes " + ", ".join(f"{number(1000 * arm.step_seconds)} ms with {arm.word}" for arm in arms) + "."


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _ends(gap: Difference) -> dict[str, float | None]:
    return {"mean": gap.mean, "low": _finite(gap.low), "high": _finite(gap.high)}
