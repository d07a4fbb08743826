"""A table from a file or a frame, and from its columns numbers or kinds, with the row named on error.

Cells of a text file stay text until a caller says what they should be: a column of numbers with one stray
word must be refused with its row, not turned into a column of words.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import polars as pl

from elman.data.files import from_frame, line_of_row, read_file, short
from elman.errors import InputError

MISSING_NUMBERS = ("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil", "-", "?")  # any case
MISSING_KINDS = ("", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "null", "NULL")  # "None" and "-" may be kinds


@dataclass(frozen=True)
class Origin:
    """Where a table came from, for messages: a name, and the file when it was one."""

    name: str = "the table"
    path: Path | None = None

    @classmethod
    def of(cls, source: Any) -> "Origin":
        """The origin of anything read_table takes."""
        return cls(Path(source).name, Path(source)) if isinstance(source, str | Path) else cls()

    def row(self, row: int) -> str:
        """The 1-based data row in words, with its line where the source is a file of lines."""
        line = None if self.path is None else line_of_row(self.path, row)
        return f"row {row}" if line is None else f"row {row} (line {line})"


SOMEWHERE = Origin()


def read_table(source: Any) -> pl.DataFrame:
    """A file or a frame as a polars frame of named columns, blank lines left out.

    source is a path to CSV, TSV or TXT (separator , ; tab or |, found by looking), JSON lines or Parquet, any
    of them gzipped; or a pandas, polars, pyarrow or other narwhals-supported frame, or a dict of columns.
    Cells of text files stay text (decimal commas become points) until numbers, categories or
    times.read_times gives them a type. A pandas DatetimeIndex becomes a column.

    Raises InputError for what is no table, each case with its remedy.
    """
    origin = Origin.of(source)
    frame = from_frame(source) if origin.path is None else read_file(origin.path)
    if not frame.width or not frame.height:
        raise InputError(f"{origin.name} holds a header but no rows: at least one row of values is needed")
    for cells in frame.select(pl.selectors.date() | pl.selectors.datetime()):
        _check_years(cells, origin)
    return frame.with_columns(pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String))


def _check_years(cells: pl.Series, origin: Origin) -> None:
    """Raise InputError for times that no calendar has: whatever reads or shows one of them would fail."""
    days = {"ms": 86400 * 10**3, "us": 86400 * 10**6, "ns": 86400 * 10**9}[
        getattr(cells.dtype, "time_unit", None) or "ms"
    ]
    days = 1 if cells.dtype == pl.Date else days
    least, most = max(-719_162 * days, -(2**63)), min(2_932_897 * days, 2**63) - 1  # the years 1 to 9999
    beyond = ~cells.to_physical().cast(pl.Int64).is_between(least, most).fill_null(True)
    if beyond.any():
        raise InputError(
            f"column {cells.name!r} of {origin.name} holds a time beyond the years 1 to 9999 in row "
            f"{int(beyond.arg_max() or 0) + 1}: correct it, or leave it empty"
        )


def column(frame: pl.DataFrame, name: str, origin: Origin = SOMEWHERE) -> pl.Series:
    """The column of that name; InputError with the nearest names where there is none."""
    if name in frame.columns:
        return frame[name]
    lower = {known.lower(): known for known in frame.columns}
    near = [lower[match] for match in get_close_matches(str(name).lower(), list(lower), n=2, cutoff=0.6)]
    hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
    shown = shorten(", ".join(frame.columns), 300, placeholder=" ...")
    raise InputError(f"{origin.name} has no column {name!r}{hint}: name one of its {frame.width}, {shown}")


def numbers(frame: pl.DataFrame, name: str, origin: Origin = SOMEWHERE) -> np.ndarray:
    """The column as float64 (N,), NaN where missing, TRUE and FALSE as 1 and 0.

    Raises InputError naming column, row and value for a cell that is neither a number nor a missing marker
    (empty, NA, N/A, NaN, null, None, -, ?; any case), and for infinite values.
    """
    cells = column(frame, name, origin)
    values = _as_numbers(cells)
    where = f"column {name!r} of {origin.name}"
    if values is None:
        held = _type_in_words(cells.dtype)
        raise InputError(f"{where} must hold numbers, but it holds {held}: name another column")
    stray = values.is_null() & cells.is_not_null()
    if cells.dtype == pl.String:
        stray &= ~cells.str.strip_chars().str.to_lowercase().is_in(MISSING_NUMBERS)
    if (at := stray.arg_max()) is not None and stray[at]:
        held = f"{where} must hold numbers, but {origin.row(at + 1)} holds {short(cells[at])}"
        if re.fullmatch(r"[+-]?\d{1,3}([,.' \u00a0\u202f]\d{3})+([.,]\d+)?", cells[at].strip()):
            raise InputError(f"{held}, which looks like thousands separators: write the digits without them")
        if re.fullmatch(r"[+-]?\d+,\d+", cells[at].strip()):
            raise InputError(f"{held}, which looks like a decimal comma: write a decimal point")
        raise InputError(f"{held}: correct the row or write NA for a missing value")
    out = values.fill_null(np.nan).to_numpy().copy()
    if (endless := np.isinf(out)).any():
        at = int(endless.argmax())
        held = f"{origin.row(at + 1)} holds {short(cells[at])}"
        raise InputError(f"{where} must hold finite numbers, but {held}: correct the row or write NA")
    return out


def categories(frame: pl.DataFrame, name: str, origin: Origin = SOMEWHERE) -> list[str | None]:
    """The column as text (N,), stripped, None where missing; whole numbers are written without a point."""
    cells = column(frame, name, origin)
    if cells.dtype.is_nested() or cells.dtype == pl.Object:
        raise InputError(
            f"column {name!r} of {origin.name} must hold text, but it holds "
            f"{_type_in_words(cells.dtype)}: name another column"
        )
    if cells.dtype.is_float():
        whole = cells.fill_nan(None)
        cells = whole.cast(pl.Int64) if is_whole(whole) else whole
    text = cells.cast(pl.String).str.strip_chars()
    return [None if cell is None or cell in MISSING_KINDS else cell for cell in text.to_list()]


def text_cells(frame: pl.DataFrame, name: str, origin: Origin) -> pl.Series:
    """A column's cells as text, null where there is none; InputError where it is not there or holds lists."""
    cells = column(frame, name, origin)
    if cells.dtype.is_nested() or cells.dtype == pl.Object:
        raise InputError(f"column {name!r} of {origin.name} must hold text, but it holds lists: name another column")
    return cells.cast(pl.String)


