"""Batches that nothing good can be learnt from: why, and which of their rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from elman.data.batch import Batch, scored

NAMED = 5  # rows that are named
HUGE = 1e18  # beyond this squares are no longer float32


def sound(batch: Batch) -> bool:
    """Whether there is something to learn from it, and nothing that no network can read."""
    return bool(len(batch)) and bool(scored(batch)) and not _guilty(batch).any()


def spoilt(batch: Batch) -> dict[str, Any]:
    """Of a batch whose step was not made: ``rows``, the numbers of those to blame (all, where none stands out)."""
    if not len(batch) or not scored(batch):
        return {"why": "nothing in it is scored", "rows": batch.rows.tolist()}
    guilty = _guilty(batch)
    if guilty.any():
        return {
            "why": "it holds NaN, infinite or huge numbers",
            "rows": batch.rows[guilty.to(batch.rows.device)].tolist(),
        }
    return {"why": "its gradient is not finite", "rows": batch.rows.tolist()}


def _guilty(batch: Batch) -> Tensor:
    """(B,) which rows hold what no network can read."""
    guilty = torch.zeros(len(batch), dtype=torch.bool)
    tensors = [(name, value) for name, value in batch.inputs.items() if value.is_floating_point()]
    for name, value in [*tensors, *([("y", batch.y)] if batch.y is not None and batch.y.is_floating_point() else [])]:
        guilty |= _bad_rows(value, len(batch), in_time="lengths" in batch.inputs, missing=name == "y")
    return guilty


def _bad_rows(value: Tensor, rows: int, in_time: bool, missing: bool) -> Tensor:
    """(B,) which rows hold such numbers; a y that is missing is none."""
    bad = ((value.abs() >= HUGE) if missing else ~(value.abs() < HUGE)).cpu()
    dim = 1 if in_time and bad.dim() > 1 and bad.shape[1] == rows else 0
    if bad.dim() == 0 or bad.shape[dim] != rows:
        return torch.zeros(rows, dtype=torch.bool)
    return bad.movedim(dim, 0).reshape(rows, -1).any(1)


def in_words(step: int, found: dict[str, Any], loss: float) -> str:
    """A batch that was not learnt from, in a sentence's part."""
    rows = found["rows"]
    named = ", ".join(str(row + 1) for row in rows[:NAMED]) + (
        f" and {len(rows) - NAMED:,} more" if rows[NAMED:] else ""
    )
    return (
        f"step {step:,} cannot be learnt from: {found['why']} (loss {loss:.4g}; "
        f"row{'s' * (len(rows) != 1)} {named or 'none'} of the training part)"
    )
