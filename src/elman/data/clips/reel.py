"""Many clips of one size of frame, and the way they become sequences."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Generator, Tensor, nn

from elman.data.clips.cache import kept
from elman.data.clips.reader import clip_size, read_clip
from elman.data.faults import Faults
from elman.data.pace import paced
from elman.data.pictures.album import common_size, sizes_told
from elman.data.pictures.augment import affine_maps, warped
from elman.data.pictures.channels import Channels
from elman.data.ragged import Ragged, starts_of
from elman.data.sequences import Change
from elman.errors import InputError

LONGEST, FRAMES = 32, 32  # pixels of a side, and frames, unless asked for
ALL = 2**32  # bytes of all frames together


@dataclass(frozen=True)
class Reel:
    """Clips: ``frames``, whose values are (N, Y, X, C) uint8, C 1 or 3; the rest as an Album's."""

    frames: Ragged
    names: list[str]
    notes: tuple[str, ...] = ()
    kept: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    asked: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, rows: Tensor) -> Reel:
        """The clips with these numbers, in this order."""
        names = [self.names[i] for i in rows.tolist()]
        return dataclasses.replace(self, frames=self.frames.take(rows), names=names, kept=self.kept[rows])

    @property
    def keys(self) -> list[bytes]:
        """A digest of each clip: equal ones are the same."""
        return [hashlib.sha256(self.frames.row(at).numpy().tobytes()).digest() for at in range(len(self))]


def read_reel(
    paths: Sequence[Path],
    *,
    size: tuple[int, int] | None = None,
    longest: int | None = None,
    colour: bool = False,
    frames: int | None = None,
    skip: bool = False,
) -> Reel:
    """The clips in one ``size`` (Y, X): the commonest, its longer side ``longest`` at most (32); 32 frames each.

    Clips that cannot be read raise InputError naming all of them, unless ``skip`` leaves them out.
    """
    faults = Faults(paths, "clips")
    sizes = {at: found for at, path in enumerate(paths) if (found := faults.attempt(at, partial(clip_size, path)))}
    faults.check(allowed=bool(sizes))
    size = size or common_size(list(sizes.values()), longest or LONGEST)
    clips: dict[int, np.ndarray] = {}
    settings, total = (size, colour, frames or FRAMES), 0
    for at in sizes:
        read = partial(read_clip, paths[at], *settings)
        clip = faults.attempt(at, partial(kept, paths[at], settings, read))
        if clip is not None:
            clips[at] = clip
            total += clip.nbytes
            if total > ALL:
                raise InputError("the clips are too many to keep: give a smaller --size, or fewer --frames")
    faults.check(allowed=skip and bool(clips))
    notes = [*faults.told(), *sizes_told(list(sizes.values()), size, "clips")]
    single = [str(paths[at]) for at, clip in clips.items() if len(clip) == 1]
    if single:
        notes.append(f"{len(single):,} of {len(clips):,} clips have one frame: {', '.join(single)}")
    values = torch.cat([torch.from_numpy(clip) for clip in clips.values()])
    whole = Ragged(values, starts_of([len(clip) for clip in clips.values()]))
    asked = tuple(map(str, paths))
    return Reel(whole, [asked[at] for at in clips], tuple(notes), torch.tensor(list(clips)), asked)


@dataclass(frozen=True)
class ClipEncoder:
    """Clips as sequences of frames (T, Y X C), each channel scaled as in the training part."""

    shape: tuple[int, int, int]
    frames: int
    channels: Channels

    @classmethod
    def fit(cls, reel: Reel, frames: int) -> Self:
        values = reel.frames.values
        shape = (int(values.shape[1]), int(values.shape[2]), int(values.shape[3]))
        return cls(shape, frames, Channels.fit(values))

    @property
    def features(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]

    def encode(self, reel: Reel) -> ClipRows:
        return ClipRows(self, reel.frames)

    def to_json(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "frames": self.frames, **self.channels.to_json()}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        tall, wide, channels = map(int, state["shape"])
        return cls((tall, wide, channels), int(state["frames"]), Channels.from_json(state))


class ClipRows:
    """Clips kept as bytes, as ``data.sequences.Rows``: scaled batch by batch."""

    def __init__(self, encoder: ClipEncoder, frames: Ragged) -> None:
        self.encoder, self.frames, self.lengths = encoder, frames, frames.lengths

    def __len__(self) -> int:
        return len(self.frames)

    def cut(self, longest: int) -> ClipRows:
        """The first frames of each clip alone."""
        return ClipRows(self.encoder, self.frames.cut(longest))

    def row(self, at: int) -> Tensor:
        """(T, Y X C) scaled."""
        return self._scaled(self.frames.row(at))

    def padded(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        clips = [self._scaled(self.frames.row(at)) for at in rows.tolist()]
        return nn.utils.rnn.pad_sequence(clips), self.lengths[rows]

    def inputs(self, x: Tensor) -> dict[str, Tensor]:
        return {"x": x}

    def _scaled(self, frames: Tensor) -> Tensor:
        return self.encoder.channels.scaled(frames).flatten(1)


def moved_clips(encoder: ClipEncoder, mirror: bool) -> Change:
    """Each clip by an affine map of its own, the same for all its frames, and at a pace of its own."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        x, lengths = paced(x, lengths, generator)
        frames = x.unflatten(2, encoder.shape).permute(0, 1, 4, 2, 3)
        maps = affine_maps(frames.shape[1], mirror, generator).repeat(len(frames), 1, 1)
        return warped(frames.flatten(0, 1), maps).permute(0, 2, 3, 1).reshape(x.shape), lengths

    return change
