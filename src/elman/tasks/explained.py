"""Why an answer is as it is: what every task's ``explain`` gives, and how it lies on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from elman.errors import InputError
from elman.evaluate import chinese
from elman.evaluate.plots import Plot
from elman.evaluate.report import Lang, Report, Section, Table
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

    ``table`` holds what matters most, first; ``facts`` are plain values, for JSON. ``lang`` is the language of the
    model's fit, in which the page is written unless another is asked for.
    """

    title: str
    sentence: str
    sections: tuple[Section, ...]
    table: Table
    plots: Mapping[str, Plot] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lang: Lang = "en"

    def to_json(self) -> dict[str, Any]:
        return {"title": self.title, "sentence": self.sentence, **self.facts, "notes": list(self.notes)}

    def html(self, lang: Lang | None = None) -> str:
        """The page in ``lang``: one file that asks for nothing from outside. InputError for a language not known."""
        lang = lang or self.lang
        if lang not in get_args(Lang):
            raise InputError(f"--lang must be {' or '.join(get_args(Lang))}, but is {lang!r}")
        page = Report(self.title, f"elman {__version__} · explained", self.sentence, None, self.sections)
        return page.render(lang)

    def save(self, path: str | Path, *, overwrite: bool = False, lang: Lang | None = None) -> Path:
        """Write the page and its figures as a directory, at once or not at all; InputError if something lies there."""
        path, page = Path(path), self.html(lang)
        store.check_free(path, overwrite, WHAT, PAGE)
        drawn = {f"{name}.svg": plot.svg for name, plot in self.plots.items()}
        if (lang or self.lang) == "zh":
            drawn = {name: chinese.drawn(svg) for name, svg in drawn.items()}
        store.place(path, {PAGE: page.encode(), **{name: svg.encode() for name, svg in drawn.items()}})
        return path
