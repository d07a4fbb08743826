"""The learning curve: what a half, a quarter and an eighth of the data would have taught, and so what more might."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from elman.errors import InputError
from elman.evaluate.costs import Costs, Difference, interval, paired
from elman.evaluate.wording import beside, number, percent
from elman.tasks.base import Task
from elman.tune.comparison import require_counts
from elman.tune.job import SHORTEST, Job

SHARES = (0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Point:
    """A share of the rows to learn from, how many these are, and the scores of the seeds' models; lower is better."""

    share: float
    rows: int  # or steps of a series, or characters of a text
    scores: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class Curve:
    """Points by the number of rows; ``gain`` is what the last doubling did to the score; ``good``: more data helps."""

    measure: str
    unit: str
    points: tuple[Point, ...]
    gain: Difference
    sentence: str
    good: bool | None
    seconds: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "measure": self.measure,
            "unit": self.unit,
            "verdict": self.sentence,
            "good": self.good,
            "points": [
                {"share": p.share, "rows": p.rows, "scores": list(p.scores), "seconds_a_fit": round(p.seconds, 3)}
                for p in self.points
            ],
            "last_doubling": {"mean": self.gain.mean, "low": self.gain.low, "high": self.gain.high},
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }


def curve(
    task: Task,
    source: Any,
    *,
    test: Any = None,
    minutes: float | None = None,
    seeds: int = 3,
    together: str | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> Curve:
    """Fit shares of the training part, the most recent rows of a series, and judge all on the same rows.

    The sizes of the network are those for all rows, throughout. Whether the last doubling helped is told by the costs
    of the judged rows and by the seeds (evaluate.costs.paired). Raises InputError as fits do.
    """
    began = time.perf_counter()
    require_counts(seeds=seeds)
    job = Job.of(task, source, test, together)
    if minutes is not None:
        left = 60 * minutes - (time.perf_counter() - began)
        job = replace(job, seconds=max(SHORTEST, left / (len(SHARES) * seeds)))
    job = job.at_sizes(job.development.whole())
    points: list[Point] = []
    costs: dict[float, list[Costs]] = {}
    for share in SHARES:
        rows = job.development.some(share, job.base.config().seed)
        try:
            fits = [job.fit({}, rows, job.judge, seed=seed) for seed in range(seeds)]
        except InputError:
            if share > SHARES[1]:  # an eighth or a quarter may be too few, a half must do
                raise
            told(f"{percent(share)} of the rows are too few to learn from")
            continue
        costs[share] = [fit.costs for fit in fits]
        points.append(
            Point(share, round(share * len(job.development)), tuple(fit.score for fit in fits), fits[0].seconds)
        )
        told(f"{percent(share)} of the rows: {fits[0].costs.name} {number(sum(points[-1].scores) / seeds, 4)}")
    gain = paired(costs[1.0], costs[0.5])
    measure = costs[1.0][0].name
    notes = (
        f"the same rows judge all; {job.development.how.split(':')[0]}; {seeds} seed{'s' * (seeds > 1)} each",
        "every fit had " + (f"{job.seconds:.1f} s" if job.seconds is not None else "the same settings"),
    )
    sentence = _sentence(measure, job.development.unit, points, gain)
    return Curve(
        measure, job.development.unit, tuple(points), gain, sentence, gain.better, time.perf_counter() - began, notes
    )


def spread(point: Point) -> float:
    """The reach of the 95 % interval of a point over its seeds; infinite of one."""
    return interval(point.scores)[1]


def _sentence(measure: str, unit: str, points: list[Point], gain: Difference) -> str:
    half, whole = points[-2], points[-1]
    before, after = (sum(point.scores) / len(point.scores) for point in (half, whole))
    own, other = beside(after, before)
    found = (
        f"from {half.rows:,} {unit} to {whole.rows:,} {measure} went from {other} to {own} (95 % interval of the "
        f"difference: {gain})"
    )
    if gain.better:
        return f"More data would likely help: {found}."
    if gain.better is False:
        return f"More data of this kind does NOT help: {found}; older or other rows may mislead."
    return f"It is not clear that more data would help: {found}, which may be chance."
