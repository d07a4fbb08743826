"""The command that says why: a page and its figures in a folder, what matters most on stderr."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from elman.cli.answers import emit
from elman.cli.console import aside, people, say
from elman.evaluate.report import Lang
from elman.tasks import store
from elman.tasks.explained import PAGE, WHAT
from elman.tasks.load import load_task

MOST = 10  # rows of the table


def run_explain(
    model: Path,
    source: str | None,
    row: int | None,
    lang: Lang | None,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Explain, save and show."""
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
    if as_json:
        emit({**explained.to_json(), "out": str(out)})
