"""The command that says why: a page and its figures in a folder, what matters most on stderr."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from elman.cli.answers import emit
from elman.cli.console import aside, people, say
from elman.cli.flags import Json, Out, Overwrite, Quiet
from elman.evaluate.report import Lang
from elman.tasks import store
from elman.tasks.explained import PAGE, WHAT
from elman.tasks.load import load_task

MOST = 10  # rows of the table


def explain(
    model: Path,
    source: str | None = None,
    *,
    row: int | None = None,
    lang: Lang | None = None,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say why a model answers as it does: a page of what its answers rest on, and of what one of them is made of.

    Parameters
    ----------
    model
        Directory of a saved model.
    source
        A file, or one text for a model of texts; a forecaster explains its latest forecast from its own data.
    row
        Row of SOURCE whose answer is explained, counted from 1; of a series the first row to be forecast.
    lang
        Language of the page's labels (default: that of the fit).
    out
        Directory to write explained.html and its figures into (default: the model's name with .explained).
    overwrite
        Replace an explanation that is there.
    """
    out = out or Path(f"{model.resolve().name.removesuffix('.elman')}.explained")
    store.check_free(out, overwrite, WHAT, PAGE)
    explained = load_task(model).explain(source, row)
    explained.save(out, overwrite=overwrite, lang=lang)
    if not quiet:
        for note in explained.notes:
            aside(note)
        found = explained.table
        table = Table(*map(escape, found.columns), box=None, pad_edge=False, header_style="bold")
        for column, numbers in zip(table.columns, found.numeric, strict=True):
            column.justify = "right" if numbers else "left"
        for cells in found.written[:MOST]:
            table.add_row(*map(escape, cells))
        people.print(table)
    say(escape(explained.sentence))
    say(f"\nSaved [bold]{escape(str(out))}[/]: open {escape(str(out / PAGE))}")
    if json:
        emit({**explained.to_json(), "out": str(out)})
