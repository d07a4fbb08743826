"""What an evaluation says: metrics, baselines beside them, the skill, the verdict."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from elman.evaluate.report import Section, Table, Text
from elman.evaluate.wording import column


@dataclass(frozen=True)
class Evaluation:
    """The scores of one model on one part of the data; printing it shows them as a table beside the baselines.

    ``skill`` is 1 - the model's error / the best baseline's, -inf (null in JSON) where only the baseline is perfect;
    ``good`` is True when better, False when not better, None when chance could explain the difference; ``rows`` counts
    what was scored; ``notes`` say how it was done.
    """

    task: str
    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    skill: float
    verdict: str
    good: bool | None
    rows: int
    seconds: float
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "metrics": self.metrics,
            "baselines": self.baselines,
            "skill": self.skill if math.isfinite(self.skill) else None,
            "verdict": self.verdict,
            "good": self.good,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Evaluation:
        skill = -math.inf if state["skill"] is None else state["skill"]
        return cls(**{**state, "skill": skill, "notes": tuple(state["notes"])})

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Column names, and rows of a name and its scores, the model first; None where a score is not defined."""
        names = list(self.metrics)
        scores = {"this model": self.metrics} | {
            name.replace("_", " "): found for name, found in self.baselines.items()
        }
        return ["", *names], [[name, *(found.get(metric) for metric in names)] for name, found in scores.items()]

    def score_page(self, intro: str) -> Section:
        """The report's section of the table."""
        head, rows = self.table()
        return Section(
            "Score", intro, [Table([name.replace("_", " ") for name in head], rows, highlight=0, own_names=True)]
        )

    def data_page(self) -> list[Section]:
        """The report's section of the notes; none without notes."""
        notes = "\n\n".join(f"{note[:1].upper()}{note[1:]}." for note in self.notes)
        return [Section("Data", "", [Text(notes)])] if notes else []

    def __str__(self) -> str:
        head, rows = self.table()
        written = [[row[0] for row in rows]]
        for j in range(1, len(head)):
            present = iter(column([row[j] for row in rows if row[j] is not None]))
            written.append([next(present) if row[j] is not None else "" for row in rows])
        columns = [[name, *cells] for name, cells in zip(head, written, strict=True)]
        widths = [max(map(len, cells)) for cells in columns]
        lines = [
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
            for line in zip(*columns, strict=True)
        ]
        return "\n".join([*lines, "", self.verdict])

    def __repr__(self) -> str:
        return json.dumps(self.to_json(), default=str)
