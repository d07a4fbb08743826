"""Decoded clips kept on disk, so that the second fit does not decode them again."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from elman.data.files import at_once
from elman.data.pictures.archive import DAMAGE
from elman.errors import InputError

NAME = "ELMAN_CACHE"  # environment variable: another folder, or empty for none
MOST = 2**28  # bytes of one kept clip


def folder() -> Path | None:
    """Where decoded clips are kept: ELMAN_CACHE, or elman in the user's folder of caches; None where it is empty."""
    if (named := os.environ.get(NAME)) is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "elman" / "clips"


def kept(path: Path, settings: object, decode: Callable[[], np.ndarray]) -> np.ndarray:
    """``decode()``, or what it gave for a file of this path, size and time and with these settings before.

    Files are written at once or not at all, and read without executing anything; what cannot be kept is not.
    """
    place = folder()
    if place is None or not path.is_file():
        return decode()
    facts = path.stat()
    key = repr((str(path.resolve()), facts.st_size, facts.st_mtime_ns, settings))
    file = place / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
    try:
        if file.stat().st_size <= MOST:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is odd is decoded anew
                found = np.load(file, allow_pickle=False)
            if found.ndim == 4 and found.dtype == np.uint8:
                return found
    except DAMAGE:
        pass
    found = decode()
    if found.nbytes >= MOST:
        return found
    try:
        place.mkdir(parents=True, exist_ok=True)
        with at_once(file) as staged, staged.open("wb") as sink:
            np.save(sink, found, allow_pickle=False)
    except (OSError, InputError):
        pass  # a full or read-only disk is no reason not to learn
    return found
