"""Why an answer is as it is: what every task's ``explain`` gives, and how it lies on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elman.errors import InputError
from elman.evaluate.plots import Plot
from elman.evaluate.report import Report, Section, Table
from elman.tasks import store
from elman.version import __version__

PAGE = "explained.html"
WHAT = "explanation"


def chosen_row(row: int | None, rows: int) -> int:
    """The place of row ``row``, counted from 1, the first where it is left out; InputError where there is none."""
    if row is not None and not 1 <= row <= rows:
        raise InputError(
            f"--row is {row}, but there {'are rows 1 to' if rows > 1 else 'is row'} {rows:,}: give one of these"
        )
    return (row or 1) - 1


@dataclass(frozen=True)
class Explained:
    """A page of ``sections``, what it says in one ``sentence``, and its ``plots`` by the names of their files.

    ``table`` holds what matters most, first; ``facts`` are plain values, for JSON.
    """

    title: str
    sentence: str
    sections: tuple[Section, ...]
    table: Table
    plots: Mapping[str, Plot] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"title": self.title, "sentence": self.sentence, **self.facts, "notes": list(self.notes)}

    def html(self) -> str:
        """The page: one file that asks for nothing from outside."""
        return Report(self.title, f"elman {__version__} · explained", self.sentence, None, self.sections).render()

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the page and its figures as a directory, at once or not at all; InputError if something lies there."""
        path = Path(path)
        store.check_free(path, overwrite, WHAT, PAGE)
        figures = {f"{name}.svg": plot.svg.encode() for name, plot in self.plots.items()}
        store.place(path, {PAGE: self.html().encode(), **figures})
        return path
