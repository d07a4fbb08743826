"""The figure of attention: which steps of one sequence belong to which of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike

from elman.evaluate.report import Figure, Section
from elman.evaluate.style import SERIES, WIDTH, Plot, canvas, clean, name_axes, name_ticks, numbers, styled
from elman.evaluate.wording import number

MOST_NAMED = 40  # steps whose names are legible beside each other; of more, some are named
LARGEST, SMALLEST = 10.5, 7.0  # points


@dataclass(frozen=True)
class Attention:
    """What each of T written symbols, the end the last, attended to of S read ones: weights (T, S)."""

    weights: ArrayLike
    read: Sequence[str]
    written: Sequence[str]


def attention_page(attended: Sequence[Attention]) -> tuple[Section, ...]:
    """A section that draws them; none of none."""
    plots = [alignment(one.weights, one.written, along=one.read, upright="written", label="read") for one in attended]
    said = "Which symbols of the source each written one was made from."
    return (Section("Attention", said, [Figure(plot.svg) for plot in plots]),) if plots else ()


@styled()
def alignment(
    weights: ArrayLike,
    names: Sequence[str],
    *,
    along: Sequence[str] | float,
    upright: str = "",
    label: str = "",
    title: str = "Alignment",
) -> Plot:
    """weights (N, M), none negative: how much each of N named steps, from the top, has of each of M steps.

    ``along`` names the M steps too, or says how far they reach, in what ``label`` names.
    Raises ValueError where a side has no steps.
    """
    shown = np.atleast_2d(np.asarray(weights, np.float64))
    heaviest = float(shown.max(initial=0)) or 1.0
    N, M = shown.shape
    if not N * M:
        raise ValueError(f"weights are {N} by {M}, but there must be steps on both sides: give some")
    figure, axes = canvas(upright)
    # Shade is opacity, so that the figure stands on light pages and on dark ones.
    shades = np.empty((N, M, 4))
    shades[..., :3], shades[..., 3] = to_rgb(SERIES[0]), shown / heaviest
    reach = (0.0, float(along)) if isinstance(along, float | int) else (-0.5, M - 0.5)
    axes.imshow(shades, aspect="auto", interpolation="nearest", extent=(*reach, N - 0.5, -0.5))
    axes.grid(False)
    figure.set_size_inches(WIDTH, (120 + min(300, 16 * N)) / 72)
    name_steps(axes.yaxis, names, 250)
    if isinstance(along, float | int):
        numbers(axes.xaxis, 6)
        firsts = [f"{number((at + 0.5) * along / M, 2)}" for at in shown.argmax(1)]
    else:
        long = sum(len(clean(name, 12)) for name in along) > 45
        turned: dict[str, Any] = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if long else {}
        name_steps(axes.xaxis, along, 330, **turned)
        firsts = [_shown(along[at]) for at in shown.argmax(1)]
    name_axes(axes, along=label)
    pairs = "; ".join(f"{_shown(name)} – {first}" for name, first in zip(names, firsts, strict=True))
    return Plot(figure, title, f"The heaviest step of each: {pairs}.")


def name_steps(axis: Axis, names: Sequence[str], room: float, length: int = 12, **turned: Any) -> None:
    """Names the steps along an axis with ``room`` points, each cut to a length; of too many some."""
    every = -(-len(names) // MOST_NAMED) or 1
    shown = [_shown(name, length) for name in names[::every]]
    size = min(LARGEST, max(SMALLEST, room / max(1, len(shown))))
    name_ticks(axis, range(0, len(names), every), shown, fontsize=size, **turned)


def _shown(name: str, length: int = 12) -> str:
    return clean(name, length) or "␣"
