"""``elman predict MODEL``: what a model says, as a table, a text, pictures or sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from elman.cli.answers import check_file, write_table, write_text
from elman.cli.arguments import flag_of
from elman.cli.console import aside
from elman.cli.flags import Json, Out, Overwrite
from elman.cli.many import Format, write_many
from elman.cli.pictures import write_pictures
from elman.cli.sounds import write_sounds
from elman.data.frames import WRITTEN
from elman.errors import InputError
from elman.tasks.base import Task
from elman.tasks.forecast import Forecaster
from elman.tasks.generate import Generator
from elman.tasks.load import TASKS, load_task
from elman.tasks.paint import Painter
from elman.tasks.speak import Speaker


def predict(
    model: Path,
    sources: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
    *,
    prompt: str | None = None,
    length: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    best: int | None = None,
    beam: int | None = None,
    session: str | None = None,
    top: int | None = None,
    new: Annotated[bool, Parameter(negative="")] = False,
    count: int | None = None,
    keep: float | None = None,
    shard: str | None = None,
    form: Annotated[Format | None, Parameter(name="--format")] = None,
    strict: Annotated[bool, Parameter(negative="")] = False,
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """What a model says: the next values, labels of a text or a file, a text that goes on, the next items of a session.

    Parameters
    ----------
    model
        Directory of a saved model.
    sources
        A file, a folder of sounds, or one text for a model of texts; a forecaster goes on from its own data. Of many
        files, folders or patterns each file is answered by itself into the folder --out; what is answered is passed
        over, so that the same command goes on after an interruption.
    prompt
        Text to go on from (generators).
    length
        Characters, words or other symbols to write (generators; 500 when left out).
    temperature
        Below 1 likelier and duller, above 1 wilder; 0 takes the likeliest each time (generators; 0.8 when left out).
    top_k
        Draw from the so many likeliest symbols alone (generators).
    top_p
        Draw from the fewest symbols that hold this share of the probability (generators).
    seed
        The same text each time (generators).
    best
        So many alternatives of each text, with their scores (translators and summarizers; 1 when left out).
    beam
        Texts kept open while searching (all that write; that of the fit when left out).
    session
        The items of one session, parted by commas, to go on with (recommenders).
    top
        Items recommended (recommenders; 10 when left out).
    new
        Leave out what the session had already (recommenders).
    count
        Pictures to paint (painters; 16 when left out).
    keep
        Upper share of the pictures of a file that is kept, the rest is painted anew (painters; 0.5 when left out).
    shard
        K/N: the K-th of N parts of many files, for N processes anywhere (torchrun's when left out).
    form
        Of the answers to many files: csv, tsv, parquet or jsonl (csv when left out).
    strict
        Stop at the first of many files that cannot be answered, instead of going on with the others.
    out
        Write here (.csv, .tsv, .parquet, .jsonl; .txt for generated text) instead of printing; of a model that speaks
        a sound (.wav, .flac, .ogg, .mp3), or a folder for the texts of a file; of one that paints a picture (.png); of
        many files a folder.
    overwrite
        Replace a file that is there.
    """
    task = load_task(model)
    given = [flag for flag, value in (("--shard", shard), ("--format", form), ("--strict", strict)) if value]
    many = len(sources) > 1 or bool(given) or (bool(sources) and _is_folder(task, out))
    if many and isinstance(task, Generator | Painter | Speaker):
        what = given[0] if given else f"{len(sources):,} files"
        raise InputError(f"{what} cannot be: a {task.name} model answers one file or prompt at a time")
    if many and not sources:
        raise InputError(f"{given[0]} is for many files: name them, or their folder")
    source = sources[0] if sources else None
    if not many and isinstance(task, Forecaster) and source is not None and Path(source).is_dir():
        raise InputError(f"{source} is a folder: give --out FOLDER, and each file in it is answered by itself")
    if isinstance(task, Painter):
        out = out or Path("painted.png")
    if not many and not isinstance(task, Speaker):
        check_file(out, overwrite)
    options = {
        "prompt": prompt,
        "length": length,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
        "best": best,
        "beam": beam,
        "session": session,
        "top": top,
        "new": new or None,
        "count": count,
        "keep": keep,
    }
    options = {name: value for name, value in options.items() if value is not None}
    for name in options:
        if name not in task.options:
            owners = " and ".join(kind.name for kind in TASKS.values() if name in kind.options)
            raise InputError(f"{flag_of(name)} is for {owners} models, but {model} is a {task.name} one")
    if many:
        write_many(
            task,
            model,
            sources,
            options,
            out,
            form=form or "csv",
            shard=shard,
            overwrite=overwrite,
            strict=strict,
            as_json=json,
        )
        return
    if isinstance(task, Generator):
        if source is not None:
            raise InputError(
                f"this model writes text, and {source!r} is no option of it: give the beginning as --prompt"
            )
        if out is not None and out.suffix in WRITTEN:
            raise InputError(f"{out.name} is a table by its name, but this model writes text: give a name in .txt")
        write_text(task, options, out, json)
        return
    if isinstance(task, Painter) and out is not None:
        write_pictures(task, source, options, out, json)
        return
    if isinstance(task, Speaker):
        write_sounds(task, source, out, overwrite, json)
        return
    if out is not None and out.suffix not in WRITTEN:
        raise InputError(
            f"{out.name} ends in {out.suffix!r}, but {', '.join(WRITTEN)} can be written: give another --out"
        )
    found = task.predict(source, **options)
    for remark in task.remarks:
        aside(remark)
    write_table(found, out, json)


def _is_folder(task: Task, out: Path | None) -> bool:
    """Whether answers go into a folder; that of a voice is its own."""
    return out is not None and not isinstance(task, Generator | Painter | Speaker) and (out.is_dir() or not out.suffix)
