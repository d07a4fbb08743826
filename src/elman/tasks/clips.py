"""Clips as a medium: from video files and folders of frames to frames, and what is changed while learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch.nn import functional

from elman.data.clips.reader import CLIPS, is_frames, names_clip
from elman.data.clips.reel import FRAMES, ClipEncoder, ClipRows, Reel, moved_clips, read_reel
from elman.data.folder import files_in, labelled_files, labels_of
from elman.data.labelled import NOTHING, Labelled, Pairs, flat, is_folder, named_alike
from elman.data.sequences import Change
from elman.errors import InputError
from elman.evaluate.linear import summaries
from elman.tasks.media import Medium

SEEN = 8  # pixels of a side of a frame that the linear model sees at most


class Clips(Medium):
    """Clips: video files or folders of frames, in a folder with a subfolder a label, or one by one."""

    kind, what, passes = "clips", "clips", 60.0

    encoder: ClipEncoder

    @classmethod
    def holds(cls, source: Any, config: Any) -> bool:
        if isinstance(source, Pairs):
            return cls.named(source.x)
        return is_folder(source) and bool(files_in(Path(source), CLIPS) or _folders_of_frames(Path(source)))

    @classmethod
    def named(cls, source: Any) -> bool:
        return named_alike(source, lambda name: names_clip(name) or is_frames(Path(name)))

    def read(self, source: Any, label: str | None, number: bool) -> Labelled:
        if isinstance(source, Pairs):
            if not self.named(source.x):
                raise self.refusal(source.x)
            return self._labelled(list(map(Path, source.x)), flat(source.y), ())
        if not is_folder(source):
            raise self.refusal(source)
        folders = _folders_of_frames(Path(source))
        if not folders:
            files, labels, notes = labelled_files(Path(source), CLIPS, self.what)
            return self._labelled(files, np.array(labels), notes)
        labels_of(Path(source), self.what)
        every = sorted([*folders, *(file for file in files_in(Path(source), CLIPS) if file.parent != Path(source))])
        return self._labelled(every, np.array([one.parent.name for one in every]), ())

    def _labelled(self, paths: list[Path], y: np.ndarray, notes: tuple[str, ...]) -> Labelled:
        if len(y) != len(paths):
            raise InputError(f"{len(paths):,} clips have {len(y):,} labels: give one label a clip")
        found = self._reel(paths)
        return Labelled(found, y[found.kept.numpy()], (*notes, *found.notes))

    def _reel(self, paths: list[Path]) -> Reel:
        fitted, config = self.encoder, self.config
        return read_reel(
            paths,
            size=None if fitted is None else fitted.shape[:2],
            longest=config.size,
            colour=bool(config.colour) if fitted is None else fitted.shape[2] == 3,
            frames=config.frames if fitted is None else fitted.frames,
            skip=config.skip_broken,
        )

    def unlabelled(self, source: Any) -> Labelled:
        if self.named(source):
            paths = [Path(source)] if isinstance(source, str | Path) else list(map(Path, source))
        elif is_folder(source):
            own = [one for one in Path(source).iterdir() if is_frames(one)]
            paths = sorted([*files_in(Path(source), CLIPS), *own, *_folders_of_frames(Path(source))])
            if not paths:
                raise InputError(f"{source} holds no clips ({', '.join(CLIPS)}, or folders of pictures): name another")
        else:
            raise self.refusal(source)
        found = self._reel(paths)
        return Labelled(found, NOTHING, found.notes)

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


def _folders_of_frames(folder: Path) -> list[Path]:
    """Folders of pictures that labels' folders hold, each a clip."""
    return sorted(one for one in folder.glob("*/*") if not one.name.startswith(".") and is_frames(one))
