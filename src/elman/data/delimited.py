"""Rows of cells parted by commas, semicolons, tabs or bars: the text of a file, or its lines as they come, to cells."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import polars as pl

from elman.errors import InputError

SAMPLE = 65536  # characters that tell how cells are parted
COMMA = r"^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$"
POINT = r"^\s*[+-]?\d*\.\d"


def delimited(text: str, file: str) -> pl.DataFrame:
    """The table, its cells text; ``file`` is its name in messages. Raises InputError naming the row that is wrong."""
    separator, quote = _sniffed(text)
    names = header_names(next(records(_lines(text), separator, quote, longest=len(text)), (1, []))[1], file)
    frame = quick(text.lstrip("\r\n"), separator, quote, names)
    # Only then is each record counted, which is slow.
    if frame is None:
        frame = frame_of(list(checked(_lines(text), separator, quote, names, file, longest=len(text))), names)
    return decimal_points(frame, with_points(frame)) if separator in ";\t" else frame


def line_of_record(text: str, row: int) -> int | None:
    """The line of the text on which the 1-based row begins."""
    found = records(_lines(text), *_sniffed(text), longest=len(text))
    return next((line for at, (line, _) in enumerate(found) if at == row), None)


def records(
    lines: Iterable[str], separator: str, quote: str | None, strict: bool = False, *, longest: int
) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of each record; a blank line is none, but a missing cell inside a lone column.

    A cell may have ``longest`` characters at least.
    """
    limit = csv.field_size_limit(max(csv.field_size_limit(), longest))
    try:
        reader = csv.reader(
            lines,
            delimiter=separator,
            strict=strict,
            quotechar=quote,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            skipinitialspace=True,
        )
        width, line = 0, 1
        for record in reader:
            if len(record) > 1 or (record and record[0].strip()):
                width = width or len(record)
                yield line, record
            elif width == 1:
                yield line, [""]
            line = reader.line_num + 1
    finally:
        csv.field_size_limit(limit)


def separator_of(text: str) -> str:
    """What cuts the most of the first records as the header is cut."""
    sample = text if len(text) <= SAMPLE else text[:SAMPLE].rpartition("\n")[0] or text
    best, separator = (0.0, 0), ","
    for candidate in ",;\t|":
        found = records(_lines(sample), candidate, '"', longest=len(sample))
        widths = [len(record) for _, record in islice(found, 100)]
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            best, separator = max((best, separator), (score, candidate))
    return separator


def quotes(lines: Iterable[str], separator: str, *, longest: int) -> bool:
    """Whether quotation marks quote: text kept in tabs often holds some that quote nothing."""
    try:
        return len({len(record) for _, record in records(lines, separator, '"', strict=True, longest=longest)}) == 1
    except csv.Error:
        return False


def header_names(header: list[str], file: str) -> list[str]:
    """The names of the columns; InputError where two are one."""
    if not header:
        raise InputError(f"{file} is empty: a header and rows are needed")
    names = [name.strip() or f"column_{at}" for at, name in enumerate(header, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        at = [place for place, name in enumerate(names, 1) if name == twice[0]]
        raise InputError(f"{file} names columns {at[0]} and {at[1]} both {twice[0]!r}: rename one")
    return names


def quick(text: str, separator: str, quote: str | None, names: list[str]) -> pl.DataFrame | None:
    """A header and rows as a frame; None unless each row has all its cells.

    A short or blank line leaves a null in the last column.
    """
    try:
        frame = pl.read_csv(text.encode(), separator=separator, quote_char=quote, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    if frame.width != len(names) or not frame.height or frame[:, -1].null_count():
        return None
    # Lines that end in \r alone are one line to the frame's reader: rows would be lost in the header.
    if any("\r" in name for name in frame.columns):
        return None
    frame.columns = names
    return frame


def checked(
    lines: Iterable[str], separator: str, quote: str | None, names: list[str], file: str, *, longest: int
) -> Iterator[list[str]]:
    """The cells of each row but the header's, one by one; InputError naming the row that has more or fewer."""
    line, row = 0, 0
    try:
        for line, record in records(lines, separator, quote, strict=True, longest=longest):
            if len(record) != len(names):
                raise InputError(
                    f"row {row} (line {line}) of {file} has {len(record)} "
                    f"cell{'s' * (len(record) != 1)}, but the header names {len(names)}: "
                    "add or remove cells, or quote a cell that holds the separator"
                )
            if row:
                yield record
            row += 1
    except csv.Error as error:
        raise InputError(
            f"row {row} of {file}, after line {line}, is quoted wrongly ({error}): "
            "close the quotation mark, or double one that belongs to the text"
        ) from None


def frame_of(rows: list[list[str]], names: list[str]) -> pl.DataFrame:
    columns: Iterable[tuple[str, ...]] = zip(*rows, strict=True) if rows else [() for _ in names]
    return pl.DataFrame(
        {name: pl.Series(name, cells, dtype=pl.String) for name, cells in zip(names, columns, strict=True)}
    )


def with_points(frame: pl.DataFrame) -> set[str]:
    """The columns in which some number has a decimal point."""
    return {cells.name for cells in frame if cells.str.contains(POINT).any()}


def decimal_points(frame: pl.DataFrame, pointed: set[str]) -> pl.DataFrame:
    """Decimal commas as points, in the columns that hold no decimal point of their own."""
    changed = []
    for cells in frame:
        comma = cells.str.contains(COMMA).fill_null(False)
        if comma.any() and cells.name not in pointed:
            changed.append(cells.str.replace(",", ".", literal=True).zip_with(comma, cells))
    return frame.with_columns(changed)


def _lines(text: str) -> Iterable[str]:
    return io.StringIO(text.rstrip("\r\n"), newline="")


def _sniffed(text: str) -> tuple[str, str | None]:
    """(separator, quote)"""
    separator = separator_of(text)
    plain = separator == "\t" and '"' in text and not quotes(_lines(text), separator, longest=len(text))
    return separator, None if plain else '"'
