"""Pictures side by side in one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.evaluate.style import WIDTH, Plot, canvas, styled

GAP = 1  # pixels between two


def montage(pictures: NDArray[Any], columns: int | None = None) -> NDArray[np.uint8]:
    """(N, Y, X, C) bytes in rows of ``columns`` (about as many as there are rows): one picture, grey between them."""
    count, tall, wide, channels = pictures.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    out = np.full((rows * (tall + GAP) - GAP, columns * (wide + GAP) - GAP, channels), 128, np.uint8)
    for at, one in enumerate(pictures):
        y, x = at // columns * (tall + GAP), at % columns * (wide + GAP)
        out[y : y + tall, x : x + wide] = one
    return out


@styled()
def grid_plot(pictures: NDArray[Any], caption: str) -> Plot:
    """The montage as a figure."""
    whole = montage(pictures, min(len(pictures), 8))
    figure, axes = canvas("")
    axes.imshow(whole.repeat(3, -1) if whole.shape[-1] == 1 else whole, interpolation="nearest")
    axes.set_axis_off()
    figure.set_size_inches(WIDTH, WIDTH * whole.shape[0] / whole.shape[1])
    return Plot(figure, caption, f"{len(pictures)} pictures: {caption}")
