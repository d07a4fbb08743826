"""A folder with a subfolder of sounds for each label."""

from __future__ import annotations

from pathlib import Path

from elman.data.sound.reader import SOUNDS
from elman.errors import InputError


def sounds_in(folder: Path) -> list[Path]:
    """The files of sound in a folder and the folders in it, sorted; hidden ones are left out."""
    found = (path for pattern in ("*", "*/*") for path in folder.glob(pattern))
    return sorted(path for path in found if path.suffix.lower() in SOUNDS and not path.name.startswith("."))


def labelled_sounds(folder: Path) -> tuple[list[Path], list[str], tuple[str, ...]]:
    """The files, the label of each, which is its folder's name, and in words what is not read.

    Raises InputError where sounds have no folder, and for a label's folder without sounds.
    """
    labels = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    files = sounds_in(folder)
    if not labels:
        raise InputError(f"{folder} holds sounds, but no folders: put those of each label into a folder of its name")
    bare = [label.name for label in labels if not any(file.parent == label for file in files)]
    if bare:
        raise InputError(f"{folder / bare[0]} holds no sounds ({', '.join(SOUNDS)}): put some there, or remove it")
    read = [file for file in files if file.parent != folder]
    every = {path for place in (folder, *labels) for path in place.iterdir() if path.is_file()}
    stray = sum(1 for path in every - set(read) if not path.name.startswith("."))
    notes = (f"{stray:,} files in {folder.name} are no sounds of a label and are not read",) if stray else ()
    return read, [file.parent.name for file in read], notes