def holds_numbers(frame: pl.DataFrame, name: str, origin: Origin = SOMEWHERE) -> bool:
    """Whether the column is meant as numbers: more than half of its present cells are, or none is present."""
    stray, present = count_numbers(frame, name, origin)
    return 2 * stray < max(1, present)


def count_numbers(frame: pl.DataFrame, name: str, origin: Origin = SOMEWHERE) -> tuple[int, int]:
    """(cells that are neither numbers nor missing, cells that are not missing), counted where cells are text.

    Of other types (1, 1) where they are no numbers, else (0, 0).
    """
    cells = column(frame, name, origin)
    values = _as_numbers(cells)
    if values is None or cells.dtype != pl.String:
        return (1, 1) if values is None else (0, 0)
    present = cells.drop_nulls()
    present = present.filter(~present.str.strip_chars().str.to_lowercase().is_in(MISSING_NUMBERS))
    read = _as_numbers(present)
    return (0 if read is None else read.null_count()), len(present)


def is_whole(cells: pl.Series) -> bool:
    """Whether the present numbers, none of them NaN, are all whole and fit an integer."""
    present = cells.drop_nulls()
    return bool(((present % 1 == 0) & (present.abs() < 2**63)).all())


def _as_numbers(cells: pl.Series) -> pl.Series | None:
    """float64 with null for what is missing or stray; None for a type that holds no numbers at all."""
    if cells.dtype == pl.String:
        text = cells.str.strip_chars()
        values = text.cast(pl.Float64, strict=False)
        if values.null_count() > text.null_count():
            truth = text.str.to_lowercase().replace_strict(
                {"true": 1.0, "false": 0.0}, default=None, return_dtype=pl.Float64
            )
            values = values.fill_null(truth)
        return values
    if cells.dtype.is_numeric() or cells.dtype in (pl.Boolean, pl.Null):
        return cells.cast(pl.Float64)
    return None


def _type_in_words(dtype: pl.DataType) -> str:
    return "times" if dtype.is_temporal() else f"values of type {dtype}"
