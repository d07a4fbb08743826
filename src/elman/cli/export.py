"""The command that writes a model as ONNX: the file, what stands beside it, and how close it is to the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape
from rich.table import Table

from elman.cli.answers import emit
from elman.cli.console import aside, people, say
from elman.cli.flags import Json, Overwrite
from elman.deploy.export import OPSET
from elman.deploy.export import model as write
from elman.evaluate.wording import number, percent
from elman.tasks.load import load_task


def export(
    model: Path,
    out: Path,
    *,
    streaming: Annotated[bool, Parameter(negative="")] = False,
    int8: Annotated[bool, Parameter(negative="")] = False,
    test: Path | None = None,
    opset: int = OPSET,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a model as ONNX, checked in ONNX Runtime, with a JSON file beside it of what else its answers need.

    Parameters
    ----------
    model
        Directory of a saved model.
    out
        The file to write (.onnx); what it needs goes beside it as .json.
    streaming
        Read some steps a call, with the state as an input and an output.
    int8
        Store matrices as whole numbers of eight bits: a quarter of the size.
    test
        Score elman's own answers and the exported model's on this file.
    opset
        Version of ONNX's operators.
    overwrite
        Replace files that are there.
    """
    done = write(load_task(model), out, streaming=streaming, int8=int8, test=test, opset=opset, overwrite=overwrite)
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
    if json:
        emit({"model": str(model), **done.to_json()})
