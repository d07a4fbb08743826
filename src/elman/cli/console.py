"""What people read, on stderr: lines, tables, and the one sentence of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from elman.evaluate.evaluation import Evaluation
from elman.evaluate.wording import number, percent

if TYPE_CHECKING:
    from elman.bench import Measured

WIDEST = 9  # columns of scores that stay legible side by side

people = Console(stderr=True, emoji=False)


def say(text: str) -> None:
    """One line for people; only a terminal gets it folded, for a file or a pipe keeps lines whole."""
    people.print(text, soft_wrap=not people.is_terminal)


def aside(text: str) -> None:
    """One line that may be passed over: text as it is, no markup."""
    say(f"[dim]{escape(text)}[/]")


def show(evaluation: Evaluation | None) -> None:
    """The table for people, on stderr."""
    if evaluation is None:
        say("Not judged: no part of the data was held out.")
        return
    head, rows = evaluation.table()
    if len(head) > WIDEST:  # a line a metric, where a column each would be too narrow to read
        turned = [list(column) for column in zip(head, *rows, strict=True)]
        head, rows = [str(name) for name in turned[0]], turned[1:]
    table = Table(*(escape(name.replace("_", "\n")) for name in head), box=None, pad_edge=False, header_style="bold")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for at, row in enumerate(rows):
        cells = ["" if cell is None else cell if isinstance(cell, str) else number(cell) for cell in row]
        table.add_row(*cells, style="bold" if at == 0 and len(rows) < WIDEST else "")
    people.print(table)
    colour = {True: "green", False: "red", None: "yellow"}[evaluation.good]
    say(f"[{colour}]{escape(evaluation.verdict)}[/]")


def show_times(measured: Measured) -> None:
    """How often elman's time goes into each peer's, a row each, and which kernels made it, on stderr."""
    peers = list(dict.fromkeys(peer for row in measured.rows for peer in row.ratio))
    heads = (peer.replace(" ", "\n") for peer in peers)
    table = Table("workload", "threads", "ms", *heads, "limit", box=None, pad_edge=False, header_style="bold")
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for row in measured.rows:
        ratios = [f"{row.ratio[peer]:.2f}x" if peer in row.ratio else "" for peer in peers]
        table.add_row(row.workload, str(row.threads), number(row.ms), *ratios, percent(row.limit_share))
    people.print(table)
    for note in measured.notes:
        aside(note)
    say("ms: elman's median; 2.00x: the peer takes twice as long; limit: the share of what the machine could do.")
    say(f"Kernels: {escape(measured.machine['library'])}")


def fail(message: str, code: int) -> int:
    people.print(f"[bold red]elman:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return code
