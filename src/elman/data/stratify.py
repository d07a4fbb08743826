"""Which rows train, which choose, which judge, where rows have no order in time: each label in its proportion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from elman.errors import InputError

LOT = 1 << 16  # rows that are numbers of Python together, which take several times the room


def stratified(
    labels: np.ndarray,
    shares: Sequence[float],
    generator: torch.Generator,
    keys: Sequence[Any] | np.ndarray | None = None,
) -> list[Tensor]:
    """Row numbers of each part, sorted: every label (N,) is dealt out in the ``shares``, which sum to 1.

    Rows of equal ``keys`` (a text that occurs twice) go to one part together, so that none is judged on what it learnt.
    Where a label has too few rows for all parts, the largest part has them.
    """
    order = torch.randperm(len(labels), generator=generator).numpy()
    together, alone = _units(order, keys)
    lacking = np.outer(np.bincount(labels), shares).tolist()
    part = np.empty(len(labels), np.int16)
    # The rows that stay together first: the single ones then fill what lacks.
    for rows in together:
        own = lacking[labels[rows[0]]]
        to = own.index(max(own))
        part[rows] = to
        for row in rows:
            lacking[labels[row]][to] -= 1
    for begin in range(0, len(alone), LOT):
        lot = alone[begin : begin + LOT]
        part[lot] = [_most(lacking[label]) for label in labels[lot].tolist()]
    return [torch.from_numpy(np.flatnonzero(part == at)) for at in range(len(shares))]


def _most(lacking: list[float]) -> int:
    """The part that lacks most, which then lacks one less."""
    to = lacking.index(max(lacking))
    lacking[to] -= 1
    return to


def _units(order: np.ndarray, keys: Sequence[Any] | np.ndarray | None) -> tuple[list[list[int]], np.ndarray]:
    """The rows of ``order`` that have a key together, most first, and those that are alone."""
    if keys is None:
        return [], order
    if isinstance(keys, np.ndarray):
        numbers = np.unique(keys, return_inverse=True)[1]
    else:
        place: dict[Any, int] = {}
        numbers = np.fromiter((place.setdefault(key, len(place)) for key in keys), np.int64, len(keys))
    single = (np.bincount(numbers) == 1)[numbers[order]]
    units: dict[int, list[int]] = {}
    for row in order[~single].tolist():
        units.setdefault(int(numbers[row]), []).append(row)
    return sorted(units.values(), key=len, reverse=True), order[single]


def dealt(
    strata: np.ndarray, *, valid: float, test: float, seed: int, keys: Sequence[Any] | np.ndarray | None
) -> dict[str, Tensor]:
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
