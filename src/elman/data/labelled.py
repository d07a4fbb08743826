"""Sequences with what belongs to each: texts or numbers, passed from Python or read from a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeGuard

import numpy as np
import torch
from sklearn.utils.validation import column_or_1d

from elman.data.arrays import as_ragged
from elman.data.frames import WRITTEN
from elman.data.ragged import Ragged
from elman.data.texts import Texts
from elman.errors import InputError


@dataclass(frozen=True)
class Pairs:
    """Sequences and what belongs to each, passed from Python."""

    x: Any
    y: Any


NOTHING = np.empty(0)


class Named(Protocol):
    """Sequences that are neither texts nor numbers yet, as sounds and pictures are, but have a name each.

    ``kept`` (N,) are their places among the ``asked`` names, of which some may have been left out; ``keys`` tell which
    are equal.
    """

    @property
    def names(self) -> list[str]: ...
    @property
    def asked(self) -> tuple[str, ...]: ...
    @property
    def kept(self) -> torch.Tensor: ...
    @property
    def keys(self) -> list[bytes]: ...
    def __len__(self) -> int: ...
    def take(self, rows: torch.Tensor, /) -> Named: ...


X = list[str] | Texts | Ragged | Named


def is_named(x: X) -> TypeGuard[Named]:
    return not isinstance(x, list | Texts | Ragged)


def is_text(x: X) -> TypeGuard[list[str] | Texts]:
    return isinstance(x, list | Texts)


@dataclass(frozen=True)
class Labelled:
    """Sequences, what belongs to each (nothing, where unlabelled), and in words how they were read."""

    x: X
    y: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: torch.Tensor) -> Labelled:
        x = [self.x[i] for i in rows.tolist()] if isinstance(self.x, list) else self.x.take(rows)
        return dataclasses.replace(self, x=x, y=self.y[rows.numpy()] if len(self.y) else self.y)

    @property
    def shown(self) -> Sequence[str] | None:
        """The rows for people; None of numbers."""
        return self.x if isinstance(self.x, list | Texts) else None if isinstance(self.x, Ragged) else self.x.names


def flat(y: Any) -> np.ndarray:
    """Labels (N,); a column (N, 1) is taken as one, with a warning, as scikit-learn does."""
    return column_or_1d(y.to_numpy() if hasattr(y, "to_numpy") else y, warn=True)


def finite(y: np.ndarray) -> np.ndarray:
    """The same labels or numbers; InputError where one is NaN or infinite."""
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        at = int(np.flatnonzero(~np.isfinite(y))[0])
        raise InputError(f"Input y contains NaN or infinity: row {at + 1} is {y[at]}; give a finite number")
    return y


def texts_or_numbers(x: Any) -> list[str] | Ragged:
    """A list, array or column of str is texts; anything else must be sequences of numbers."""
    if isinstance(x, str | Path):
        raise InputError(f"{str(x)!r} is one text, but several are needed: pass a list, [{str(x)!r}]")
    if hasattr(x, "to_list"):
        x = x.to_list()
    elif isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind in "UOT":
        x = x.tolist()
    if isinstance(x, list | tuple) and x and isinstance(x[0], str):
        wrong = next((at for at, value in enumerate(x) if not isinstance(value, str)), None)
        if wrong is not None:
            raise InputError(f"text {wrong} is {x[wrong]!r}, which is no text: every one must be a str")
        return list(x)
    return as_ragged(x)


def is_table(source: Any) -> bool:
    """Whether this is a path, one text, or a frame, rather than sequences."""
    return isinstance(source, str | Path | dict) or hasattr(source, "columns") or hasattr(source, "column_names")


def is_folder(source: Any) -> bool:
    try:
        return isinstance(source, str | Path) and bool(str(source)) and Path(source).is_dir()
    except (OSError, ValueError):  # a text, longer than a name can be, or with a NUL
        return False


def names_file(text: str) -> bool:
    """Whether this is a path rather than a text: something lies there, or it ends as a table's name does."""
    try:
        if text and Path(text).exists():
            return True
    except (OSError, ValueError):  # longer than a name can be, or with a NUL
        return False
    return " " not in text and Path(text).suffix.lower() in (*WRITTEN, ".gz", ".txt")
