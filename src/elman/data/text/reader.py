"""Text from files: a table with a column of text, a folder for each label, a plain text, or words with a tag each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor

from elman.data.files import as_text, load_bytes, short
from elman.data.labelled import NOTHING, Labelled, names_file
from elman.data.table import Origin, categories, numbers, read_table, text_cells
from elman.errors import InputError

PLAIN = "a text: give a file of UTF-8 text"
NAMES = ("text", "sentence", "review", "content", "comment", "document", "question")  # a column of text, unless named


def read_labelled(source: Any, text: str | None, label: str | None, *, number: bool = False) -> Labelled:
    """A table (file or frame) with columns ``text`` and ``label``, or a folder with a subfolder of .txt files a label.

    Without ``text`` the only column beside the label is read, or one of the usual name; with ``number`` the labels are
    numbers. Space around a text is kept. Raises InputError for what cannot be read, for missing texts and labels with
    their row, and where no column of text can be told.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        return _folder(Path(source))
    origin, frame = Origin.of(source), read_table(source)
    text = text or text_column(frame.columns, label, origin)
    texts = texts_of(frame, text, origin, lambda: _may_lack_cells(origin))
    notes = empty_told(sum(not one.strip() for one in texts), len(texts), text, origin)
    if label is None:
        return Labelled(texts, NOTHING, notes)
    return Labelled(texts, np.asarray(labels_of(frame, label, origin, number=number)), notes)


def texts_of(frame: pl.DataFrame, name: str, origin: Origin, may_lack: Callable[[], bool]) -> list[str]:
    """A column's texts; InputError for a missing one, where the source ``may_lack`` some and tells them from empty."""
    cells = text_cells(frame, name, origin)
    missing = cells.is_null()
    if missing.any() and may_lack():
        raise InputError(
            f"column {name!r} of {origin.name} has no text in {origin.row(int(missing.arg_max() or 0) + 1)}: "
            "give it, or leave the row out"
        )
    return cells.fill_null("").to_list()


def empty_told(empty: int, rows: int, name: str, origin: Origin) -> tuple[str, ...]:
    """In words how many texts of a column are empty; InputError where all are."""
    if empty == rows:
        raise InputError(f"every text of column {name!r} of {origin.name} is empty: name another column with --text")
    return (f"{empty:,} of {rows:,} texts are empty; each is read as one unknown symbol",) if empty else ()


def labels_of(frame: pl.DataFrame, name: str, origin: Origin, *, number: bool) -> list[Any]:
    """A column's labels, or its numbers; InputError for a missing one."""
    labels = numbers(frame, name, origin).tolist() if number else categories(frame, name, origin)
    at = next((row for row, one in enumerate(labels, 1) if one is None or one != one), None)
    if at is not None:
        raise InputError(
            f"column {name!r} of {origin.name} has no label in {origin.row(at)}: give it, or leave the row out"
        )
    return labels


def _may_lack_cells(origin: Origin) -> bool:
    """Whether the source tells a missing text from an empty one, as a file of separated cells does not."""
    return origin.path is None or load_bytes(origin.path).lstrip().startswith((b"PAR1", b"{", b"\xef\xbb\xbf{"))


def text_column(names: list[str], label: str | None, origin: Origin) -> str:
    """The only column beside the label, or the one of a usual name; InputError where that is none or several."""
    rest = [name for name in names if name != label]
    usual = [name for name in rest if name.lower() in NAMES]
    if len(rest) == 1 or len(usual) == 1:
        return (usual or rest)[0]
    shown = short(", ".join(rest))
    raise InputError(f"{origin.name} has the columns {shown}: name the one that holds the text with --text")


def _folder(folder: Path) -> Labelled:
    labels = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not labels:
        raise InputError(
            f"{folder} holds no folders, but one for each label is needed, with .txt files, sounds, pictures or clips"
        )
    texts: list[str] = []
    names: list[str] = []
    for label in labels:
        files = sorted(label.glob("*.txt"))
        if not files:
            raise InputError(f"{label} holds no .txt files: put a text a file there, or remove the folder")
        texts += [as_text(load_bytes(file, None), str(file), PLAIN) for file in files]
        names += [label.name] * len(files)
    stray = sum(1 for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    notes = (f"{stray:,} files of {folder.name} lie beside the labels' folders and are not read",) if stray else ()
    return Labelled(texts, np.array(names), notes)


def read_plain(path: str | Path) -> str:
    r"""The whole text of a UTF-8 file, with \n at the ends of lines.

    Raises InputError naming the byte that is not UTF-8, and for an empty file.
    """
    text = as_text(load_bytes(Path(path), "a text is needed"), Path(path).name, PLAIN)
    return text.replace("\r\n", "\n")


def read_texts(source: Any, column: str, what: str) -> list[str]:
    """Texts however they are given, empty ones too: a list, one text, a .txt file's lines, or a column of a table.

    Raises InputError for nothing, for what is no text, and for what cannot be read; ``what`` is to be done with them.
    """
    if source is None:
        raise InputError(f"there is nothing to {what}: give a text, a file, or a list of texts")
    if isinstance(source, list | tuple):
        if odd := [one for one in source if not isinstance(one, str)]:
            raise InputError(f"the texts hold {odd[0]!r}, which is no text: give strings")
        return list(source)
    if isinstance(source, str) and not names_file(source):
        return [source]
    if isinstance(source, str | Path) and Path(source).suffix.lower() == ".txt":
        return read_plain(source).rstrip("\n").split("\n")
    return text_cells(read_table(source), column, Origin.of(source)).fill_null("").to_list()


@dataclass(frozen=True)
class TaggedTokens:
    """Sentences as words and, where the file has them, a tag for each word."""

    tokens: list[list[str]]
    tags: list[list[str]] | None

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: Tensor) -> TaggedTokens:
        at = rows.tolist()
        return TaggedTokens([self.tokens[i] for i in at], None if self.tags is None else [self.tags[i] for i in at])


def read_tagged(path: str | Path, *, tagged: bool = True) -> TaggedTokens:
    """A word and its tag a line, the first and last of the columns parted by tabs or blanks; sentences, by empty lines.

    Lines of -DOCSTART- are left out. Without ``tagged`` the words alone are read. Raises InputError naming the line
    that holds one column where two are needed.
    """
    path = Path(path)
    text = as_text(load_bytes(path, "a word and its tag a line are needed"), path.name, PLAIN)
    tokens: list[list[str]] = []
    tags: list[list[str]] = []
    words: list[str] = []
    own: list[str] = []
    # Other blanks than these, an ideographic space, may be words.
    lines = [line.strip(" \r") for line in text.split("\n")]
    for number, line in enumerate([*lines, ""], 1):
        cells = [cell.strip(" ") for cell in line.split("\t")] if "\t" in line else line.split(" ")
        if not any(cells) or cells[0] == "-DOCSTART-":
            if words:
                tokens.append(words)
                tags.append(own)
                words, own = [], []
            continue
        if not cells[0] or (tagged and (len(cells) < 2 or not cells[-1])):
            raise InputError(
                f"line {number} of {path.name} is {short(line)}, but a word and its tag are needed, parted by a tab or "
                "a blank: correct it"
            )
        words.append(cells[0])
        own.append(cells[-1])
    if not tokens:
        raise InputError(f"{path.name} holds no words: a word and its tag a line are needed")
    return TaggedTokens(tokens, tags if tagged else None)
