"""Sounds and pictures as they come and go: base64, a file of a folder that is gone afterwards, WAV and PNG."""

from __future__ import annotations

import base64
import binascii
import io
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.pictures.reader import header
from elman.data.pictures.writer import png
from elman.data.sound.reader import opened
from elman.errors import InputError

LARGEST = 2**24  # pixels of a picture: a file of a few bytes may claim far more


@dataclass(frozen=True)
class Medium:
    """``name`` in a request, what its files begin with and are called, and the steps that a model reads of one."""

    name: str
    begins: dict[bytes, str]
    need: str
    steps: Callable[[Path, Any], int]


def _sound_steps(path: Path, task: Any) -> int:
    with opened(path) as sound:
        return int(sound.frames / sound.samplerate / task.encoder_.hop) + 1


def _picture_steps(path: Path, task: Any) -> int:
    seen = header(path)
    if seen.wide * seen.tall > LARGEST:
        raise InputError(
            f"the picture has {seen.wide:,} x {seen.tall:,} pixels, but {LARGEST:,} are read: send it smaller"
        )
    return int(task.encoder_.steps)


SOUND = Medium("sound", {b"RIFF": ".wav"}, "a WAV file", _sound_steps)
PICTURE = Medium("picture", {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg"}, "a PNG or JPEG file", _picture_steps)


def decoded(text: str, medium: Medium) -> bytes:
    """The bytes of a file. Raises InputError for what is no base64 and no such file."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"the {medium.name} is no base64: send {medium.need}'s bytes in base64") from None
    if not raw.startswith(tuple(medium.begins)):
        raise InputError(f"the {medium.name} is not {medium.need}, which is what is read: send one")
    return raw


@contextmanager
def written(files: Sequence[bytes], medium: Medium) -> Iterator[list[Path]]:
    """Files of these contents, while they are read; what is said of their paths is said of the medium."""
    with tempfile.TemporaryDirectory(prefix="elman-") as folder:
        paths = []
        for at, raw in enumerate(files):
            suffix = next(suffix for begin, suffix in medium.begins.items() if raw.startswith(begin))
            path = Path(folder) / str(at) / f"{medium.name}{suffix}"
            path.parent.mkdir()
            path.write_bytes(raw)
            paths.append(path)
        try:
            yield paths
        except InputError as error:
            told = str(error)
            for path in paths:
                told = told.replace(str(path), f"the {medium.name}").replace(path.name, f"the {medium.name}")
            raise InputError(told) from None


def as_wav(samples: np.ndarray, rate: int) -> str:
    """Samples (N,) in -1 .. 1 as a WAV file of 16 bits, in base64."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
    return base64.b64encode(held.getvalue()).decode()


def as_png(pixels: np.ndarray) -> str:
    return base64.b64encode(png(pixels)).decode()
