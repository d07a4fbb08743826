"""What a command hands over: a JSON object, a table or a text, on stdout or in a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.markup import escape

from elman.cli.console import say
from elman.data.frames import as_csv, plain, write_frame
from elman.errors import InputError
from elman.tasks.generate import Generator


def check_file(out: Path | None, overwrite: bool) -> None:
    """Raise InputError unless a file may be written here: before the work, not after it."""
    if out is None:
        return
    if out.is_dir():
        raise InputError(f"{out} is a folder, but a file is needed: give another --out")
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists: give another --out, or --overwrite to replace it")
    if not out.parent.is_dir():
        raise InputError(
            f"there is no directory {out.parent} to write {out.name} into: create it, or give another --out"
        )


def narrow(stream: Any) -> bool:
    """Whether what is written there can hold some letters alone, as a pipe on Windows."""
    return not (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def emit(value: Any) -> None:
    # Where letters would be lost on the way, JSON is written without them.
    sys.stdout.write(one_line(value, ascii_alone=narrow(sys.stdout)))


def one_line(value: Any, ascii_alone: bool = False) -> str:
    return json.dumps(value, ensure_ascii=ascii_alone, allow_nan=False) + "\n"


def write_table(frame: Any, out: Path | None, as_json: bool) -> None:
    """A frame, printed as CSV or written."""
    if out is not None:
        write_frame(frame, out)
        say(f"Wrote {frame.height} rows to {escape(str(out))}")
    if as_json:
        emit({"rows": plain(frame.to_dicts())})
    elif out is None:
        sys.stdout.write(as_csv(frame))


def write_text(task: Generator, drawing: dict[str, Any], out: Path | None, as_json: bool) -> None:
    """Generated text, printed as it comes."""
    pieces = task.stream(**drawing)
    unknown = task.unknown(drawing.get("prompt", ""))
    if unknown:
        say(f"[yellow]The model does not know {escape(', '.join(map(repr, unknown)))} of the prompt.[/]")
    if out is not None or as_json:
        text = "".join(pieces)
        if out is not None:
            out.write_text(text, encoding="utf-8")
            say(f"Wrote {len(text):,} characters to {escape(str(out))}")
        if as_json:
            emit({"prompt": drawing.get("prompt", ""), "text": text})
        return
    sys.stdout.write(drawing.get("prompt", ""))
    for at, piece in enumerate(pieces):
        sys.stdout.write(piece)
        if at % 8 == 0 or sys.stdout.isatty():
            sys.stdout.flush()
    sys.stdout.write("\n")
