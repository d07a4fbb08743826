"""Ways to read a picture as a sequence: row by row, pixel by pixel, or its pixels in one order drawn once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self, get_args

import torch
from torch import Tensor

from elman.data.pictures.album import Album
from elman.data.pictures.channels import Channels
from elman.errors import InputError

Way = Literal["rows", "pixels", "permuted"]


@dataclass(frozen=True)
class PictureEncoder:
    """Pictures (Y, X, C) as sequences (T, F), each channel scaled as in the training part.

    rows: T = Y, F = X C; pixels: T = Y X, F = C, from left to right and from top to bottom; permuted: the same pixels
    in one order for all pictures, drawn from seed 0.
    """

    way: Way
    shape: tuple[int, int, int]
    channels: Channels

    def __post_init__(self) -> None:
        if self.way not in get_args(Way):
            raise InputError(f"--as is {self.way!r}, but pictures are read as rows, pixels or permuted: give one")

    @classmethod
    def fit(cls, album: Album, way: Way) -> Self:
        shape = (int(album.values.shape[1]), int(album.values.shape[2]), int(album.values.shape[3]))
        return cls(way, shape, Channels.fit(album.values))

    @property
    def steps(self) -> int:
        return self.shape[0] * (1 if self.way == "rows" else self.shape[1])

    @property
    def features(self) -> int:
        return self.shape[2] * (self.shape[1] if self.way == "rows" else 1)

    @cached_property
    def order(self) -> Tensor | None:
        """(Y X,) the pixels in their order of reading; None where it is their own."""
        if self.way != "permuted":
            return None
        return torch.randperm(self.shape[0] * self.shape[1], generator=torch.Generator().manual_seed(0))

    def encode(self, album: Album) -> PictureRows:
        """Raises InputError for pictures of another shape."""
        if tuple(album.values.shape[1:]) != self.shape:
            (tall, wide, channels), found = self.shape, tuple(album.values.shape[1:])
            raise InputError(
                f"the pictures have {found[1]} x {found[0]} pixels and {found[2]} channels, but the model reads "
                f"{wide} x {tall} and {channels}: give such"
            )
        return PictureRows(self, album.values)

    def sequences(self, pictures: Tensor) -> Tensor:
        """(B, Y, X, C) scaled numbers to (T, B, F)."""
        if self.way == "rows":
            return pictures.flatten(2).transpose(0, 1)
        x = pictures.flatten(1, 2)
        order = self.order
        return (x if order is None else x[:, order]).transpose(0, 1)

    def pictures(self, x: Tensor) -> Tensor:
        """The way back: (T, B, F) to (B, Y, X, C)."""
        x = x.transpose(0, 1)
        order = self.order
        if order is not None:
            x = x[:, order.argsort()]
        return x.reshape(len(x), *self.shape)

    def to_json(self) -> dict[str, Any]:
        return {"way": self.way, "shape": list(self.shape), **self.channels.to_json()}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        tall, wide, channels = map(int, state["shape"])
        return cls(state["way"], (tall, wide, channels), Channels.from_json(state))


class PictureRows:
    """Pictures kept as bytes, as ``data.sequences.Rows``: scaled and cut into steps batch by batch."""

    def __init__(self, encoder: PictureEncoder, values: Tensor) -> None:
        self.encoder, self.values = encoder, values
        self.lengths = torch.full((len(values),), encoder.steps)

    def __len__(self) -> int:
        return len(self.values)

    def cut(self, longest: int) -> PictureRows:
        raise InputError(f"--longest is {longest}, but pictures are read whole: give --size to make them smaller")

    def padded(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.encoder.sequences(self.encoder.channels.scaled(self.values[rows])), self.lengths[rows]

    def inputs(self, x: Tensor) -> dict[str, Tensor]:
        return {"x": x}
