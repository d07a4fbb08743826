"""The house style of figures: colours, axes, names at the ends of lines, and one clean SVG out of matplotlib.

Colours are CSS variables (--plot-ink, --plot-strong, --plot-rule, --plot-1 ...) with fallbacks legible on
white and on black, so that a page may set its own; the series are Okabe & Ito's, which every common kind of
colour vision tells apart. The same figure gives the same bytes.
"""

import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from elman.evaluate.wording import Own

INK, STRONG, RULE = "#74777c", "#6b6e74", "#a3a6ab"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # the first is the model's
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
VARIABLES = {INK: "ink", STRONG: "strong", RULE: "rule"} | {c: str(i) for i, c in enumerate(SERIES, 1)}
SMALL = 10.5
WIDTH, WIDE = 400 / 72, 920 / 72  # inches: on a phone the first fits with its words legible, the second scrolls
GIVEN = "given"  # the group id of a text that is the data's: in the SVG a class, by which its language is left alone
TAG = re.compile(r"<[^>]*>")
POINTER = re.compile(r'(?:url\(|href=")#([\w-]+)')
MATPLOTLIB: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # wider than the fonts of a page, so that what fits here fits there
    "font.size": SMALL,
    "text.color": INK,
    "text.parse_math": False,  # a column may be called cost_$ or $x$
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.labelsize": SMALL,
    "axes.titlecolor": INK,
    "axes.titlesize": SMALL,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.7,
    "xtick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.handlelength": 1.3,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.1,
    "legend.borderaxespad": 0,
    "legend.borderpad": 0,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "elman",
}


@contextmanager
def styled() -> Iterator[None]:
    """matplotlib's settings are the house's inside, and what they were outside."""
    with warnings.catch_warnings(), matplotlib.rc_context(MATPLOTLIB):
        # A script that the measuring font lacks is still written as text, which the reader's fonts will have.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


@dataclass(frozen=True)
class Plot:
    """A matplotlib figure, with the title and the description for a reader who cannot see it."""

    figure: Figure
    title: str
    description: str

    @cached_property
    def svg(self) -> str:
        """One <svg> element, to stand in HTML or alone in a file."""
        sink = StringIO()
        with styled():
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self.figure.savefig(sink, format="svg", metadata=nothing)
        return _tidy(sink.getvalue(), clean(self.title, 200), clean(self.description, 1000))


def save_png(plot: Plot, path: str | Path, dpi: int = 200) -> Path:
    """Writes the plot as a PNG with a transparent ground, and gives its path."""
    with styled():
        plot.figure.savefig(path, format="png", dpi=dpi, metadata={"Software": None})
    return Path(path)


def canvas(label: str, wide: bool = False) -> tuple[Figure, Axes]:
    """A figure of one pair of axes, with the name of the upright one above it."""
    figure = Figure(figsize=(WIDE if wide else WIDTH, 270 / 72), layout="constrained")
    axes = figure.add_subplot()
    name_axes(axes, label)
    numbers(axes.yaxis, 5)
    return figure, axes


def name_axes(axes: Axes, upright: str = "", along: str = "") -> None:
    """Names the upright axis above the plot, where it can be read, and the other one below."""
    if upright:
        axes.set_title(clean(upright, 36), loc="left", pad=6)
    if along:
        axes.set_xlabel(clean(along, 60))


