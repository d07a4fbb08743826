"""Weights out of an HDF5 file: plain arrays of floats that lie in the file itself, of the shape that is expected."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.deploy.imports import hdf5_probe
from elman.errors import InputError, MissingDependency

SECONDS = 60  # on the clock, that a file is tried for; of the processor it gets less


def h5py() -> Any:
    """h5py; MissingDependency without it."""
    try:
        import h5py
    except ImportError:
        raise MissingDependency("Keras files are read by h5py: pip install 'elman[keras]'") from None
    return h5py


def check_ends(raw: bytes, file: str) -> None:
    """Raise InputError where the library would hang or crash on these bytes of a file, seen in another process."""
    h5py()
    page = Path(hdf5_probe.__file__)
    try:
        # -P: a file h5py.py in the working folder must not be taken for the library.
        done = subprocess.run([sys.executable, "-P", str(page)], input=raw, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode:
        raise InputError(f"{file} is damaged in a way that the HDF5 library does not survive: save the model again")


def group(root: Any, place: str, file: str) -> Any:
    """The group or array at ``place``. Raises InputError where there is none, or a link that leads elsewhere."""
    here = root
    for part in filter(None, place.split("/")):
        link = here.get(part, getlink=True) if isinstance(here, h5py().Group) else None
        if link is None:
            raise InputError(f"{file} has no {place}: save the whole model again")
        if not isinstance(link, h5py().HardLink):
            raise InputError(
                f"{place} of {file} is a link to somewhere else, which is not followed: save the model again"
            )
        here = here[part]
    return here


def weight(root: Any, place: str, shape: Sequence[int | None], file: str) -> Tensor:
    """The array at ``place``, whose sizes must be those of ``shape`` (None: any). Raises InputError otherwise.

    Memory is taken only for numbers that the file really holds: nothing packed, nothing elsewhere, nothing virtual.
    """
    array = group(root, place, file)
    if not isinstance(array, h5py().Dataset) or array.dtype.kind != "f":
        raise InputError(f"{place} of {file} is no array of floats: save the model again, in float32")
    fits = len(array.shape) == len(shape) and all(
        need in (None, have) for have, need in zip(array.shape, shape, strict=True)
    )
    if not fits or 0 in array.shape:
        needed = tuple("any" if size is None else size for size in shape)
        raise InputError(f"{place} of {file} has the shape {tuple(array.shape)}, but {needed} is needed: it is damaged")
    stored = array.id.get_storage_size()
    if array.external or array.is_virtual or array.id.get_create_plist().get_nfilters() or stored < array.nbytes:
        raise InputError(
            f"{place} of {file} is packed or lies outside the file, which Keras never writes: save it again"
        )
    return torch.from_numpy(np.asarray(array[()], dtype=np.float32))


def text(root: Any, name: str, file: str) -> bytes:
    """An attribute that is text. Raises InputError where there is none."""
    value = root.attrs.get(name)
    if not isinstance(value, str | bytes):
        raise InputError(f"{file} holds weights alone, without {name}: save the whole model, model.save('model.keras')")
    return value.encode() if isinstance(value, str) else value


def names(root: Any, name: str, file: str) -> list[str]:
    """An attribute that is a list of names; a long one is in pieces, name0, name1, ..."""
    pieces = [root.attrs[name]] if name in root.attrs else []
    while not pieces or name not in root.attrs:
        piece = root.attrs.get(f"{name}{len(pieces)}")
        if piece is None:
            break
        pieces.append(piece)
    if not pieces:
        raise InputError(f"{file} does not list {name}: save the whole model, model.save('model.keras')")
    return [one.decode() if isinstance(one, bytes) else str(one) for piece in pieces for one in piece]
