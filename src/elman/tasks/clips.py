"""Clips as a medium: from video files and folders of frames to frames, and what is changed while learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch.nn import functional

from elman.data.clips.reader import CLIPS, is_frames
from elman.data.clips.reel import FRAMES, ClipEncoder, ClipRows, Reel, moved_clips, read_reel
from elman.data.folder import files_in, labels_of, names
from elman.data.labelled import NOTHING, Labelled, Pairs, is_folder
from elman.data.pictures.reader import PICTURES
from elman.data.sequences import Change
from elman.evaluate.linear import summaries
from elman.tasks.media import Medium

SEEN = 8  # pixels of a side of a frame that the linear model sees at most


class Clips(Medium):
    """Clips: video files or folders of frames, in a folder with a subfolder a label, or one by one."""

    kind, what, suffixes, rows, passes = "clips", "clips", CLIPS, Reel, 60.0

    encoder: ClipEncoder

    @classmethod
    def holds(cls, source: Any, config: Any) -> bool:
        """A single clip among pictures makes a folder none of clips."""
        if isinstance(source, Pairs | Labelled) or not super().holds(source, config):
            return super().holds(source, config)
        folder = Path(source)
        return len(cls.inside(folder)) > len(files_in(folder, PICTURES))

    @classmethod
    def named(cls, source: Any) -> bool:
        every = source if isinstance(source, list | tuple) else [source]
        return bool(every) and all(
            isinstance(one, str | Path) and (names(str(one), CLIPS) or is_frames(Path(one))) for one in every
        )

    @classmethod
    def inside(cls, folder: Path) -> list[Path]:
        """Video files, and folders of pictures in the folders of labels."""
        return sorted([*files_in(folder, CLIPS), *(one for one in folder.glob("*/*") if _is_clip(one))])

    def inside_labels(self, folder: Path) -> tuple[list[Path], list[str], tuple[str, ...]]:
        if not any(_is_clip(one) for one in folder.glob("*/*")):
            return super().inside_labels(folder)
        labels_of(folder, self.what)
        every = [one for one in self.inside(folder) if one.parent != folder]
        return every, [one.parent.name for one in every], ()

    def gather(self, files: list[Path]) -> Reel:
        fitted, config = self.encoder, self.config
        return read_reel(
            files,
            size=None if fitted is None else fitted.shape[:2],
            longest=config.size,
            colour=bool(config.colour) if fitted is None else fitted.shape[2] == 3,
            frames=config.frames if fitted is None else fitted.frames,
            skip=config.skip_broken or (fitted is not None and len(files) > 1),
        )

    def unlabelled(self, source: Any) -> Labelled:
        """As of any medium; of a folder also the folders of pictures that lie in it."""
        if is_folder(source) and not self.named(source):
            own = [one for one in Path(source).iterdir() if _is_clip(one)]
            if own:
                found = self.gather(sorted([*own, *self.inside(Path(source))]))
                return Labelled(found, NOTHING, found.notes)
        return super().unlabelled(source)

    # From rows to numbers.

    def fit(self, x: Reel) -> None:
        self.encoder = ClipEncoder.fit(x, self.config.frames or FRAMES)

    def change(self) -> Change | None:
        return None if self.config.augment is False else moved_clips(self.encoder, self.config.mirror)

    def front(self) -> dict[str, Any]:
        return {"picture": self.encoder.shape, "frame_encoder": self.config.frame_encoder}

    def linear_x(self, encoded: ClipRows) -> np.ndarray:
        """(N, K): the summaries of each clip's frames, made small."""
        tall, wide = (min(SEEN, side) for side in self.encoder.shape[:2])
        small = []
        for at in range(len(encoded)):
            frames = encoded.frames.row(at).permute(0, 3, 1, 2).float() / 255
            small.append(functional.adaptive_avg_pool2d(frames, (tall, wide)).flatten(1).numpy())
        return summaries(small)

    def told(self, parts: dict[str, Any]) -> list[str]:
        tall, wide, channels = self.encoder.shape
        colours = "in colour" if channels == 3 else "in shades of grey"
        return [f"frames of clips are read as {wide} x {tall} pixels {colours}"]

    def hints(self) -> tuple[tuple[str, str], ...]:
        return (
            ("predict {} x.mp4", "what happens in it"),
            ("predict {} FOLDER --out FOUND.csv", "what happens in each clip of a folder"),
            ("evaluate {} FOLDER", "the score on new data"),
        )

    def restore(self, state: dict[str, Any]) -> None:
        self.encoder = ClipEncoder.from_json(state)


def _is_clip(path: Path) -> bool:
    """Whether a folder in another is a clip."""
    return not path.name.startswith(".") and is_frames(path)
