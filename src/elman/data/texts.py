"""Texts on disk, which are read a lot at a time: a list of texts that has no room in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from elman.data.disk import OnDisk
from elman.data.met import fingerprints

LOT = 1 << 20  # bytes of texts that are in memory together


@dataclass(frozen=True)
class Texts(Sequence[str]):
    """R texts in UTF-8: text r is the ``sizes[r]`` bytes from ``first[r]`` on. ``keys`` (R,) are equal of equal texts.

    Of each text 24 bytes are in memory.
    """

    raw: OnDisk
    first: np.ndarray
    sizes: np.ndarray
    keys: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return self._read(np.arange(len(self))[at])
        return self._read(np.array([at]))[0]

    def __iter__(self) -> Iterator[str]:
        for lot in self.lots():
            yield from lot

    def take(self, rows: Tensor) -> Texts:
        """The texts with these numbers, in this order."""
        at = rows.numpy()
        return replace(self, first=self.first[at], sizes=self.sizes[at], keys=self.keys[at])

    def lots(self) -> Iterator[list[str]]:
        """All texts in order, so many at a time that memory has room for them."""
        ends = np.cumsum(self.sizes)
        begin = 0
        while begin < len(self):
            before = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, before + LOT, "right")))
            yield self._read(np.arange(begin, end))
            begin = end

    def _read(self, rows: np.ndarray) -> list[str]:
        sizes = self.sizes[rows]
        raw = self.raw.rows(self.first[rows], sizes).tobytes()
        ends = np.cumsum(sizes)
        return [raw[begin:end].decode() for begin, end in zip((ends - sizes).tolist(), ends.tolist(), strict=True)]


class Writer:
    """Texts that are put on disk as they come."""

    def __init__(self) -> None:
        self._raw = OnDisk((), np.uint8)
        self._sizes: list[np.ndarray] = [np.empty(0, np.int64)]
        self._keys: list[np.ndarray] = [np.empty(0, np.int64)]

    def append(self, texts: list[str]) -> None:
        raw = [text.encode() for text in texts]
        self._raw.append(np.frombuffer(b"".join(raw), np.uint8))
        self._sizes.append(np.fromiter(map(len, raw), np.int64, len(raw)))
        self._keys.append(fingerprints(raw).numpy())

    def texts(self) -> Texts:
        sizes = np.concatenate(self._sizes)
        return Texts(self._raw, np.cumsum(sizes) - sizes, sizes, np.concatenate(self._keys))


def lots(texts: Sequence[Any]) -> Iterator[list[Any]]:
    """Texts that are in memory as one lot, those on disk as several."""
    if isinstance(texts, Texts):
        return texts.lots()
    return iter([texts if isinstance(texts, list) else list(texts)])


def in_lots(texts: Sequence[Any], rows: int) -> Iterator[Sequence[Any]]:
    """At most so many texts at a time."""
    return (texts[at : at + rows] for at in range(0, len(texts), rows))


def prints(texts: Sequence[str]) -> Tensor:
    """The fingerprints of texts (data/met.py), which those on disk have with them."""
    return torch.from_numpy(texts.keys) if isinstance(texts, Texts) else fingerprints(texts)
