"""A picture to a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.files import at_once
from elman.data.pictures.reader import missing

WRITTEN = (".png", ".bmp", ".webp", ".gif")


def write_picture(path: Path, pixels: NDArray[Any]) -> None:
    """(Y, X, C) bytes, C 1 or 3, in the format of the path's name (``WRITTEN``), at once or not at all."""
    picture = _picture(pixels)
    with at_once(path) as staged:
        picture.save(staged)


def png(pixels: NDArray[Any]) -> bytes:
    """(Y, X, C) bytes, C 1 or 3, as a PNG file."""
    held = io.BytesIO()
    _picture(pixels).save(held, "PNG")
    return held.getvalue()


def _picture(pixels: NDArray[Any]) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise missing() from None
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))