def numbers(axis: Axis, ticks: int, whole: bool = False) -> None:
    """Round numbers along an axis, about so many."""
    axis.set_major_locator(MaxNLocator(ticks, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(tick))


def times(axes: Axes, dates: bool, ticks: int) -> None:
    """Dates, or whole numbers, along the bottom."""
    if dates:
        locator = AutoDateLocator(minticks=3, maxticks=ticks)
        form = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"]
        offset = ["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(
            ConciseDateFormatter(locator, formats=form, zero_formats=["", *form[:-1]], offset_formats=offset)
        )
    else:
        numbers(axes.xaxis, ticks, whole=True)
    axes.margins(x=0.02)


def name_ends(axes: Axes, ends: Sequence[tuple[float, str, str]], given: bool = False, line: float = 0.065) -> None:
    """Writes (value, name, colour) at the right end of the lines, apart where two names would meet.

    given: the names are the data's, not the report's own; line: the share of the height that one takes.
    """
    axes.get_ylim()  # asked for, the limits are brought up to date with what was drawn
    with_height = []
    for value, name, color in sorted(ends):
        text = textwrap.fill(clean(name, 48), 17)
        at = axes.transAxes.inverted().transform(axes.transData.transform((0, value)))[1]
        with_height.append((at, line * (text.count("\n") + 1), text, color))
    floor, centers = -0.03, []
    for at, height, _, _ in with_height:
        centers.append(max(at, floor + height / 2))
        floor = centers[-1] + height / 2
    ceiling = 1.03
    for place in reversed(range(len(centers))):
        height = with_height[place][1]
        centers[place] = min(centers[place], ceiling - height / 2)
        ceiling = centers[place] - height / 2
    for center, (_, _, text, color) in zip(centers, with_height, strict=True):
        axes.text(1.02, center, text, color=color, transform=axes.transAxes, va="center", gid=GIVEN if given else None)


def name_ticks(axis: Axis, places: Sequence[int], names: Sequence[str], **look: Any) -> None:
    """Names along an axis: the data's, but for those that are ``Own``."""
    axis.set_ticks(places, names, **look)
    for label, name in zip(axis.get_ticklabels(), names, strict=True):
        label.set_gid(None if isinstance(name, Own) else GIVEN)


def tick(value: float, _position: int | None = None) -> str:
    """A number beside an axis, short: 0.05, 1,500, 2.5M."""
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if size <= abs(value) < 1e15:
            return f"{value / size:,.6g}{suffix}".replace("-", "−")
    return f"{value:,.6g}".replace("-", "−")


def clean(text: str, length: int) -> str:
    """Text as SVG can hold it: without control characters, and cut to a length.

    Of an ``Own`` name of two parts it is the first that is cut: "temperat…, last day".
    """
    plain = "".join(c if c.isprintable() else " " for c in str(text)).strip()
    end = plain[plain.rfind(", ") :] if isinstance(text, Own) and ", " in plain else ""
    if len(plain) > length:
        plain = plain[: max(0, length - 1 - len(end))].rstrip() + "…" + end
    return Own(plain) if isinstance(text, Own) else plain


def _tidy(svg: str, title: str, description: str) -> str:
    """matplotlib's SVG, fit to stand in a page beside others: no shared names, no page-wide rules."""
    head, body = svg[svg.index("<svg") :].split(">", 1)
    size = np.array(re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)[0], np.float64).round().astype(int)
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r"\s*\n\s*", "\n", TAG.sub(_plain_tag, body)).replace("<defs>\n</defs>\n", "").strip()
    own = "p" + sha256((title + description + body).encode()).hexdigest()[:8]
    used = sorted({name for tag in TAG.findall(body) for name in POINTER.findall(tag)})
    names = {name: f"{own}{place}" for place, name in enumerate(used)}

    def renamed(tag: re.Match[str]) -> str:
        text = tag[0].replace(f' id="{GIVEN}"', f' class="{GIVEN}"')
        text = re.sub(r' id="([^"]+)"', lambda m: f' id="{names[m[1]]}"' if m[1] in names else "", text)
        return POINTER.sub(lambda m: m[0].replace(m[1], names[m[1]]), text)

    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}" stroke-linejoin="round" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif" '
        f'role="img" aria-labelledby="{own}t {own}d">\n'
        f'<title id="{own}t">{escape(title)}</title>\n<desc id="{own}d">{escape(description)}</desc>\n'
        f"{TAG.sub(renamed, body)}\n"
    )


def _plain_tag(found: re.Match[str]) -> str:
    """One tag without fonts and turns by nothing, its numbers to two places, its colours as variables."""
    tag = re.sub(r"font-family: [^;\"]*;? ?| transform=\"rotate\(-0 [^\"]*\)\"", "", found[0])
    tag = re.sub(r"\s*\n\s*", " ", tag).replace(' "', '"')
    tag = re.sub(r' (d|x|y|transform)="[^"]*"', lambda m: re.sub(r"\d+\.\d{3,}", _two_places, m[0]), tag)
    for color, name in VARIABLES.items():
        tag = re.sub(rf"(fill|stroke): {color}", rf"\1: var(--plot-{name}, {color})", tag)
    return tag


def _two_places(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
