"""``elman predict MODEL``: what a model says, as a table, a text, pictures or sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from elman.cli.answers import check_file, write_table, write_text
from elman.cli.arguments import flag_of
from elman.cli.console import aside
from elman.cli.flags import Json, Out, Overwrite
from elman.cli.pictures import write_pictures
from elman.cli.sounds import write_sounds
from elman.data.frames import WRITTEN
from elman.errors import InputError
from elman.tasks.generate import Generator
from elman.tasks.load import TASKS, load_task
from elman.tasks.paint import Painter
from elman.tasks.speak import Speaker


def predict(
    model: Path,
    source: str | None = None,
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
    out: Out = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """What a model says: the next values, labels of a text or a file, a text that goes on, the next items of a session.

    Parameters
    ----------
    model
        Directory of a saved model.
    source
        A file, a folder of sounds, or one text for a model of texts; a forecaster goes on from its own data.
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
        Upper share of the pictures of SOURCE that is kept, the rest is painted anew (painters; 0.5 when left out).
    out
        Write here (.csv, .tsv, .parquet, .jsonl; .txt for generated text) instead of printing; of a model that speaks
        a sound (.wav, .flac, .ogg, .mp3), or a folder for the texts of a file; of one that paints a picture (.png).
    overwrite
        Replace a file that is there.
    """
    task = load_task(model)
    if isinstance(task, Painter):
        out = out or Path("painted.png")
    if not isinstance(task, Speaker):
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
