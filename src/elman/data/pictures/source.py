"""Pictures however they are given: an array, an archive, a folder, a file or a list of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from elman.data.files import short
from elman.data.folder import files_in, names_alike
from elman.data.labelled import is_folder
from elman.data.pictures.album import LONGEST, Album, read_album
from elman.data.pictures.archive import is_archive, read_archive
from elman.data.pictures.reader import PICTURES
from elman.errors import InputError


def from_array(
    x: np.ndarray, name: str, shape: tuple[int, int, int] | None, longest: int | None, colour: bool | None
) -> Album:
    """An array's pictures in a ``shape``, or else scaled down to ``longest`` pixels a side."""
    album = Album.of(x, name)
    if shape is None:
        return album.coloured(colour).sized(None, longest or LONGEST)
    return album.coloured(shape[2] == 3).sized(shape[:2], longest or LONGEST)


def read_pictures(
    source: Any,
    part: Literal["train", "test"],
    *,
    shape: tuple[int, int, int] | None = None,
    longest: int | None = None,
    colour: bool | None = None,
    skip: bool = False,
) -> Album:
    """The pictures of a source: of an archive those of a ``part``; in the ``shape`` (Y, X, C) of others, if given.

    The rest is ``read_album``'s. Raises InputError for what holds no pictures.
    """
    if isinstance(source, np.ndarray | torch.Tensor):
        return from_array(np.asarray(source), "pictures", shape, longest, colour)
    if is_archive(source):
        return from_array(read_archive(source, part)[0], Path(source).name, shape, longest, colour)
    if is_folder(source):
        files = files_in(Path(source), PICTURES)
        if not files:
            raise InputError(f"{source} holds no pictures ({', '.join(PICTURES)}): name another folder")
    elif names_alike(source, PICTURES):
        files = [Path(source)] if isinstance(source, str | Path) else list(map(Path, source))
    else:
        raise InputError(f"pictures are needed, but {short(source)} names none: give a file, a folder or an .npz file")
    # One of several that cannot be read does not keep a fitted model from answering for the others.
    skip = skip or (shape is not None and len(files) > 1)
    size, colour = (None, colour) if shape is None else (shape[:2], shape[2] == 3)
    return read_album(files, size=size, longest=longest, colour=colour, skip=skip)
