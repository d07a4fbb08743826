"""One sound from a file and back: any rate, width and number of channels to one mono wave at one rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.data.files import at_once, is_there, load_bytes
from elman.errors import InputError, MissingDependency

SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
USUAL = 16_000  # samples a second at most, unless asked for: speech has little above half of it
SLOWEST, QUICKEST = 1_000, 768_000  # samples a second that a header may claim
MOST = 2**26  # samples of one sound: 70 minutes at 16 kHz, 256 MiB
BLOCK = 2**20  # samples read at once, of all channels together


def rate_of(paths: Iterable[str | Path]) -> int:
    """The commonest rate of the files, in samples a second, 16,000 at most; read from their headers.

    Raises InputError where no file holds sound, or one cannot be read.
    """
    rates = Counter(found.rate for found in map(header, paths) if found.rate)
    if not rates:
        raise InputError("there is no sound to take a sample rate from: give files that hold some")
    return usual_rate(rates)


def usual_rate(rates: Mapping[int, int]) -> int:
    """The rate that most files have, of ``rates`` with their counts; 16,000 at most."""
    return min(USUAL, max(rates, key=lambda rate: (rates[rate], rate)))


@dataclass(frozen=True)
class Header:
    """A file's samples a second, 0 where it holds none; its channels; whether it holds less than it claims."""

    rate: int = 0
    channels: int = 1
    cut: bool = False


def header(path: str | Path) -> Header:
    """What a file says of itself. Raises InputError where it cannot be read as sound."""
    path = Path(path)
    if is_there(path) and not path.stat().st_size:
        return Header()
    with opened(path) as sound:
        # The library corrects the length of a chunk that ends after the file does, and says so.
        return Header(sound.samplerate if sound.frames else 0, sound.channels, "should be" in sound.extra_info)


def read_sound(path: str | Path, rate: int) -> Tensor:
    """(N,) float32, mono, in -1 .. 1, ``rate`` samples a second.

    Channels are averaged; what is louder than 1 is brought down to it as a whole. Of a file that claims more than it
    holds, what is there is read. Raises InputError for what is no sound, holds none or NaN, or is longer than 2**26
    samples.
    """
    path = Path(path)
    with opened(path) as sound:
        own, parts, count = sound.samplerate, [], 0
        while len(block := sound.read(max(1, BLOCK // sound.channels), dtype="float32", always_2d=True)):
            parts.append(block.mean(axis=1))
            count += len(block)
            if count * max(1, rate / own) > MOST:
                raise InputError(
                    f"{path} has more than {count:,} samples, but {MOST:,} are read of one sound: cut it in pieces"
                )
    if not count:
        claimed = ", though the file has " + f"{path.stat().st_size:,} bytes" if path.stat().st_size > 1000 else ""
        raise InputError(f"{path} holds no samples{claimed}: record it again, or leave it out")
    wave = np.concatenate(parts)
    if not np.isfinite(wave).all():
        at = int(np.flatnonzero(~np.isfinite(wave))[0])
        raise InputError(f"{path} holds NaN or infinity at sample {at:,}: write the file again")
    found = resampled(wave, own, rate)
    if not len(found):
        raise InputError(
            f"{path} holds {count:,} samples at {own:,} a second, which are none at {rate:,}: record it again, or "
            "leave it out"
        )
    return torch.from_numpy(_within(found))


def resampled(wave: np.ndarray, own: int, rate: int) -> np.ndarray:
    """The same sound in other samples a second, band-limited; float32."""
    if own == rate:
        return wave
    try:
        import soxr
    except ImportError:
        raise _missing("sounds of another sample rate are read by soxr") from None
    return soxr.resample(wave, own, rate)


def write_sound(path: str | Path, wave: Tensor, rate: int) -> None:
    """Write a wave (N,) as 16 bits in the format of the path's suffix, one of SOUNDS: at once or not at all."""
    path = Path(path)
    if path.suffix.lower() not in SOUNDS:
        raise InputError(f"{path.name} ends in {path.suffix!r}, but {', '.join(SOUNDS)} can be written: name it so")
    library = require_library()
    wide = {"subtype": "PCM_16"} if path.suffix.lower() in (".wav", ".flac") else {}
    with at_once(path) as staged:
        library.write(staged, wave.detach().cpu().float().clamp(-1, 1).numpy(), rate, **wide)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file, open for reading, with ``samplerate`` and ``channels`` that can be believed; faults as InputError."""
    library = require_library()
    if not is_there(path):
        load_bytes(path, None)  # which says what is there instead
    if not path.stat().st_size:
        raise InputError(f"{path} is empty: record it again, or leave it out")
    try:
        with library.SoundFile(path) as sound:
            if not SLOWEST <= sound.samplerate <= QUICKEST:
                raise InputError(
                    f"{path} claims {sound.samplerate:,} samples a second, but {SLOWEST:,} to {QUICKEST:,} are "
                    "read: write the file again"
                )
            yield sound
    except library.SoundFileError as error:
        why = str(error).rpartition(": ")[2].rstrip(". ")
        raise InputError(
            f"{path} cannot be read as sound ({why}): its content must be that of a {', '.join(SOUNDS[:-1])} or "
            f"{SOUNDS[-1]} file"
        ) from None


def require_library() -> Any:
    """soundfile; MissingDependency without it, which is better said before the work than within it."""
    try:
        import soundfile
    except (ImportError, OSError):  # OSError where its own library of C is absent
        raise _missing("sound is read and written by soundfile") from None
    return soundfile


def _missing(what: str) -> MissingDependency:
    return MissingDependency(f"{what}: pip install 'elman[sound]'")


def _within(wave: np.ndarray) -> np.ndarray:
    """Floats may be louder than 1, and so is what resampling overshoots: brought down, as clipping would distort."""
    peak = float(np.abs(wave).max())
    return np.ascontiguousarray(wave / peak if peak > 1 else wave, np.float32)
