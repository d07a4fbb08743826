"""One answer, taken apart: what each symbol, step, pixel or frame of what was read has of it, drawn and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.evaluate.explanation import NAMED, bars, heat, shaded, signed
from elman.evaluate.report import Facts, Figure, Item, Section, Shaded, Table
from elman.evaluate.style import Plot, canvas, styled
from elman.evaluate.wording import Own, number

MOST_DRAWN = 30  # rows of a heat map
LISTED = 20  # parts in a table
SHOWN = {" ": "␣", "\n": "↵", "\t": "⇥"}
ADDS = "adds to the answer"
MOST_PIECES = 400  # of a text that is shaded

Array = NDArray[np.float64]
Page = tuple[Section, dict[str, Plot], Table]


@dataclass(frozen=True)
class Weighed:
    """An answer, what is weighed of it in words (``about``), and what each of M named parts has of it.

    ``values`` (T, F) are integrated gradients, which add up to ``difference``, the answer less that to nothing;
    ``shares`` (M,) those of each part. ``hidden`` (M,) is what is lost when a part is hidden, ``attention`` (T,) what
    the network looked at, None where it has no attention.
    """

    answer: str
    about: str
    names: Sequence[str]
    values: Array
    shares: Array
    hidden: Array
    difference: float
    points: int
    attention: Array | None = None

    @property
    def labels(self) -> list[str]:
        """The names as they are told apart: with their places, where two are alike; space made visible."""
        shown = [_visible(name) for name in self.names]
        if len(set(shown)) == len(shown):
            return shown
        return [f"{name} ({at})" for at, name in enumerate(shown, 1)]

    @property
    def order(self) -> list[int]:
        """The parts, the heaviest first."""
        return np.argsort(-np.abs(self.shares), kind="stable").tolist()

    @property
    def sentence(self) -> str:
        shares, labels = self.shares, self.labels
        sides = [[at for at in self.order if shares[at] > 0][:NAMED], [at for at in self.order if shares[at] < 0][:2]]
        told = [", ".join(f"{labels[at]} ({shares[at]:+.2g})" for at in side) for side in sides]
        said = (
            f"For {self.answer} speaks most {told[0]}" if told[0] else f"Nothing that was read speaks for {self.answer}"
        )
        return said + (f"; against it {told[1]}" if told[1] else "") + "."

    @property
    def table(self) -> Table:
        shares, labels = self.shares, self.labels
        looked = self.attention is not None and len(self.attention) == len(self.names)
        rows: list[tuple[Any, ...]] = []
        for at in self.order[:LISTED]:
            row = (labels[at], float(shares[at]), float(self.hidden[at]))
            rows.append((*row, float(self.attention[at])) if looked and self.attention is not None else row)
        head = ("part", "integrated gradients", "when hidden", *(["attention"] if looked else []))
        first = f"The first {LISTED} of {len(self.names):,} parts. " if len(self.names) > LISTED else ""
        return Table(head, rows, f"{first}When hidden: what {self.about} loses without the part.")

    @property
    def facts(self) -> dict[str, Any]:
        shares = self.shares
        return {
            "about": self.about,
            "difference": self.difference,
            "total": float(self.values.sum()),
            "points": self.points,
            "parts": [
                {"part": self.names[at], "integrated_gradients": float(shares[at]), "hidden": float(self.hidden[at])}
                for at in range(len(self.names))
            ],
        }

    def page(self, items: Sequence[Item]) -> Section:
        """The section that shows these, with what they add up to."""
        sums = Facts(
            {
                "less than with nothing read" if self.difference < 0 else "more than with nothing read": abs(
                    self.difference
                ),
                "what the parts add up to": float(self.values.sum()),
                "points on the path": self.points,
            }
        )
        said = (
            f"Each part's share of {self.about}, by integrated gradients from an input that says nothing. Blue speaks "
            "for the answer, orange against it."
        )
        return Section(f"One answer: {self.answer}", said, [*items, self.table, sums])


def of_text(weighed: Weighed, apart: str) -> Page:
    """A text, shaded by what each of its pieces says; ``apart`` stands between two."""
    pieces, shares = list(weighed.names)[:MOST_PIECES], weighed.shares.tolist()[:MOST_PIECES]
    items: list[Item] = [*shaded(pieces, shares, apart, weighed.answer)]
    if weighed.attention is not None:
        looked = weighed.attention.tolist()[: len(pieces)]
        items.append(Shaded(pieces, looked, "what attention looks at", apart))
    order = weighed.order[:LISTED]
    plot = bars({weighed.labels[at]: float(weighed.shares[at]) for at in order}, None, ADDS)
    return (
        weighed.page([*items, Figure(plot.svg, "The heaviest pieces.")]),
        {"pieces": plot},
        weighed.table,
    )


def of_steps(weighed: Weighed, values: Array) -> Page:
    """Numbers or a sound: ``values`` (T, M) of its parts, M features, at T steps."""
    order = weighed.order[:MOST_DRAWN]
    steps = np.arange(1, len(values) + 1)
    plots = {
        "features": bars({weighed.names[at]: float(weighed.shares[at]) for at in order}, None, ADDS),
        "steps": heat(
            values.T[order],
            [weighed.names[at] for at in order],
            steps,
            label="step",
            title="By step",
            wide=True,
        ),
    }
    captions = {"features": "By feature.", "steps": "By feature and step."}
    if weighed.attention is not None:
        plots["attention"] = heat(
            weighed.attention, [Own("attention")], steps, label="step", title="Attention", wide=True
        )
        captions["attention"] = "What attention looks at."
    figures = [Figure(plot.svg, captions[name], name != "features") for name, plot in plots.items()]
    return weighed.page(figures), plots, weighed.table


def of_picture(weighed: Weighed, values: Array, hidden: Array, seen: Array) -> Page:
    """A picture (Y, X) in grey, with the values of its pixels, and what hiding patches takes away, over it."""
    plots = {
        "pixels": over(values, seen, "By pixel"),
        "patches": over(hidden, seen, "By patch"),
    }
    figures = [
        Figure(plots["pixels"].svg, "Integrated gradients of each pixel."),
        Figure(plots["patches"].svg, "What is lost when a patch is hidden."),
    ]
    return weighed.page(figures), plots, weighed.table


def of_frames(weighed: Weighed, frames: Array) -> Page:
    """A clip (T, Y, X, C): its frames' shares in the order of time, and where in the picture they come from."""
    shape = frames.shape[1:]
    where = weighed.values.reshape(-1, *shape).sum((0, 3))
    plots = {
        "frames": bars(dict(zip(weighed.names, weighed.shares.tolist(), strict=True)), None, ADDS),
        "pixels": over(where, frames.mean((0, 3)), "By pixel"),
    }
    figures = [
        Figure(plots["frames"].svg, "By frame."),
        Figure(plots["pixels"].svg, "By pixel, added up over the frames, on their mean."),
    ]
    return weighed.page(figures), plots, weighed.table


def of_pairs(effects: Array, read: Sequence[str], written: Sequence[str], about: str) -> tuple[Plot, Figure]:
    """effects (M, N): what each of N that were ``written`` loses when one of M that were ``read`` is hidden."""
    plot = heat(effects.T, written, list(read), upright="written", label="read", title="What each rests on")
    return plot, Figure(plot.svg, f"What {about} loses when a piece that is read is hidden.")


def _visible(name: str) -> str:
    return name if isinstance(name, Own) else name.strip() or "".join(SHOWN.get(c, c) for c in name) or "␣"


@styled()
def over(values: Array, picture: Array, title: str) -> Plot:
    """values (Y, X) in colour over a picture (Y, X) in grey."""
    figure, axes = canvas("")
    shade = picture - picture.min()
    grey = shade / (shade.max() or 1.0)
    axes.imshow(grey, cmap="gray", vmin=-0.6, vmax=1.6, interpolation="nearest")
    axes.imshow(signed(values), interpolation="nearest")
    axes.set_axis_off()
    figure.set_size_inches(440 / 72, 440 / 72 * values.shape[0] / values.shape[1])
    y, x = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    return Plot(figure, title, f"The heaviest place is row {y + 1}, column {x + 1}: {number(float(values[y, x]))}.")
