"""A manifest: a table with a column of sound files and, where it is known, what is said in each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from elman.data.files import short
from elman.data.sound.recordings import Recordings, read_recordings
from elman.data.table import Origin, read_table, text_cells
from elman.errors import InputError

NAMES = ("file", "sound", "audio", "path", "wav")  # a column of files of sound, unless named


@dataclass(frozen=True)
class Spoken:
    """Sounds with a text each (none where only sounds were read), and in words what was noticed in reading.

    ``recordings.kept`` are the numbers of the table's rows, ``recordings.asked`` what these name.
    """

    recordings: Recordings
    texts: list[str]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.recordings)

    def take(self, rows: Tensor) -> Spoken:
        """The rows with these numbers, in this order."""
        texts = [self.texts[i] for i in rows.tolist()] if self.texts else []
        return dataclasses.replace(self, recordings=self.recordings.take(rows), texts=texts)


def sound_column(source: Any) -> str:
    """The only column of a table, or the one of a usual name; InputError where there is none."""
    names = read_table(source).columns
    usual = names if len(names) == 1 else [name for name in names if name.lower() in NAMES]
    if len(usual) == 1:
        return usual[0]
    raise InputError(
        f"{Origin.of(source).name} has the columns {short(', '.join(names))}: name the one that holds the files of "
        f"sound {' or '.join(map(repr, NAMES))}"
    )


def read_manifest(
    source: Any, sound_column: str, text_column: str | None, *, rate: int | None = None, trim: bool = True
) -> Spoken:
    """A table (file or frame) whose ``sound_column`` names files, from the table's folder on; of a frame, from here on.

    Rows with an empty side, and those whose sound is empty or silent, are left out and counted. Raises InputError
    naming every file that is absent, and where no row is left; see ``read_recordings`` for ``rate`` and ``trim``.
    """
    origin, frame = Origin.of(source), read_table(source)
    folder = Path() if origin.path is None else origin.path.parent
    names = text_cells(frame, sound_column, origin).fill_null("").str.strip_chars().to_list()
    texts = [] if text_column is None else text_cells(frame, text_column, origin).fill_null("").to_list()
    some = [at for at, name in enumerate(names) if name and (text_column is None or texts[at].strip())]
    if not some:
        columns = f"column {sound_column!r}" if text_column is None else f"columns {sound_column!r} and {text_column!r}"
        raise InputError(f"no row of {origin.name} has something in {columns}: name other columns")
    recordings = read_recordings([folder / names[at] for at in some], rate=rate, trim=trim)
    recordings = dataclasses.replace(recordings, kept=torch.tensor(some)[recordings.kept], asked=tuple(names))
    empty = len(names) - len(some)
    side = "no sound" if text_column is None else "an empty side"
    notes = (f"{empty:,} of {len(names):,} rows have {side} and are left out",) if empty else ()
    spoken = [texts[at] for at in recordings.kept.tolist()] if texts else []
    return Spoken(recordings, spoken, (*notes, *recordings.notes))
