"""Many pictures of one size: from files or from arrays, with what cannot be read named and counted."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from elman.data.faults import Faults
from elman.data.pictures.reader import header, read_picture
from elman.errors import InputError

LONGEST = 64  # pixels of a side at most, unless asked for: a row is a step, and a pixel may be
ALL = 2**32  # bytes of all pictures together


@dataclass(frozen=True)
class Album:
    """Pictures (N, Y, X, C) uint8, C 1 or 3, with their ``names``, and in words what was noticed in reading.

    ``kept`` (N,) are their places among the ``asked`` names: those that could not be read are not among them.
    """

    values: Tensor
    names: list[str]
    notes: tuple[str, ...] = ()
    kept: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    asked: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Tensor) -> Album:
        """The pictures with these numbers, in this order."""
        names = [self.names[i] for i in rows.tolist()]
        return dataclasses.replace(self, values=self.values[rows], names=names, kept=self.kept[rows])

    @property
    def keys(self) -> list[bytes]:
        """A digest of each picture: equal ones are the same."""
        return [hashlib.sha256(one.tobytes()).digest() for one in self.values.numpy()]

    @property
    def size(self) -> tuple[int, int]:
        """(Y, X)"""
        return int(self.values.shape[1]), int(self.values.shape[2])

    def sized(self, size: tuple[int, int] | None, longest: int) -> Album:
        """The same scaled to ``size``, which must have their proportions, or else down to ``longest`` pixels a side.

        Raises InputError for pictures of other proportions than ``size``.
        """
        wanted = _shrunk(self.size, longest) if size is None else size
        if wanted == self.size:
            return self
        if size is not None and _shrunk(self.size, max(size)) != size:
            raise InputError(
                f"the pictures have {self.size[1]} x {self.size[0]} pixels, but the model reads {size[1]} x {size[0]}: "
                "give them in these proportions"
            )
        parts = [
            functional.adaptive_avg_pool2d(some.permute(0, 3, 1, 2).float(), wanted).round().to(torch.uint8)
            for some in self.values.split(1024)
        ]
        scaled = torch.cat(parts).permute(0, 2, 3, 1).contiguous()
        note = f"pictures of {self.size[1]} x {self.size[0]} pixels are scaled to {wanted[1]} x {wanted[0]}"
        return dataclasses.replace(self, values=scaled, notes=(*self.notes, note))

    def coloured(self, colour: bool | None) -> Album:
        """The same in colours, or in shades of grey as ITU-R BT.601 weighs them; None leaves them as they are."""
        channels = self.values.shape[3]
        if colour is None or channels == (3 if colour else 1):
            return self
        if colour:
            return dataclasses.replace(self, values=self.values.expand(-1, -1, -1, 3))
        grey = self.values.float() @ torch.tensor([[0.299], [0.587], [0.114]])
        return dataclasses.replace(self, values=grey.round().to(torch.uint8))

    @classmethod
    def of(cls, x: np.ndarray, name: str) -> Album:
        """From an array (N, Y, X) or (N, Y, X, C), C 1 or 3, of 0 to 255, or of 0 to 1 where it holds no whole numbers.

        Raises InputError for other shapes and values.
        """
        need = "give (N, Y, X) or (N, Y, X, C) with C 1 or 3, of 0 to 255, or fractions of 0 to 1"
        if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] not in (1, 3)) or x.dtype.kind not in "buif":
            raise InputError(f"{name} has shape {x.shape} of {x.dtype}, which are no pictures: {need}")
        if not x.size:
            raise InputError(f"{name} holds no pictures (shape {x.shape}): {need}")
        if x.nbytes > ALL:
            raise InputError(f"{name} holds {x.nbytes:,} bytes, but {ALL:,} are read at most: give fewer")
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise InputError(f"{name} holds NaN or infinity: {need}")
        least, most = float(x.min()), float(x.max())
        if least < 0 or most > 255:
            raise InputError(f"{name} holds values from {least:g} to {most:g}: {need}")
        if x.dtype.kind == "b" or (x.dtype.kind == "f" and most <= 1):
            x = x * 255.0
        # A copy, since torch cannot hold what must not be written to.
        values = torch.from_numpy(np.array(x, order="C") if x.dtype == np.uint8 else np.rint(x).astype(np.uint8))
        values = values if values.ndim == 4 else values[..., None]
        names = tuple(f"{name}[{at}]" for at in range(len(values)))
        return cls(values, list(names), (), torch.arange(len(values)), names)


def read_album(
    paths: Sequence[Path],
    *,
    size: tuple[int, int] | None = None,
    longest: int | None = None,
    colour: bool | None = None,
    skip: bool = False,
) -> Album:
    """The pictures of the files in one ``size`` (Y, X): the commonest, its longer side ``longest`` at most (64).

    ``colour`` is read where any picture may have some, when left out. Files that cannot be read raise InputError naming
    all of them, unless ``skip`` leaves them out.
    """
    if not paths:
        raise InputError("there are no files to read: give some of pictures")
    faults = Faults(paths, "pictures")
    headers = {at: found for at, path in enumerate(paths) if (found := faults.attempt(at, partial(header, path)))}
    faults.check(allowed=bool(headers))
    sizes = [(found.tall, found.wide) for found in headers.values()]
    size = size or common_size(sizes, longest or LONGEST)
    if colour is None:
        colour = any(found.colour for found in headers.values())
    if len(headers) * size[0] * size[1] * 3 > ALL:
        raise InputError(
            f"{len(headers):,} pictures of {size[1]} x {size[0]} pixels are too many: give a smaller --size"
        )
    read = {at: faults.attempt(at, partial(read_picture, paths[at], size, colour)) for at in headers}
    values = {at: picture for at, picture in read.items() if picture is not None}
    faults.check(allowed=skip and bool(values))
    asked = tuple(map(str, paths))
    notes = (*faults.told(), *sizes_told(sizes, size, "pictures"))
    pictures = torch.from_numpy(np.stack(list(values.values())))
    return Album(pictures, [asked[at] for at in values], notes, torch.tensor(list(values)), asked)


def common_size(sizes: Sequence[tuple[int, int]], longest: int) -> tuple[int, int]:
    """The commonest size (Y, X), of equally common ones the largest, its longer side ``longest`` at most."""
    counts = Counter(sizes)
    return _shrunk(max(counts, key=lambda one: (counts[one], one)), longest)


def sizes_told(sizes: Sequence[tuple[int, int]], size: tuple[int, int], what: str) -> tuple[str, ...]:
    """In words which sizes there are and what becomes of them; nothing where all are as they are read."""
    counts = Counter(sizes)
    if set(counts) == {size}:
        return ()
    held = ", ".join(f"{wide:,} x {tall:,} ({many:,})" for (tall, wide), many in counts.most_common(4))
    more = f" and {len(counts) - 4:,} other sizes" if len(counts) > 4 else ""
    into = f"{size[1]} x {size[0]}, black where they do not fill it"
    return (f"the {what} have {held}{more} pixels and are scaled into {into}",)


def _shrunk(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
