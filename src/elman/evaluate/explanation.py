"""What an answer rests on, drawn: bars with their intervals, heat maps, shaded texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike

from elman.evaluate.alignment import name_steps
from elman.evaluate.report import Figure, Section, Shaded, Table
from elman.evaluate.style import INK, RULE, SERIES, Plot, canvas, clean, name_axes, name_ticks, numbers, styled, times
from elman.evaluate.wording import number

MOST_BARS = 20
NAMED = 4  # drivers in a sentence
UNITS = 20  # in a table
BLANK = "␣"
FOR, AGAINST = SERIES[0], SERIES[1]


@styled()
def bars(
    values: Mapping[str, float],
    between: Mapping[str, tuple[float, float]] | None = None,
    label: str = "",
    title: str = "What matters",
) -> Plot:
    """A bar for each named value, the first on top, of those below 0 in another colour; ``between``: its interval."""
    shown = dict(list(values.items())[:MOST_BARS])
    figure, axes = canvas("")
    names = list(shown)
    at, lengths = np.arange(len(names)), np.array([shown[name] for name in names])
    axes.barh(at, lengths, height=0.62, color=[FOR if value >= 0 else AGAINST for value in lengths], alpha=0.75)
    for place, name in enumerate(names):
        if between is not None and np.isfinite(between[name]).all():
            axes.plot(between[name], [place, place], color=INK, linewidth=1.4)
    axes.axvline(0, color=RULE, linewidth=0.9)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    name_ticks(axes.yaxis, range(len(names)), [clean(name, 34) for name in names])
    figure.set_size_inches(440 / 72, (90 + 21 * len(names)) / 72)
    numbers(axes.xaxis, 5)
    name_axes(axes, along=label)
    said = "; ".join(f"{clean(name, 40)} {number(value)}" for name, value in shown.items())
    return Plot(figure, title, f"The bars, from the top: {said}.")


@styled()
def heat(
    values: ArrayLike,
    names: Sequence[str],
    along: Sequence[str] | ArrayLike,
    *,
    upright: str = "",
    label: str = "",
    title: str = "Where it comes from",
    wide: bool = False,
) -> Plot:
    """values (N, M), of N named rows from the top at M places: those above 0 in one colour, those below in another.

    ``along`` names the places, or is where they lie: numbers or times (M,). Of values that are NaN nothing is drawn.
    """
    shown = np.nan_to_num(np.atleast_2d(np.asarray(values, np.float64)))
    N, M = shown.shape
    figure, axes = canvas(upright, wide=wide)
    place = np.asarray(along)
    named = place.dtype.kind not in "iufM"
    reach = (-0.5, M - 0.5)
    if not named:
        first, last = (float(end) for end in _days(place)[[0, -1]])
        half = (last - first) / max(1, M - 1) / 2 or 0.5
        reach = (first - half, last + half)
    axes.imshow(signed(shown), aspect="auto", interpolation="nearest", extent=(*reach, N - 0.5, -0.5))
    axes.grid(False)
    figure.set_size_inches((920 if wide else 440) / 72, (120 + min(300, 22 * N)) / 72)
    name_steps(axes.yaxis, names, 250, 30)
    if named:
        name_steps(axes.xaxis, list(place), 330, rotation=60, ha="right", rotation_mode="anchor")
    else:
        times(axes, place.dtype.kind == "M", 9 if wide else 5)
    name_axes(axes, along=label)
    heaviest = np.abs(shown).argmax(1)
    said = "; ".join(
        f"{clean(name, 30) or BLANK}: {number(float(shown[row, at]))} at {_shown(place[at])}"
        for row, (name, at) in enumerate(zip(names, heaviest, strict=True))
    )
    return Plot(figure, title, f"The heaviest place of each: {said}.")


def signed(values: ArrayLike) -> np.ndarray:
    """(..., 4) colours of values: opacity is size, so that a figure stands on light pages and on dark ones."""
    shown = np.asarray(values, np.float64)
    heaviest = float(np.abs(shown).max(initial=0)) or 1.0
    colours = np.empty((*shown.shape, 4))
    colours[..., :3] = np.where((shown >= 0)[..., None], to_rgb(FOR), to_rgb(AGAINST))
    colours[..., 3] = np.abs(shown) / heaviest
    return colours


def shaded(pieces: Sequence[str], weights: Sequence[float], apart: str, caption: str) -> list[Shaded]:
    """A text twice: its pieces that speak for something, and those that speak against it, shaded on one scale."""
    heaviest = max(map(abs, weights), default=0.0)
    sides = {"for": [max(0.0, weight) for weight in weights], "against": [max(0.0, -weight) for weight in weights]}
    return [
        Shaded(pieces, side, f"{caption}: what speaks {way} it", apart, heaviest)
        for way, side in sides.items()
        if any(side)
    ]


@dataclass(frozen=True)
class Drivers:
    """What answers rest on: how much the error rises when each part is shuffled, as a share of it, with its interval.

    ``shares`` are (rise, at least, at most) by the part's name, the largest first.
    """

    shares: Mapping[str, tuple[float, float, float]]

    def sentence(self, answers: str) -> str:
        """What the ``answers`` rest on most: the first parts that matter beyond chance, and by how much."""
        parts = [(name, _rise(rise)) for name, (rise, low, _) in self.shares.items() if low > 0][:NAMED]
        if not parts:
            return f"{answers} rest on no single part: shuffling none raises the error beyond chance."
        (first, rise), *others = parts
        listed = [f"{first} (error {rise} when shuffled)", *(f"{name} ({rise})" for name, rise in others)]
        return f"{answers} rest most on {', '.join(listed)}."

    @property
    def plot(self) -> Plot:
        return bars(
            {name: 100 * rise for name, (rise, _, _) in self.shares.items()},
            {name: (100 * low, 100 * high) for name, (_, low, high) in self.shares.items()},
            "the error rises by so many percent",
            "What the answers rest on",
        )

    @property
    def table(self) -> Table:
        rows = [
            (name, *np.round([100 * rise, 100 * low, 100 * high], 1).tolist())
            for name, (rise, low, high) in self.shares.items()
        ]
        head = ("shuffled", "error rises by, %", "at least", "at most")
        return Table(head, rows, "The lines in the figure are these 95 % intervals.")

    def page(self, plot: Plot) -> Section:
        said = (
            "Each part of what is read is exchanged between the rows, and the error rises by the share that the "
            "answers owe to it. Two parts that say the same can stand in for each other, and look needless both."
        )
        figure = Figure(plot.svg, "Permutation importance: the rise of the mean error.")
        return Section("What the answers rest on", said, [figure, self.table])


def following(rows: Sequence[tuple[int, str, float, float]], where: str) -> Section:
    """Units, what each follows, the correlation, and the largest that chance explains; ``where`` says what is read."""
    if not rows:
        return Section("What single units follow", f"{where} No unit follows anything beyond chance.")
    table = Table(
        ("unit", "follows", "correlation", "by chance at most"),
        [(str(unit), signal, correlation, chance) for unit, signal, correlation, chance in rows[:UNITS]],
        f"{len(rows):,} units follow something beyond chance" + (", the first of them:" if rows[UNITS:] else "."),
    )
    return Section("What single units follow", where, [table])


def moving(units: Sequence[tuple[int, Sequence[tuple[str, float]]]], where: str) -> Section:
    """Units with the symbols that move each most, and by how much; ``where`` says what was read."""
    if not units:
        return Section("What moves single units", f"{where} No symbol moves a unit beyond chance.")
    rows = [
        (str(unit), ", ".join(f"{symbol.strip() or '␣'} ({move:+.2f})" for symbol, move in symbols))
        for unit, symbols in units[:UNITS]
    ]
    caption = f"{len(units):,} units are moved beyond chance" + (", the first of them:" if units[UNITS:] else ".")
    return Section("What moves single units", where, [Table(("unit", "is moved by"), rows, caption)])


def _rise(share: float) -> str:
    shown = f"{100 * abs(share):.1g}" if abs(share) < 0.01 else number(round(100 * abs(share)))
    return f"{'+' if share >= 0 else '−'}{shown} %"


def _shown(place: Any) -> str:
    """A place along a heat map: of times the day, and the minute where there is one."""
    if not isinstance(place, np.datetime64):
        return clean(str(place), 30) or BLANK
    return f"{place.astype('datetime64[us]').item():%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def _days(place: np.ndarray) -> np.ndarray:
    """Where matplotlib puts these: of times the days since 1970."""
    if place.dtype.kind != "M":
        return place.astype(np.float64)
    return place.astype("datetime64[us]").astype(np.int64) / 86_400e6
