"""Sequences that are already numbers: arrays of one length, or a list of arrays of different lengths, as one Ragged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

from elman.data.ragged import Ragged
from elman.data.scale import Scaler
from elman.errors import InputError

NEED = "give an array (N, T) or (N, T, F) of numbers, or a list of arrays (T,) or (T, F)"


def as_ragged(x: Any) -> Ragged:
    """(N, T) is N sequences of T steps with one feature each, (N, T, F) of F; a list holds sequences of any lengths.

    Raises InputError for what is no such array, for no sequences, empty ones, and values that are not finite.
    """
    if not isinstance(x, np.ndarray | torch.Tensor) and not hasattr(x, "__array__") and isinstance(x, Sequence):
        rows = [_array(row, f"sequence {at}") for at, row in enumerate(x)]
        if rows and all(row.ndim == 0 for row in rows):
            raise InputError(f"Reshape your data: one sequence of numbers is no list of sequences; {NEED}")
        rows = [row[:, None] if row.ndim == 1 else row for row in rows]
    else:
        whole = _array(x, "the array")
        if whole.ndim not in (2, 3):
            raise InputError(f"Reshape your data: the array has {whole.ndim} dimensions; {NEED}")
        if len(whole) and not whole.size:
            raise InputError(
                f"Found array with 0 feature(s) (shape={whole.shape}) while a minimum of 1 is required: {NEED}"
            )
        rows = list(whole[:, :, None] if whole.ndim == 2 else whole)
    if not rows:
        raise InputError(f"Found array with 0 sample(s) while a minimum of 1 is required: {NEED}")
    for at, row in enumerate(rows):
        if row.ndim != 2 or row.shape[1] != rows[0].shape[1]:
            raise InputError(
                f"sequence {at} has shape {row.shape}, but sequence 0 has {rows[0].shape}: all need the same features; "
                f"{NEED}"
            )
        if not row.size:
            raise InputError(f"sequence {at} has 0 feature(s) (shape={row.shape}) while a minimum of 1 is required")
    ragged = Ragged.of(rows)
    if not torch.isfinite(ragged.values).all():
        step = int((~torch.isfinite(ragged.values)).any(1).nonzero()[0])
        at = int(torch.searchsorted(ragged.starts, step, right=True)) - 1
        value = float(rows[at][step - int(ragged.starts[at])][~np.isfinite(rows[at][step - int(ragged.starts[at])])][0])
        raise InputError(
            f"sequence {at} holds {'NaN' if np.isnan(value) else 'infinity'} (inf) or a value too large at step "
            f"{step - int(ragged.starts[at])}: fill or leave out what is missing"
        )
    return ragged


def _array(x: Any, name: str) -> np.ndarray:
    if hasattr(x, "toarray"):
        raise InputError(f"{name} is sparse, but sequences are dense: pass X.toarray()")
    try:
        out = np.asarray(x)
    except (ValueError, TypeError):
        raise InputError(f"{name} cannot be made an array: {NEED}") from None
    if out.dtype.kind == "c":
        raise InputError(f"Complex data not supported: {name} holds complex numbers; {NEED}")
    if out.dtype.kind not in "biuf":
        try:
            out = out.astype(np.float64)
        except (ValueError, TypeError) as error:
            raise InputError(f"{name} must hold numbers ({error}): {NEED}") from None
    return out.astype(np.float32)


@dataclass(frozen=True)
class Numbers:
    """Each feature scaled as in the training part: what ``Tokens`` are for text."""

    scaler: Scaler

    @classmethod
    def fit(cls, x: Ragged) -> Self:
        return cls(Scaler.fit(x.values.double().numpy()))

    @property
    def features(self) -> int:
        return len(self.scaler.mean)

    def encode(self, x: Ragged) -> Ragged:
        """Raises InputError where ``x`` has other features than the training part had."""
        if x.values.shape[1] != self.features:
            raise InputError(
                f"X has {x.values.shape[1]} features, but the model is expecting {self.features} features as input"
            )
        return Ragged(torch.from_numpy(self.scaler.scale(x.values.double().numpy())).float(), x.starts)

    def to_json(self) -> dict[str, Any]:
        return self.scaler.to_json()

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(Scaler.from_json(state))
