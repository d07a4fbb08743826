"""A model's answers to many files: one file of answers a file, in a folder, shared out among processes that never talk.

An answer takes its place when it is whole, and what has its place is not made again: a process that was killed is
simply started again.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import Any, Literal

from rich.markup import escape

from elman.cli.answers import emit
from elman.cli.console import aside, say
from elman.data.files import at_once
from elman.data.frames import write_frame
from elman.errors import ElmanError, InputError
from elman.stopping import Stopped
from elman.tasks import store
from elman.tasks.base import Task

Format = Literal["csv", "tsv", "parquet", "jsonl"]
RECORD = "answers.json"  # of which model, with which options
HALF = re.compile(r"\..+\.[a-z0-9_]{8}\.(csv|tsv|parquet|jsonl|json)")  # as at_once names what is not yet whole
ABANDONED = 3600.0  # seconds after which what was half-written by a process that was killed is removed


@dataclass(frozen=True)
class Shard:
    """The K-th of N parts of a list of files."""

    at: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.at <= self.of:
            raise InputError(f"--shard is {self}, but the first number must be from 1 to the second: write 1/{self.of}")

    def __str__(self) -> str:
        return f"{self.at}/{self.of}"

    @classmethod
    def read(cls, written: str | None, environment: Mapping[str, str]) -> Shard:
        """``K/N``; when left out that of torchrun, or all."""
        if written is None:
            rank, world = environment.get("RANK", ""), environment.get("WORLD_SIZE", "")
            return cls(int(rank) + 1, int(world)) if rank.isdigit() and world.isdigit() else cls(1, 1)
        if not re.fullmatch(r"\d+/\d+", written):
            raise InputError(f"--shard is {written!r}, but the K-th of N parts is needed: write K/N, such as 1/4")
        at, of = written.split("/")
        return cls(int(at), int(of))

    def mine(self, every: Mapping[Path, Path]) -> dict[Path, Path]:
        return dict(list(every.items())[self.at - 1 :: self.of])


def write_many(
    task: Task,
    model: Path,
    sources: Sequence[str],
    options: dict[str, Any],
    out: Path | None,
    *,
    form: Format,
    shard: str | None,
    overwrite: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Answer each file of this process's shard that has no answer yet; a bad one is told, and stops nobody."""
    part = Shard.read(shard, os.environ)
    if out is None:
        raise InputError("many files are answered into a folder: give --out FOLDER (and quote a text of many words)")
    every = answers_of(sources, out, form)
    mine = part.mine(every)
    _own(out, model, {"options": options, "format": form}, overwrite)
    _clear(out)
    lost: dict[Path, str] = {}
    skipped, left = 0, dict(mine)
    try:
        for place, source in mine.items():
            if place.exists() and not overwrite:
                skipped += 1
            elif why := _answer(task, source, options, place, strict):
                lost[source] = why
                say(f"[red]{escape(str(source))}[/]: {escape(why)}")
            del left[place]
    except Stopped as stop:
        done = f"{len(mine) - len(left) - len(lost):,} of {len(mine):,} answers are in {out}"
        raise Stopped(stop.signal, f"{done}, and the same command goes on with the others") from None
    held = len(mine) - len(lost)
    which = "" if part.of == 1 else f" of shard {part} ({len(every):,} in all)"
    say(f"{held:,} of {len(mine):,} files{which} are answered in {escape(str(out))}, {skipped:,} of them from before")
    if as_json:
        emit(
            {
                "files": len(every),
                "shard": str(part),
                "tried": len(mine),
                "held": held,
                "lost": len(lost),
                "skipped": skipped,
                "failures": [{"file": str(file), "why": why} for file, why in lost.items()],
                "out": str(out),
            }
        )
    if lost:
        raise ElmanError(
            f"{len(lost):,} of {len(mine):,} files could not be answered, the first {next(iter(lost))}: mend or remove "
            "them, and give the same command again"
        )


def answers_of(sources: Sequence[str], out: Path, form: Format) -> dict[Path, Path]:
    """Where the answer to each file goes, sorted: the same on every machine that is given the same.

    Folders keep their subfolders. Raises InputError where nothing is found, where an answer would fall on a file that
    is read, and where two would have one place.
    """
    found: dict[Path, Path] = {}
    for written in sources:
        for home, file in _files(written):
            if out.absolute() in file.absolute().parents:
                raise InputError(f"{file} lies in {out}, where the answers go: give another --out")
            name = file.relative_to(home)
            place = out / (name if name.suffix == f".{form}" else name.with_name(f"{name.name}.{form}"))
            if found.setdefault(place, file) != file:
                raise InputError(f"{found[place]} and {file} would both be answered in {place}: rename one")
    return dict(sorted(found.items()))


def _files(written: str) -> list[tuple[Path, Path]]:
    """Each file that is meant, after the folder from which its name counts."""
    path = Path(written)
    if path.is_dir():
        every = [file for file in path.rglob("*") if file.is_file()]
        home = path
    elif has_magic(written) and not path.exists():
        at = next(at for at, part in enumerate(path.parts) if has_magic(part))
        home = Path(*path.parts[:at])
        every = [file for file in home.glob(str(Path(*path.parts[at:]))) if file.is_file()]
    else:
        return [(path.parent, path)]
    seen = [(home, file) for file in every if not any(part.startswith(".") for part in file.relative_to(home).parts)]
    if not seen:
        raise InputError(f"{written} holds no files: check the name and the folder")
    return seen


def _own(out: Path, model: Path, asked: dict[str, Any], overwrite: bool) -> None:
    """Make the folder, and keep the answers of two models, or to two questions, apart."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, but a folder is needed: give another --out")
    if not out.absolute().parent.is_dir():
        raise InputError(f"there is no directory {out.parent} to make {out.name} in: create it, or give another --out")
    digest = hashlib.sha256((model / store.MANIFEST).read_bytes()).hexdigest()
    raw, record = store.dump_json({"model": digest, **asked}), out / RECORD
    if record.exists() and record.read_bytes() != raw and not overwrite:
        raise InputError(
            f"{out} holds the answers of another model, or to other options: give another --out, or --overwrite"
        )
    if out.exists() and not record.exists() and not overwrite and any(out.glob("[!.]*")):
        raise InputError(f"{out} holds files of something else: give another --out, or --overwrite to replace some")
    out.mkdir(exist_ok=True)
    if not record.exists() or overwrite:
        with at_once(record) as staged:
            staged.write_bytes(raw)


def _clear(out: Path) -> None:
    """Remove what processes that were killed have left half-written; those still at it are younger."""
    for file in out.rglob(".*"):
        if HALF.fullmatch(file.name) and file.is_file() and time.time() - file.stat().st_mtime > ABANDONED:
            file.unlink(missing_ok=True)


def _answer(task: Task, source: Path, options: dict[str, Any], place: Path, strict: bool) -> str | None:
    """Write the answer to one file; returns why there is none."""
    try:
        found = task.predict(source, **options)
    except Exception as error:  # one of a thousand files must not stop the others, whatever is wrong with it
        if strict:
            raise
        told = isinstance(error, ElmanError | OSError)
        return str(error) if told else f"{type(error).__name__}: {error}"
    for remark in task.remarks:
        aside(f"{source}: {remark}")
    place.parent.mkdir(parents=True, exist_ok=True)
    with at_once(place) as staged:
        write_frame(found, staged)
        with staged.open("rb+") as written:
            os.fsync(written.fileno())
    return None
