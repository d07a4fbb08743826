"""Files of one kind, known by their names, and a folder with a subfolder of them for each label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elman.errors import InputError


def names(text: str, suffixes: Sequence[str]) -> bool:
    """Whether this is the name of a file of a kind rather than a text."""
    try:
        return Path(text).suffix.lower() in suffixes and (" " not in text or Path(text).is_file())
    except (OSError, ValueError):  # longer than a name can be, or with a NUL
        return False


def names_alike(source: Any, suffixes: Sequence[str]) -> bool:
    """Whether this is such a name, or a list of them."""
    every = source if isinstance(source, list | tuple) else [source]
    return bool(every) and all(isinstance(one, str | Path) and names(str(one), suffixes) for one in every)


def files_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files with such names in a folder and the folders in it, sorted; hidden ones are left out."""
    found = (path for pattern in ("*", "*/*") for path in folder.glob(pattern))
    return sorted(path for path in found if path.suffix.lower() in suffixes and not path.name.startswith("."))


def labels_of(folder: Path, what: str) -> list[Path]:
    """The folders in a folder, one a label, sorted. Raises InputError where there are none."""
    labels = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not labels:
        raise InputError(f"{folder} holds {what}, but no folders: put those of each label into a folder of its name")
    return labels


def labelled_files(folder: Path, suffixes: Sequence[str], what: str) -> tuple[list[Path], list[str], tuple[str, ...]]:
    """The files, the label of each, which is its folder's name, and in words what is not read.

    Raises InputError where files have no folder, and for a label's folder without any; ``what`` says of what kind.
    """
    labels = labels_of(folder, what)
    files = files_in(folder, suffixes)
    bare = [label.name for label in labels if not any(file.parent == label for file in files)]
    if bare:
        raise InputError(f"{folder / bare[0]} holds no {what} ({', '.join(suffixes)}): put some there, or remove it")
    read = [file for file in files if file.parent != folder]
    every = {path for place in (folder, *labels) for path in place.iterdir() if path.is_file()}
    stray = sum(1 for path in every - set(read) if not path.name.startswith("."))
    notes = (f"{stray:,} files in {folder.name} are no {what} of a label and are not read",) if stray else ()
    return read, [file.parent.name for file in read], notes
