"""One picture from a file: its size looked at before it is decoded, then brought to one size."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import InputError, MissingDependency, reason

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
MOST = 2**26  # pixels of one picture: a small file can claim far more than any memory holds
GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "F")  # modes without colours

# What Pillow raises for files that are cut, or whose headers claim what cannot be.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error)
ORIENTATION = 0x0112  # the tag of EXIF: 5 to 8 are turned by a quarter


@dataclass(frozen=True)
class Header:
    """A picture's pixels from left to right and from top to bottom as it is seen, and whether it may hold colours."""

    wide: int
    tall: int
    colour: bool


def header(path: Path) -> Header:
    """What a file says of itself, nothing decoded. Raises InputError for what is no picture, and one too large."""
    with _opened(path) as picture:
        wide, tall = picture.size[::-1] if _lies(picture) else picture.size
        return Header(wide, tall, picture.mode not in GREY)


def read_picture(path: Path, size: tuple[int, int], colour: bool) -> np.ndarray:
    """(Y, X, C) uint8, C 3 with ``colour``, else 1, scaled to fit into ``size`` (Y, X), the rest black.

    A photograph is turned as its camera was held; what is transparent is white; of 16 bits the upper 8 are kept; of a
    moving picture the first frame. Raises InputError for what is no picture, is damaged or too large.
    """
    from PIL import ImageOps

    with _opened(path) as picture, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is noted beside the pixels, which is not needed
        try:
            # A file that ends early would be read as if the rest were grey.
            picture.load()
            return as_array(ImageOps.exif_transpose(picture), size, colour)
        except DAMAGE as error:
            raise InputError(
                f"{path} is damaged ({reason(error)}): leave it out, or go on without it by --skip-broken"
            ) from None


def as_array(picture: Any, size: tuple[int, int], colour: bool) -> np.ndarray:
    """A picture of Pillow's as ``read_picture`` gives it."""
    from PIL import Image

    if picture.mode.startswith("I"):
        wide = np.asarray(picture).astype(np.float64)
        sixteen = picture.mode != "I" or wide.max(initial=0) > 255
        picture = Image.fromarray((wide / (257 if sixteen else 1)).clip(0, 255).astype(np.uint8))
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    picture = picture.convert("RGB" if colour else "L")
    if picture.size != size[::-1]:
        picture = _padded(picture, size)
    out = np.asarray(picture)
    return out if colour else out[..., None]


def _lies(picture: Any) -> bool:
    """Whether a photograph is yet to be turned by a quarter."""
    if "exif" not in picture.info:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return picture.format != "TIFF" and picture.getexif().get(ORIENTATION) in (5, 6, 7, 8)
    except DAMAGE:
        return False


def _padded(picture: Any, size: tuple[int, int]) -> Any:
    """As ``PIL.ImageOps.pad``, which leaves nothing of a picture that is too thin."""
    from PIL import Image

    tall = min(size[0], max(1, round(picture.height / picture.width * size[1])))
    wide = min(size[1], max(1, round(picture.width / picture.height * size[0])))
    way = Image.Resampling.BOX if _shrinks(picture, size) else Image.Resampling.BICUBIC
    out = Image.new(picture.mode, size[::-1])
    out.paste(picture.resize((wide, tall), way), (round((size[1] - wide) / 2), round((size[0] - tall) / 2)))
    return out


def _shrinks(picture: Any, size: tuple[int, int]) -> bool:
    return picture.size[0] >= size[1] and picture.size[1] >= size[0]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise missing() from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are looked at below
            picture = Image.open(path, formats=FORMATS)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: give the name of a picture") from None
    except UnidentifiedImageError:
        raise InputError(
            f"{path} is no picture that can be read ({', '.join(PICTURES)}): leave it out, or go on without it by "
            "--skip-broken"
        ) from None
    except Image.DecompressionBombError:
        raise InputError(f"{path} claims more than {MOST:,} pixels: {_SMALLER}") from None
    except DAMAGE as error:
        raise InputError(
            f"{path} cannot be read ({reason(error)}): leave it out, or go on without it by --skip-broken"
        ) from None
    with picture:
        wide, tall = picture.size
        if wide * tall > MOST:
            raise InputError(f"{path} claims {wide:,} x {tall:,} pixels, but {MOST:,} are read at most: {_SMALLER}")
        yield picture


_SMALLER = "give it smaller, or go on without it by --skip-broken"


def missing() -> MissingDependency:
    return MissingDependency("pictures are read by Pillow: pip install 'elman[pictures]'")
