"""The report: one self-contained HTML file of a verdict and sections of tables, figures, facts and text.

It knows no task: whoever writes a report brings the words and the numbers. The file asks for nothing from
outside and runs no script; every text is escaped, and every SVG is looked through before it is let in.
"""

import wave
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import groupby
from math import inf, nan
from numbers import Integral, Real
from pathlib import Path
from typing import Literal, TypeGuard

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from elman.errors import InputError
from elman.evaluate import chinese, wording

Lang = Literal["en", "zh"]
Cell = str | float | Integral | None
SHADES, DARKEST = 10, 50  # steps of shade, and percent of colour in the last: text stays legible on it
DRAWN = {"svg", "g", "defs", "title", "desc", "use", "symbol", "marker", "clipPath", "linearGradient", "stop"}
DRAWN |= {"path", "rect", "line", "circle", "ellipse", "polyline", "polygon", "text", "tspan", "image"}


@dataclass(frozen=True)
class Text:
    """Paragraphs, parted by empty lines."""

    text: str

    @property
    def paragraphs(self) -> list[str]:
        return [part.strip() for part in self.text.split("\n\n") if part.strip()]


@dataclass(frozen=True)
class Facts:
    """Names and their values, where no comparison is meant: the settings, the data, the machine."""

    facts: Mapping[str, object]

    @property
    def written(self) -> list[tuple[str, str]]:
        return [(name, _written(value)) for name, value in self.facts.items()]


@dataclass(frozen=True)
class Table:
    """Rows under named columns, the first cell of each naming its row; highlight: the row (from 0) to see.

    own_names: whether the rows' names are the report's own words, as those of baselines are, and not the data's; of
    single cells ``wording.Own`` says so.
    Numbers of a column are written with the same decimals; None and NaN as a dash. Raises InputError for
    a row whose cells are not as many as the columns, and for a highlight that is no row.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    highlight: int | None = None
    own_names: bool = False

    def __post_init__(self) -> None:
        for place, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise InputError(f"row {place} has {len(row)} cells: give {len(self.columns)}, one a column")
        if self.highlight is not None and not 0 <= self.highlight < len(self.rows):
            raise InputError(f"highlight is {self.highlight}: the table has rows 0 to {len(self.rows) - 1}")

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers alone, and so stand right."""
        present = [[cell for cell in cells if cell is not None] for cells in self._cells()]
        return [bool(cells) and all(map(_is_number, cells)) for cells in present]

    @property
    def written(self) -> list[tuple[str, ...]]:
        """The cells as text: ``Given``, but for the report's own words."""
        columns = [
            wording.column([nan if cell is None else cell for cell in cells])  # type: ignore[misc]
            if numbers
            else [_written(cell, own=self.own_names and not place) for cell in cells]
            for place, (cells, numbers) in enumerate(zip(self._cells(), self.numeric, strict=True))
        ]
        return list(zip(*columns, strict=True))

    def _cells(self) -> list[list[Cell]]:
        return [[row[place] for row in self.rows] for place in range(len(self.columns))]


@dataclass(frozen=True)
class Figure:
    """One SVG with its caption; wide: a row to itself, where figures beside each other share one.

    Raises InputError when svg is not one well-formed <svg> element of shapes and text that stands alone.
    """

    svg: str
    caption: str = ""
    wide: bool = False

    def __post_init__(self) -> None:
        _look_through(self.svg)

    @property
    def markup(self) -> Markup:
        return Markup(self.svg)  # looked through when the figure was made


@dataclass(frozen=True)
class Verbatim:
    """Text with its own spaces and lines: what a model has written."""

    text: str
    caption: str = ""


