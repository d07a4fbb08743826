"""Pictures as a medium: from files and arrays to rows or pixels, and what is changed while learning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from elman.data.labelled import NOTHING, Labelled, Pairs
from elman.data.pictures.album import Album
from elman.data.pictures.archive import held_part, is_archive, read_archive
from elman.data.pictures.augment import moved
from elman.data.pictures.reader import PICTURES
from elman.data.pictures.source import from_array, read_pictures
from elman.data.pictures.ways import PictureEncoder, PictureRows
from elman.data.sequences import Change
from elman.errors import InputError
from elman.tasks.media import Medium
from elman.tasks.sounds import SoundConfig
from elman.train.config import require_least

SEEN = 16  # pixels of a side that the linear model sees at most


@dataclass(frozen=True, kw_only=True)
class PictureConfig(SoundConfig):
    """How pictures and clips become numbers.

    Parameters
    ----------
    as_
        How a picture is read: rows (a row a step), pixels (one a step), or permuted (pixels in an order drawn once).
    size
        Pixels of the longer side that pictures (64 when left out) and the frames of clips (32) are scaled down to.
    colour
        Read colours; where any picture has some, when left out.
    frames
        Frames of a clip that are read, evenly spaced in it; 32 at most when left out.
    frame_encoder
        What looks at a frame: conv (convolutions) or convgru (a convolution and a convolutional GRU).
    mirror
        Learn from pictures and clips the other way round too.
    position
        Numbers learnt for each step's place, beside what is read there; 0 for none.
    skip_broken
        Leave out pictures and clips that cannot be read, instead of stopping.
    """

    as_: Literal["rows", "pixels", "permuted"] = "rows"
    size: int | None = None
    colour: bool | None = None
    frames: int | None = None
    frame_encoder: Literal["conv", "convgru"] = "conv"
    mirror: bool = False
    position: int = 0
    skip_broken: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_least(self, 1, "size", "frames")
        require_least(self, 0, "position")


class Pictures(Medium):
    """Pictures: of a folder with a subfolder a label, of a .npz archive, or one by one."""

    kind, what, suffixes, rows, linear = "pictures", "pictures", PICTURES, Album, "linear pixels"
    passes, spared, others = 30.0, 3.0, "an .npz archive"

    encoder: PictureEncoder

    @classmethod
    def holds(cls, source: Any, config: Any) -> bool:
        return super().holds(source, config) or (not isinstance(source, Pairs) and is_archive(source))

    # From files to rows.

    def own_test(self, source: Any) -> Any:
        return held_part(source)

    def read_other(self, source: Any, label: str | None) -> Labelled:
        """Those of an archive."""
        if isinstance(source, Pairs) or not is_archive(source):
            raise self.refusal(source.x if isinstance(source, Pairs) else source)
        x, y = read_archive(source)
        if y is None:
            raise InputError(f"{Path(source).name} holds no labels: give y_train beside x_train, or y beside x")
        shape = None if self.encoder is None else self.encoder.shape
        album = from_array(x, Path(source).name, shape, self.config.size, self.config.colour)
        return Labelled(album, y, album.notes)

    def gather(self, files: list[Path]) -> Album:
        return self._album(files, "train")

    def unlabelled_other(self, source: Any) -> Labelled:
        return Labelled(self._album(source, "test"), NOTHING)

    def _album(self, source: Any, part: Literal["train", "test"]) -> Album:
        config, shape = self.config, None if self.encoder is None else self.encoder.shape
        return read_pictures(
            source, part, shape=shape, longest=config.size, colour=config.colour, skip=config.skip_broken
        )

    # From rows to numbers.

    def fit(self, x: Album) -> None:
        self.encoder = PictureEncoder.fit(x, self.config.as_)

    def change(self) -> Change | None:
        return None if self.config.augment is False else moved(self.encoder, self.config.mirror)

    def front(self) -> dict[str, Any]:
        return {"features": self.encoder.features, "position": self.config.position, "steps": self.encoder.steps}

    def linear_x(self, encoded: PictureRows) -> np.ndarray:
        """(N, K): the pixels, of larger pictures those of a smaller one."""
        tall, wide = (min(SEEN, side) for side in self.encoder.shape[:2])
        parts = []
        for some in encoded.values.split(4096):
            small = torch.nn.functional.adaptive_avg_pool2d(some.permute(0, 3, 1, 2).float() / 255, (tall, wide))
            parts.append(small.flatten(1).numpy())
        return np.concatenate(parts)

    def told(self, parts: dict[str, Any]) -> list[str]:
        tall, wide, channels = self.encoder.shape
        read = {"rows": "row by row", "pixels": "pixel by pixel", "permuted": "pixel by pixel in an order drawn once"}
        colours = "in colour" if channels == 3 else "in shades of grey"
        return [f"pictures of {wide} x {tall} pixels {colours} are read {read[self.encoder.way]}"]

    def hints(self) -> tuple[tuple[str, str], ...]:
        return (
            ("predict {} x.png", "what it shows"),
            ("predict {} FOLDER --out FOUND.csv", "what each picture of a folder shows"),
            ("evaluate {} FOLDER_OR_NPZ", "the score on new data"),
        )

    def restore(self, state: dict[str, Any]) -> None:
        self.encoder = PictureEncoder.from_json(state)
