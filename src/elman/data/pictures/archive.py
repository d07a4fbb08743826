"""Pictures and their labels in a NumPy archive (.npz), parted into train and test or not."""

from __future__ import annotations

import tokenize
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from elman.errors import InputError, reason

MOST = 2**32  # bytes of an archive when it is unpacked
X, Y = ("x", "X", "images", "pictures", "data", "arr_0"), ("y", "Y", "labels", "label", "arr_1")
NEED = "arrays x and y, or x_train, y_train, x_test and y_test, are needed"

# Of files that are cut, encrypted or of another version (RuntimeError), or whose headers claim what cannot be.
DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    TypeError,
    SyntaxError,
    RuntimeError,
    OverflowError,
    MemoryError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class HeldPart:
    """The part of an archive that judges, as a source of its own."""

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)


def is_archive(source: Any) -> bool:
    return isinstance(source, HeldPart) or (isinstance(source, str | Path) and str(source).lower().endswith(".npz"))


def held_part(source: Any) -> HeldPart | None:
    """The part of an archive that judges; None where it has none, or this is no archive."""
    if isinstance(source, HeldPart) or not is_archive(source) or _found(_names(Path(source)), "test") is None:
        return None
    return HeldPart(Path(source))


def read_archive(source: Any, part: Literal["train", "test"] = "train") -> tuple[np.ndarray, np.ndarray | None]:
    """The pictures of a part, and their labels where there are some; of an archive without parts all of them.

    Nothing in an archive is executed. Raises InputError for what is no archive, holds other arrays, or unpacks to more
    than 4 GiB.
    """
    path, part = (source.path, "test") if isinstance(source, HeldPart) else (Path(source), part)
    names = _names(path)
    x = _found(names, part) or _found(names, None)
    if x is None and len(names) == 1:
        x = (next(iter(names)), "")
    if x is None:
        raise InputError(f"{path} holds the arrays {', '.join(sorted(names))}, but {NEED}: rename them")
    labels = next((name + x[1] for name in Y if name + x[1] in names), None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Python 2 wrote, which is read
            with np.load(path, allow_pickle=False) as arrays:
                pictures, y = arrays[x[0]], None if labels is None else arrays[labels]
    except DAMAGE as error:
        raise InputError(
            f"{path} cannot be read ({reason(error)}): save it anew, with numbers and strings alone"
        ) from None
    for name, found in ((x[0], pictures), (labels, y)):
        if found is not None and (not isinstance(found, np.ndarray) or not found.ndim):
            raise InputError(f"{path} holds {name}, which is no array of several: {NEED}")
    if y is not None and (y.ndim != 1 or len(y) != len(pictures)):
        raise InputError(f"{path} holds {len(pictures):,} pictures, but labels of shape {y.shape}: give one a picture")
    return pictures, y


def _found(names: set[str], part: str | None) -> tuple[str, str] | None:
    """The name of the array of a part's pictures, and what the names of that part end in."""
    end = f"_{part}" if part else ""
    return next(((name + end, end) for name in X if name + end in names), None)


def _names(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: check the name and the folder") from None
    except DAMAGE as error:
        raise InputError(f"{path} is no NumPy archive ({reason(error)}): {NEED}") from None
    total = sum(entry.file_size for entry in entries)
    if total > MOST:
        raise InputError(f"{path} unpacks to {total:,} bytes, but {MOST:,} are read at most: give fewer pictures")
    return {entry.filename.removesuffix(".npy") for entry in entries}
