"""What a painter hands over: pictures side by side in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.markup import escape

from elman.cli.answers import emit
from elman.cli.console import aside, say
from elman.data.pictures.writer import WRITTEN, write_picture
from elman.errors import InputError
from elman.evaluate.grid import montage
from elman.tasks.paint import Painter


def write_pictures(task: Painter, source: str | None, options: dict[str, Any], out: Path, as_json: bool) -> None:
    """A montage in ``out``."""
    if out.suffix.lower() not in WRITTEN:
        can = ", ".join(WRITTEN)
        raise InputError(f"{out.name} ends in {out.suffix!r}, but {can} can be painted: give another --out")
    pictures = task.predict(source, **options)
    for remark in task.remarks:
        aside(remark)
    write_picture(out, montage(pictures))
    count, tall, wide, _ = pictures.shape
    said = f"Painted {count:,} picture{'s' * (count > 1)} of {wide} x {tall} pixels into {out}"
    say(escape(said))
    if as_json:
        emit({"pictures": count, "width": wide, "height": tall, "file": str(out)})
