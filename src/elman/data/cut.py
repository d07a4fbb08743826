"""What a search cuts before it learns: rows in the order of time, or rows that are dealt out, for cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import torch

from elman.data.stratify import Parted, stratified
from elman.errors import InputError


class Cuttable(Protocol):
    """The rows of a source; what it hands out, ``fit`` takes in place of the source.

    ``how`` says how the folds are cut, ``unit`` what is counted.
    """

    @property
    def how(self) -> str: ...
    @property
    def unit(self) -> str: ...

    def __len__(self) -> int: ...

    def parted(self, share: float, seed: int) -> tuple[Self, Any]:
        """These rows without those that judge, a ``share`` of them, and those."""
        ...

    def whole(self) -> Any: ...

    def folds(self, count: int, seed: int) -> list[tuple[Any, Any]]:
        """(what is learnt from, what judges) ``count`` times; no row judges twice."""
        ...

    def some(self, share: float, seed: int) -> Any:
        """A ``share`` of the rows to learn from."""
        ...

    def overlap(self, count: int) -> float:
        """Rows that judge over rows that are learnt from, the mean of ``count`` folds."""
        ...


@dataclass(frozen=True)
class Ordered:
    """``length`` steps in time, of which ``between(a, b)`` hands out those from a on and before b, of every series."""

    length: int
    between: Callable[[int, int], Any]
    unit: str = "steps"
    how: str = "in order of time: each fold judges what comes after all that it learns from"

    def __len__(self) -> int:
        return self.length

    def parted(self, share: float, seed: int) -> tuple[Self, Any]:
        cut = self.length - round(self.length * share)
        return replace(self, length=cut), self.between(cut, self.length)

    def whole(self) -> Any:
        return self.between(0, self.length)

    def folds(self, count: int, seed: int) -> list[tuple[Any, Any]]:
        """A rolling origin: the second half is judged, block by block, and all before a block is learnt from."""
        block = self.length // (2 * count)
        _require_rows(self.length, 2 * count, count)
        begins = range(self.length - count * block, self.length, block)
        return [(self.between(0, begin), self.between(begin, begin + block)) for begin in begins]

    def some(self, share: float, seed: int) -> Any:
        """The most recent ones."""
        return self.between(self.length - max(1, round(self.length * share)), self.length)

    def overlap(self, count: int) -> float:
        block = self.length // (2 * count)
        return float(np.mean([block / begin for begin in range(self.length - count * block, self.length, block)]))


@dataclass(frozen=True)
class Dealt:
    """Rows without an order, dealt out so that each of ``strata`` (N,) is everywhere in its proportion.

    Rows of equal ``keys`` stay together.
    """

    rows: Any  # data.stratify.Parted
    strata: np.ndarray
    keys: Sequence[Any] | np.ndarray | None = None
    unit: str = "rows"
    how: str = "dealt out: each label in its proportion, equal rows to one fold"

    def __len__(self) -> int:
        return len(self.strata)

    def grouped(self, names: Sequence[Any], column: str) -> Dealt:
        """The same with the rows of each name together. Raises InputError unless there is one for each row."""
        if len(names) != len(self):
            raise InputError(f"column {column!r} names {len(names):,} rows, but {len(self):,} were read: leave it out")
        if len(set(names)) < 2:
            raise InputError(f"column {column!r} holds one name alone, so nothing is left to judge: name another")
        return replace(self, keys=names, how=f"dealt out: each label in its proportion, rows of one {column} together")

    def _deal(self, shares: Sequence[float], seed: int) -> list[torch.Tensor]:
        return stratified(self.strata, shares, torch.Generator().manual_seed(seed), self.keys)

    def _take(self, numbers: torch.Tensor) -> Parted:
        return self.rows.take(numbers)

    def parted(self, share: float, seed: int) -> tuple[Self, Any]:
        rest, judged = self._deal((1 - share, share), seed)
        keys = None if self.keys is None else [self.keys[row] for row in rest.tolist()]
        return replace(self, rows=self._take(rest), strata=self.strata[rest.numpy()], keys=keys), self._take(judged)

    def whole(self) -> Any:
        return self.rows

    def folds(self, count: int, seed: int) -> list[tuple[Any, Any]]:
        _require_rows(len(self), 2 * count, count)
        parts = self._deal([1 / count] * count, seed)
        if not all(map(len, parts)):
            raise InputError(f"the rows fall into fewer than {count} groups of equal ones: give fewer --folds")
        others = [torch.cat([*parts[:at], *parts[at + 1 :]]).sort().values for at in range(count)]
        return [(self._take(rest), self._take(part)) for rest, part in zip(others, parts, strict=True)]

    def some(self, share: float, seed: int) -> Any:
        return self.rows if share == 1 else self._take(self._deal((share, 1 - share), seed)[0])

    def overlap(self, count: int) -> float:
        return 1 / (count - 1)


def _require_rows(have: int, need: int, folds: int) -> None:
    if have < need:
        raise InputError(
            f"{have:,} rows are left to search by, but {folds} folds need {need:,}: give more rows, or fewer --folds"
        )
