"""The command that writes a model as ONNX: the file, what stands beside it, and how close it is to the network."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from elman.cli.answers import emit
from elman.cli.console import aside, people, say
from elman.deploy import export
from elman.evaluate.wording import number, percent
from elman.tasks.load import load


def run_export(
    path: Path, out: Path, streaming: bool, int8: bool, test: Path | None, opset: int, overwrite: bool, as_json: bool
) -> None:
    """Export, check, write and tell."""
    done = export.model(load(path), out, streaming=streaming, int8=int8, test=test, opset=opset, overwrite=overwrite)
    for note in done.left_out:
        aside(f"Left out: {note}.")
    for name, shapes in (("in", done.inputs), ("out", done.outputs)):
        told = ", ".join(f"{one} ({', '.join(map(str, shape))})" for one, shape in shapes.items())
        aside(f"{name:>3}: {told}")
    say(f"ONNX Runtime answers as the network does, within {done.largest_difference:.1g} of the outputs' reach.")
    if done.int8 is not None:
        ratio, off = percent(done.int8["size_ratio"]), percent(done.int8["largest_difference"])
        say(f"As int8 the file has {ratio} of its size, and outputs differ by {off} of their reach at most.")
        if done.scores is None:
            aside("What that costs in answers is told by --test FILE.")
    if done.scores is not None:
        table = Table("", *map(escape, done.scores["elman"]), box=None, pad_edge=False, header_style="bold")
        for name, metrics in done.scores.items():
            table.add_row(name, *map(number, metrics.values()))
        people.print(table)
    beside = f" and {escape(str(done.json))}" if done.json else ""
    say(f"\nWrote [bold]{escape(str(done.onnx))}[/] ({done.bytes:,} bytes){beside}")
    if as_json:
        emit({"model": str(path), **done.to_json()})
