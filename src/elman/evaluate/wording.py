"""How a number is written for a reader: enough figures to tell it from its neighbour, and no more; and a long text."""

from collections.abc import Sequence
from math import floor, isfinite, isnan, log10
from numbers import Integral

LONGEST = 300  # characters of a text in a table


class Given(str):
    """What stands in a page as the data has it, and is no word of the report: its language is not the page's."""


class Own(str):
    """A word of the report itself where else the data's names stand: in a cell of a table, or beside an axis."""


def number(value: float | Integral, digits: int = 3) -> str:
    """value to `digits` significant figures, whole part in full: 0.0123, 25.0, 12,346, 1.20e-09; "–" for NaN.

    A whole-number type is written exactly. Infinity is ∞ or -∞.
    """
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if not isfinite(value):
        return "–" if isnan(value) else "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    rounded = f"{value:.{digits - 1}e}"
    places = digits - 1 - int(rounded.split("e")[1])
    return rounded if places > digits + 4 or abs(value) >= 1e15 else f"{value:,.{max(places, 0)}f}"


def column(values: Sequence[float | Integral], digits: int = 3) -> list[str]:
    """Numbers to be read together: with the same decimals, where their sizes allow.

    The smallest gets `digits` significant figures, but the largest at most twice as many.
    """
    sizes = [abs(float(value)) for value in values if isfinite(value) and value != 0]
    whole = all(isinstance(value, Integral) or isnan(value) for value in values)
    if whole or not sizes or max(sizes) > 1e3 * min(sizes) or not 1e-5 < min(sizes) <= max(sizes) < 1e12:
        return [number(value, digits) for value in values]
    places = min(digits - 1 - floor(log10(min(sizes))), 2 * digits - 1 - floor(log10(max(sizes))))
    return [f"{value:,.{max(places, 0)}f}" if isfinite(value) else number(value) for value in values]


def beside(first: float, second: float) -> list[str]:
    """Two numbers to be compared, with as many figures as it takes for unequal ones to look unequal."""
    digits = 3
    while first != second and digits < 15 and len(set(column([first, second], digits))) == 1:
        digits += 1
    return column([first, second], digits)


def percent(share: float) -> str:
    """A share of 1 in whole percent: 59 %; less than 1 % is not nothing, and more than 99 % is not all."""
    if 0 < abs(share) < 0.01:
        return "less than 1 %"
    if 0.995 <= share < 1:
        return "more than 99 %"
    return f"{number(round(100 * share))} %" if isfinite(share) else f"{number(share)} %"


def some(names: list[str]) -> str:
    """The first few names."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")


def cut(text: str, longest: int = LONGEST) -> str:
    """At most so many characters of a text."""
    return text if len(text) <= longest else text[:longest].rstrip() + "…"


def lasting(seconds: float) -> str:
    """A time for a reader: 4 s, 2.5 min."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
