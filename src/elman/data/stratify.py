"""Which rows train, which choose, which judge, where rows have no order in time: each label in its proportion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


def stratified(
    labels: np.ndarray, shares: Sequence[float], generator: torch.Generator, keys: Sequence[Any] | None = None
) -> list[torch.Tensor]:
    """Row numbers of each part, sorted: every label (N,) is dealt out in the ``shares``, which sum to 1.

    Rows of equal ``keys`` (a text that occurs twice) go to one part together, so that none is judged on what it learnt.
    Where a label has too few rows for all parts, the largest part has them.
    """
    order = torch.randperm(len(labels), generator=generator).tolist()
    units: dict[Any, list[int]] = {}
    for row in order:
        units.setdefault(row if keys is None else keys[row], []).append(row)
    lacking = np.outer(np.bincount(labels), shares)
    part = np.empty(len(labels), np.int64)
    # The rows that stay together first: the single ones then fill what lacks.
    for rows in sorted(units.values(), key=len, reverse=True):
        to = int(lacking[labels[rows[0]]].argmax())
        part[rows] = to
        for row in rows:
            lacking[labels[row], to] -= 1
    return [torch.from_numpy(np.flatnonzero(part == at)) for at in range(len(shares))]
