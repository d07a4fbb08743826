"""Pictures as a medium: from files and arrays to rows or pixels, and what is changed while learning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from elman.data.folder import files_in, labelled_files
from elman.data.labelled import NOTHING, Labelled, Pairs, flat, is_folder, named_alike
from elman.data.pictures.album import Album, read_album
from elman.data.pictures.archive import HeldPart, has_test, is_archive, read_archive
from elman.data.pictures.augment import moved
from elman.data.pictures.reader import PICTURES, names_picture
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

    kind, what, linear = "pictures", "pictures", "linear pixels"
    passes, spared = 30.0, 3.0

    encoder: PictureEncoder

    @classmethod
    def holds(cls, source: Any, config: Any) -> bool:
        if isinstance(source, Pairs):
            return cls.named(source.x)
        return is_archive(source) or (is_folder(source) and bool(files_in(Path(source), PICTURES)))

    @classmethod
    def named(cls, source: Any) -> bool:
        return named_alike(source, names_picture)

    # From files to rows.

    def own_test(self, source: Any) -> Any:
        return HeldPart(Path(source)) if is_archive(source) and has_test(Path(source)) else None

    def read(self, source: Any, label: str | None, number: bool) -> Labelled:
        if isinstance(source, Pairs):
            if not self.named(source.x):
                raise self.refusal(source.x)
            return self._labelled(list(map(Path, source.x)), flat(source.y), ())
        if is_folder(source):
            files, labels, notes = labelled_files(Path(source), PICTURES, self.what)
            return self._labelled(files, np.array(labels), notes)
        if not is_archive(source):
            raise self.refusal(source)
        x, y = read_archive(source)
        if y is None:
            raise InputError(f"{Path(source).name} holds no labels: give y_train beside x_train, or y beside x")
        return Labelled(self._album(x, source), y)

    def _labelled(self, files: list[Path], y: np.ndarray, notes: tuple[str, ...]) -> Labelled:
        if len(y) != len(files):
            raise InputError(f"{len(files):,} pictures have {len(y):,} labels: give one label a picture")
        found = self._files(files)
        return Labelled(found, y[found.kept.numpy()], (*notes, *found.notes))

    def _files(self, files: list[Path]) -> Album:
        fitted, config = self.encoder, self.config
        return read_album(
            files,
            size=None if fitted is None else fitted.shape[:2],
            longest=config.size,
            colour=config.colour if fitted is None else fitted.shape[2] == 3,
            skip=config.skip_broken,
        )

    def _album(self, x: np.ndarray, source: Any) -> Album:
        return Album.of(x, Path(source).stem, None if self.encoder is None else self.encoder.shape[:2])

    def unlabelled(self, source: Any) -> Labelled:
        if isinstance(source, np.ndarray | torch.Tensor):
            return Labelled(Album.of(np.asarray(source), "pictures", self.encoder.shape[:2]), NOTHING)
        if is_archive(source):
            return Labelled(self._album(read_archive(source, "test")[0], source), NOTHING)
        if is_folder(source):
            files = files_in(Path(source), PICTURES)
            if not files:
                raise InputError(f"{source} holds no pictures ({', '.join(PICTURES)}): name another folder")
        elif self.named(source):
            files = [Path(source)] if isinstance(source, str | Path) else list(map(Path, source))
        else:
            raise self.refusal(source)
        found = self._files(files)
        return Labelled(found, NOTHING, found.notes)

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
