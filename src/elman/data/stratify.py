"""Which rows train, which choose, which judge, where rows have no order in time: each label in its proportion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from elman.errors import InputError


def stratified(
    labels: np.ndarray, shares: Sequence[float], generator: torch.Generator, keys: Sequence[Any] | None = None
) -> list[Tensor]:
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


def dealt(strata: np.ndarray, *, valid: float, test: float, seed: int, keys: Sequence[Any] | None) -> dict[str, Tensor]:
    """The rows of the parts train, valid and test, of these shares; InputError unless something is left to train on."""
    if valid + test >= 1:
        raise InputError(
            f"the shares of the rows that choose, {valid:g}, and that judge, {test:g}, leave none to train on: make "
            "--valid-share and --test-share smaller"
        )
    rows = stratified(strata, (1 - (valid + test), valid, test), torch.Generator().manual_seed(seed), keys)
    return dict(zip(("train", "valid", "test"), rows, strict=True))


class Parted(Protocol):
    """Rows that can be dealt out."""

    def __len__(self) -> int: ...
    def take(self, rows: Tensor, /) -> Self: ...


D = TypeVar("D", bound=Parted)


def dealt_out(
    data: D,
    read: Callable[[Any], D],
    given: Mapping[str, Any],
    *,
    shares: Mapping[str, float],
    seed: int,
    keys: Sequence[Any],
) -> dict[str, D]:
    """``data`` by what it is for, rows of equal keys together; a part that is ``given`` is read in place of a share."""
    there = {name: read(source) for name, source in given.items() if source is not None}
    own = {name: 0.0 if name in there else share for name, share in shares.items()}
    rows = dealt(np.zeros(len(data), np.int64), valid=own["valid"], test=own["test"], seed=seed, keys=keys)
    return {name: data.take(numbers) for name, numbers in rows.items()} | there
