"""Shapes: what a value that came from a file may be. A shape is called with the value and the place it was found at.

It raises InputError where the value is something else, and gives nothing. Shapes are made of smaller ones, and each is
as deep as it is written, so that no nesting is followed further than is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from elman.errors import InputError

Shape = Callable[[Any, str], None]

LARGE = 1 << 53  # up to here a float holds every whole number
TINY = 1e-300  # what is divided by may be as small


def refuse(value: Any, place: str, need: str) -> InputError:
    if isinstance(value, dict | list):
        shown = f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value):,}"
    else:
        shown = repr(value) if len(str(value)) <= 60 else f"{str(value)[:50]!r}..."
    return InputError(f"{place} is {shown}, but must be {need}: use the model as it was saved")


def flag(value: Any, place: str) -> None:
    if not isinstance(value, bool):
        raise refuse(value, place, "true or false")


def text(value: Any, place: str) -> None:
    """Half a surrogate pair, which JSON can write, is in no text."""
    if not isinstance(value, str) or (not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value)):
        raise refuse(value, place, "a text")


def whole(least: int = 0, most: int = LARGE) -> Shape:
    def shape(value: Any, place: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise refuse(value, place, f"a whole number from {least:,} to {most:,}")

    return shape


def real(least: float = -1e300, most: float = 1e300) -> Shape:
    def shape(value: Any, place: str) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            raise refuse(value, place, f"a number from {least:g} to {most:g}")

    return shape


positive = real(TINY)


def word(*words: str) -> Shape:
    def shape(value: Any, place: str) -> None:
        if not isinstance(value, str) or value not in words:
            raise refuse(value, place, f"one of {', '.join(words)}")

    return shape


def maybe(own: Shape) -> Shape:
    def shape(value: Any, place: str) -> None:
        if value is not None:
            own(value, place)

    return shape


def either(*shapes: Shape) -> Shape:
    """Of one of these shapes; what is said of a value of none of them is what the last one says."""

    def shape(value: Any, place: str) -> None:
        for own in shapes[:-1]:
            try:
                return own(value, place)
            except InputError:
                continue
        return shapes[-1](value, place)

    return shape


def rows(own: Shape, least: int = 0, most: int = LARGE) -> Shape:
    def shape(value: Any, place: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise refuse(value, place, f"a list of {f'{least:,}' if least == most else f'at least {least:,}'}")
        for at, one in enumerate(value):
            own(one, f"{place}[{at}]")

    return shape


def distinct(own: Shape, least: int = 0) -> Shape:
    """Rows, none of which occurs twice."""

    def shape(value: Any, place: str) -> None:
        rows(own, least)(value, place)
        if len(set(value)) < len(value):
            raise refuse(value, place, "a list in which nothing occurs twice")

    return shape


def several(*shapes: Shape) -> Shape:
    """A list of so many values, each of its own shape."""

    def shape(value: Any, place: str) -> None:
        if not isinstance(value, list) or len(value) != len(shapes):
            raise refuse(value, place, f"a list of {len(shapes)}")
        for at, (own, one) in enumerate(zip(shapes, value, strict=True)):
            own(one, f"{place}[{at}]")

    return shape


def table(own: Shape) -> Shape:
    """An object of any names."""

    def shape(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise refuse(value, place, "an object")
        for name, one in value.items():
            text(name, f"a name in {place}")
            own(one, f"{place}.{name[:40]}")

    return shape


def fields(**shapes: Shape) -> Shape:
    """An object of exactly these names."""

    def shape(value: Any, place: str) -> None:
        if not isinstance(value, dict) or set(value) != set(shapes):
            raise refuse(value, place, f"an object of {', '.join(shapes)}")
        for name, own in shapes.items():
            own(value[name], f"{place}.{name}")

    return shape


def kinds(name: str, shapes: Mapping[str, Shape]) -> Shape:
    """An object whose field ``name`` says which of the shapes it has."""

    def shape(value: Any, place: str) -> None:
        if not isinstance(value, dict) or name not in value:
            raise refuse(value, place, f"an object with {name}")
        word(*shapes)(value[name], f"{place}.{name}")
        shapes[value[name]](value, place)

    return shape


def same_length(value: Mapping[str, Any], place: str, *names: str, length: int | None = None) -> None:
    """Raise InputError unless the lists of these names are as long as the first, or as ``length``."""
    length = len(value[names[0]]) if length is None else length
    for name in names:
        if len(value[name]) != length:
            raise refuse(value[name], f"{place}.{name}", f"a list of {length:,}")


def also(own: Shape, check: Callable[[Any, str], None]) -> Shape:
    """A shape, and what else must hold of a value that has it."""

    def shape(value: Any, place: str) -> None:
        own(value, place)
        check(value, place)

    return shape