@dataclass(frozen=True)
class Shaded:
    """A text in pieces, each shaded by its weight, from 0 up; the heaviest is shaded most.

    darkest: the weight that is shaded most, where texts are to be compared. apart: what stands between two pieces, a
    space between words and nothing between characters. Raises InputError where pieces and weights are not as many, or a
    weight is below 0, NaN or infinite.
    """

    pieces: Sequence[str]
    weights: Sequence[float]
    caption: str = ""
    apart: str = " "
    darkest: float | None = None

    def __post_init__(self) -> None:
        if len(self.pieces) != len(self.weights):
            raise InputError(f"{len(self.pieces)} pieces have {len(self.weights)} weights: give one each")
        if bad := [weight for weight in self.weights if not 0 <= weight < inf]:
            raise InputError(f"a weight is {bad[0]}: a number from 0 up is needed")

    @property
    def shades(self) -> list[tuple[str, int]]:
        """Each piece with its shade in percent: neighbours of the same are joined, so that a page stays small."""
        heaviest = self.darkest or max(self.weights, default=0.0) or 1.0
        steps = [round(SHADES * min(1.0, float(weight) / heaviest)) for weight in self.weights]
        runs = [
            (step, [piece for _, piece in run])
            for step, run in groupby(zip(steps, self.pieces, strict=True), lambda pair: pair[0])
        ]
        return [(self.apart.join(pieces), step * DARKEST // SHADES) for step, pieces in runs]


@dataclass(frozen=True)
class Sound:
    """A wave (N,) in -1 .. 1, ``rate`` samples a second, to be heard; it is part of the page as 16 bits."""

    wave: ArrayLike
    rate: int
    caption: str = ""

    @property
    def uri(self) -> str:
        samples = (32767 * np.clip(np.asarray(self.wave, np.float64), -1, 1)).round().astype("<i2")
        sink = BytesIO()
        with wave.open(sink, "wb") as file:
            file.setparams((1, 2, self.rate, len(samples), "NONE", "not compressed"))
            file.writeframes(samples.tobytes())
        return f"data:audio/wav;base64,{b64encode(sink.getvalue()).decode()}"


Item = Table | Figure | Facts | Text | Verbatim | Shaded | Sound


@dataclass(frozen=True)
class Section:
    """A heading, a sentence or two, and what they are about."""

    title: str
    intro: str = ""
    items: Sequence[Item] = ()

    @property
    def blocks(self) -> list[tuple[str, list[Item]]]:
        """Successive items of a kind together, so that figures can share a row."""
        return [(kind, list(items)) for kind, items in groupby(self.items, lambda item: type(item).__name__)]


@dataclass(frozen=True)
class Report:
    """A page: title, subtitle, verdict (good: True, False, or None for neither), sections, footer."""

    title: str
    subtitle: str = ""
    verdict: str = ""
    good: bool | None = None
    sections: Sequence[Section] = ()
    footer: str = ""

    def render(self, lang: Lang = "en") -> str:
        """The whole HTML document; in Chinese its own words are looked up, and what is the data's stays as it is."""
        if lang == "en":
            return _template().render(report=self, lang="en", said=_as_it_is, drawn=_as_it_is)
        return _template().render(
            report=self, lang="zh-CN", said=chinese.said, drawn=lambda svg: Markup(chinese.drawn(svg))
        )


def evenly(rows: int, most: int) -> range:
    """The numbers of at most so many rows, evenly spaced."""
    return range(0, rows, max(1, rows // most))[:most]


@cache
def _template() -> jinja2.Template:
    house = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return house.get_template("report.html.j2")


def _as_it_is(text: str, section: str = "") -> str:
    return text


def _is_number(cell: object) -> TypeGuard[float]:
    return isinstance(cell, Real) and not isinstance(cell, bool)


def _written(cell: object, own: bool = False) -> str:
    """A cell as text, ``Given`` where it is neither the report's ``own`` nor a number."""
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if _is_number(cell):
        return wording.number(cell)
    return str(cell) if own or isinstance(cell, wording.Own) else wording.Given(cell)


def _look_through(svg: str) -> None:
    """Refuses what an SVG could do beyond being drawn: run, load, or end the element it stands in."""
    try:
        root = ET.fromstring(svg)
    except ET.ParseError as error:
        raise InputError(f"a figure is not well-formed SVG ({error}): give one whole <svg> element") from None
    if "<!" in svg or "<?" in svg or not svg.startswith("<svg"):
        raise InputError("a figure holds more than one <svg> element: leave out prolog, doctype, comments")
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        if name not in DRAWN:
            raise InputError(f"a figure holds <{name}>: only shapes and text can stand in a report")
        for key, value in element.attrib.items():
            key, value = key.rpartition("}")[2].lower(), value.strip()
            outside = key == "href" and not value.startswith(("#", "data:image/png;base64,"))
            if key.startswith("on") or outside or "url(" in value.replace("url(#", ""):
                raise InputError(f"a figure holds {key}={value[:60]!r}: it must run nothing and load nothing")
