"""One clip: frames of a video file, or of a folder of pictures, evenly spaced, each brought to one size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.folder import files_in
from elman.data.pictures.reader import MOST, PICTURES, as_array, header, read_picture
from elman.errors import InputError, MissingDependency

CLIPS = (".mp4", ".avi", ".webm", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg")
MOST_FRAMES = 100_000  # decoded of one clip
_OTHERWISE = "leave it out, or go on without it by --skip-broken"


def is_frames(path: Path) -> bool:
    """Whether a folder is one clip: it holds pictures, and no folders."""
    return path.is_dir() and bool(frames_in(path)) and not any(one.is_dir() for one in path.iterdir())


def frames_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of the numbers in their names: 2 before 10."""
    files = [path for path in files_in(folder, PICTURES) if path.parent == folder]
    return sorted(files, key=lambda path: [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", path.name)])


def clip_size(path: Path) -> tuple[int, int]:
    """(Y, X) of a clip's frames as they are. Raises InputError for what cannot be read."""
    if path.is_dir():
        first = header(frames_in(path)[0])
        return first.tall, first.wide
    with _opened(path) as (_, stream):
        return int(stream.height), int(stream.width)


def read_clip(path: Path, size: tuple[int, int], colour: bool, frames: int) -> np.ndarray:
    """(T, Y, X, C) uint8: up to ``frames`` of a clip, evenly spaced in it, each as ``read_picture`` gives a picture.

    A clip has one frame at least; of one that breaks off, what can be decoded is read. Raises InputError for what is
    no clip, holds no frame, or has frames too large.
    """
    if path.is_dir():
        files = frames_in(path)
        return np.stack([read_picture(files[at], size, colour) for at in spaced(len(files), frames)])
    found: list[np.ndarray] = []
    stride = 1
    with _opened(path) as (container, stream):
        # How many frames there are is often not known before the end: every stride-th is kept, and the stride doubled
        # when these become twice too many.
        for at, frame in enumerate(_decoded(container, stream)):
            if at >= MOST_FRAMES:
                break
            if at % stride:
                continue
            found.append(as_array(frame.to_image(), size, colour))
            if len(found) == 4 * frames:
                found, stride = found[::2], 2 * stride
    if not found:
        raise InputError(f"{path} holds no frame that can be decoded: {_OTHERWISE}")
    return np.stack([found[at] for at in spaced(len(found), frames)])


def spaced(count: int, most: int) -> list[int]:
    """Numbers of up to ``most`` of ``count`` frames, each in the middle of an equal part."""
    return list(range(count)) if count <= most else [int((at + 0.5) * count / most) for at in range(most)]


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Frames until the end, or until what cannot be decoded."""
    import av

    try:
        yield from container.decode(stream)
    except (av.error.FFmpegError, EOFError):
        return


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    try:
        import av
    except ImportError:
        raise MissingDependency("clips are read by PyAV: pip install 'elman[video]'") from None
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: give the name of a clip") from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} is no clip that can be read ({reason}): {_OTHERWISE}") from None
    with container:
        if not container.streams.video:
            raise InputError(f"{path} holds no pictures, only other streams: {_OTHERWISE}")
        stream = container.streams.video[0]
        if stream.codec_context is None or not stream.height or not stream.width:
            raise InputError(f"{path} holds pictures in a way that cannot be read: {_OTHERWISE}")
        if stream.height * stream.width > MOST:
            raise InputError(
                f"{path} claims frames of {stream.width:,} x {stream.height:,} pixels, but {MOST:,} are read at most: "
                f"{_OTHERWISE}"
            )
        yield container, stream
