"""Spoken texts, handed over as sound files: one of them, or a folder with a manifest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from elman.cli.answers import check_file, emit
from elman.cli.console import aside, say
from elman.data.frames import to_frame, write_frame
from elman.data.sound.reader import SOUNDS, require_library
from elman.errors import InputError
from elman.evaluate.wording import cut, some
from elman.tasks.speak import Speaker, Speech

MANIFEST = "manifest.tsv"


def check_sounds(out: Path | None, overwrite: bool) -> Path:
    """Raise InputError unless sounds may be written here: before the work, not after it."""
    require_library()
    if out is None:
        raise InputError("sound is written to a file: give --out x.wav, or --out FOLDER for the texts of a file")
    if out.suffix.lower() in SOUNDS:
        check_file(out, overwrite)
        return out
    if out.suffix:
        raise InputError(
            f"{out.name} ends in {out.suffix!r}, but {', '.join(SOUNDS)} can be written, or a folder: name another"
        )
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, but a folder is needed: give another --out")
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists: give another --out, or --overwrite to replace the sounds in it")
    if not out.absolute().parent.is_dir():
        raise InputError(f"there is no directory {out.parent} to make {out.name} in: create it, or give another --out")
    return out


def write_sounds(task: Speaker, source: Any, out: Path | None, overwrite: bool, as_json: bool) -> None:
    """Speak, write, and say how long each sound is, whether it came to an end, and how well the attention focused."""
    out = check_sounds(out, overwrite)
    found = task.predict(source)
    if out.suffix:
        if len(found) > 1:
            raise InputError(f"there are {len(found):,} texts, but {out.name} is one sound: give a folder as --out")
        found[0].save(out)
        files = [out]
    else:
        files = _write_folder(found, out, task)
    for remark in task.remarks:
        aside(remark)
    _warn(found)
    say(f"Wrote {sum(one.seconds for one in found):.1f} s of sound to {escape(str(out))}")
    if as_json:
        emit({"rows": [_row(one, file) for one, file in zip(found, files, strict=True)]})


def _write_folder(found: Sequence[Speech], out: Path, task: Speaker) -> list[Path]:
    """A new folder comes at once or not at all; in one that is there only files of the same names are replaced."""
    digits = len(str(len(found)))
    names = [f"{at:0{digits}}.wav" for at in range(1, len(found) + 1)]
    staged = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.absolute().parent))
    try:
        staged.chmod(0o755)
        for one, name in zip(found, names, strict=True):
            one.save(staged / name)
        columns = {task.config_.sound: names, task.config_.text: [one.text for one in found]}
        write_frame(to_frame(columns, like=None), staged / MANIFEST)
        if out.exists():
            for name in (*names, MANIFEST):
                (staged / name).replace(out / name)
        else:
            staged.rename(out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return [out / name for name in names]


def _warn(found: Sequence[Speech]) -> None:
    endless = [cut(one.text, 40) for one in found if not one.stopped]
    if endless:
        say(f"[yellow]The model never stopped by itself and was cut off: {escape(some(endless))}[/]")
    unknown = sorted({sign for one in found for sign in one.unknown})
    if unknown:
        say(f"[yellow]The model does not know {escape(', '.join(map(repr, unknown)))}, and leaves them out.[/]")


def _row(one: Speech, file: Path) -> dict[str, Any]:
    return {
        "text": one.text,
        "file": str(file),
        "seconds": round(one.seconds, 3),
        "stopped": one.stopped,
        "focus": round(one.focus, 4),
    }
