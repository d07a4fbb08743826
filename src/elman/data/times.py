"""Columns of times, however they are written, to stamps in UTC, with the row named where a cell is no time."""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from elman.data.table import MISSING_NUMBERS, SOMEWHERE, Origin, column, is_whole, numbers
from elman.errors import InputError

STAMP = np.dtype("datetime64[us]")
MICROSECONDS = {
    "microsecond": 1, "millisecond": 1_000, "second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6,
    "day": 86400 * 10**6, "week": 7 * 86400 * 10**6,
}  # fmt: skip
MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LARGEST = 10**6  # of a year, a month, ... in a column of its own: beyond it nothing is a time
MOST_LOOKED_AT = 1 << 16  # rows that tell which column is the time: of a file on disk no more are in memory
PARTS = {
    "year": ("year", "yr", "yyyy"), "month": ("month", "mon", "mm"), "day": ("day", "dd", "dayofmonth"),
    "hour": ("hour", "hr", "hh"), "minute": ("minute", "min"), "second": ("second", "sec"),
}  # fmt: skip
TIME_NAMES = {
    "time", "date", "datetime", "timestamp", "ds", "datestamp", "dateutc", "datetimeutc", "timeutc", "utc",
    "datum", "zeit", "zeitpunkt", "zeitstempel", "fecha", "hora", "data", "日期", "时间", "時間", "日時",
    "when", "period", "day", "week", "month", "quarter", "localtime", "observationdate",
}  # fmt: skip

_CLOCK = (r"(?:(?:[t ]|, ?| at )(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
          r"(?: ?(?P<ap>[ap])\.?m\.?)?(?: ?(?P<z>z|utc|gmt|[+-]\d\d(?::?\d\d)?))?)?$")  # fmt: skip
# Lower-cased text; the second pattern is read both as month/day and as day/month.
PATTERNS = (
    r"^(?P<y>\d{4})[-/.](?P<m>\d{1,2})(?:[-/.](?P<d>\d{1,2}))?" + _CLOCK,
    r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4}|\d\d)" + _CLOCK,
    r"^(?P<y>(?:19|20|21)\d\d)(?P<m>\d\d)"
    r"(?:(?P<d>\d\d)(?:[t ]?(?P<h>\d\d)(?:(?P<mi>\d\d)(?P<s>\d\d)?)?)?)?(?P<z>z)?$",
    r"^(?P<y>1[5-9]\d\d|2[0-4]\d\d)$",
    r"^(?P<y>\d{4})[- ]?q(?P<q>[1-4])$",
    r"^(?:[a-z]{3,9},? )?(?P<d>\d{1,2})[ -](?P<word>[a-z]{3})[a-z]{0,6}\.?[ -](?P<y>\d{4}|\d\d)" + _CLOCK,
    r"^(?:[a-z]{3,9},? )?(?P<word>[a-z]{3})[a-z]{0,6}\.?[ -](?:(?P<d>\d{1,2})(?:, ?| ))?(?P<y>\d{4}|\d\d)" + _CLOCK,
)


def read_times(
    frame: pl.DataFrame,
    columns: str | Sequence[str],
    origin: Origin = SOMEWHERE,
    notes: list[str] | None = None,
) -> np.ndarray:
    """One time column, or several that make one together, as datetime64[us] (N,) in UTC, NaT where missing.

    Read are ISO 8601 (an offset is turned to UTC), 1/4/1999 and 4.1.1999 (month and day in the order that
    reads every row, the more regular one where both do), 4 Jan 1999, 19990104, 1999-Q1, years, seconds or
    milli-, micro- and nanoseconds since 1970, and date types; and columns named year, month, day, hour,
    minute and second, or a date beside a time of day, joined. What was decided is appended to notes.

    Raises InputError naming column, row and value of the first cell that is no time.
    """
    names = [columns] if isinstance(columns, str) else list(columns)
    parts = {part: name for name in names if (part := _part(name))} if len(names) > 1 else {}
    dates = [name for name in names if name not in parts.values()]
    found = notes if notes is not None else []
    if not dates:
        return _joined(frame, parts, origin)
    cells = column(frame, dates[0], origin)
    for name in dates[1:]:
        other = column(frame, name, origin).cast(pl.String)
        cells = (cells.cast(pl.String) + " " + other).alias(" ".join(dates))
    times = _times(cells, origin, found)
    for part, name in parts.items():
        if part not in ("hour", "minute", "second"):
            raise InputError(
                f"columns {', '.join(names)} of {origin.name} cannot make one time: name a date "
                "and a time of day, or year, month, day and hour"
            )
        times = times + _whole(frame, name, origin) * MICROSECONDS[part]
    return times


def guess_time_column(frame: pl.DataFrame, origin: Origin = SOMEWHERE) -> tuple[str, ...]:
    """The column or columns that tell the time, () where none does.

    A column called time, date, timestamp, ds or the like that holds times, the one of most values where
    there are several; else year, month, day and hour columns; else the only column of dates. Raises
    InputError where several columns hold times and none has such a name.
    """
    named = [name for name in frame.columns if re.sub(r"[\W\d_]", "", name.lower()) in TIME_NAMES]
    frame = frame.head(MOST_LOOKED_AT)
    head = frame.head(200)
    holding = [name for name in named if _holds_times(head[name])]
    if holding:
        best = max(holding, key=lambda name: frame[name].n_unique())
        clocks = [
            name
            for name in named
            if name not in holding
            and head[name].dtype == pl.String
            and head[name].str.contains(r"^\s*\d{1,2}:\d\d").all()
        ]
        return (best, clocks[0]) if clocks else (best,)
    parts = {part: name for name in frame.columns if (part := _part(name))}
    if {"year", "month"} <= parts.keys() and all(frame[name].dtype != pl.Boolean for name in parts.values()):
        return tuple(parts[part] for part in PARTS if part in parts)
    if "year" in parts and _holds_times(head[parts["year"]]) and frame[parts["year"]].is_unique().all():
        return (parts["year"],)
    others = [cells.name for cells in head if not cells.dtype.is_numeric() and _looks_dated(cells)]
    if len(others) > 1:
        shown = ", ".join(others[:5])
        raise InputError(f"columns {shown} of {origin.name} all hold times: name the one to use (--time)")
    return tuple(others)


def _part(name: str) -> str | None:
    return next((part for part, known in PARTS.items() if name.strip().lower() in known), None)


def _holds_times(cells: pl.Series) -> bool:
    """Whether more than half of the present cells read as times."""
    read = _read(cells)
    return read is not None and 2 * int((~np.isnat(read[0])).sum()) > len(cells) - int(read[1].sum())


def _looks_dated(cells: pl.Series) -> bool:
    """As _holds_times, but a bare number is no date: text columns of codes are common."""
    if cells.dtype == pl.String:
        cells = cells.filter(~cells.str.contains(r"^\s*(\d+|\d*\.\d*)\s*$"))
    return _holds_times(cells)


def _whole(frame: pl.DataFrame, name: str, origin: Origin) -> np.ndarray:
    values = numbers(frame, name, origin)
    bad = np.isnan(values) | (values % 1 != 0) | (np.abs(values) > LARGEST)
    if bad.any():
        at = int(bad.argmax())
        raise InputError(
            f"column {name!r} of {origin.name} must hold whole numbers to make a time, but "
            f"{origin.row(at + 1)} holds {frame[name][at]!r}: correct the row"
        )
    return values.astype(np.int64)


def _joined(frame: pl.DataFrame, parts: dict[str, str], origin: Origin) -> np.ndarray:
    if "year" not in parts:
        raise InputError(
            f"columns {', '.join(parts.values())} of {origin.name} make no time without a year: "
            "name the year column too"
        )
    values = {part: _whole(frame, name, origin) for part, name in parts.items()}
    times = _stamps(values, np.ones(frame.height, bool))
    if (bad := np.isnat(times)).any():
        at = int(bad.argmax())
        held = ", ".join(f"{name} {values[part][at]}" for part, name in parts.items())
        raise InputError(f"{origin.row(at + 1)} of {origin.name} holds {held}, which is no time: correct it")
    return times


def _times(cells: pl.Series, origin: Origin, notes: list[str]) -> np.ndarray:
    read = _read(cells)
    where = f"column {cells.name!r} of {origin.name}"
    if read is None:
        raise InputError(f"{where} must hold times, but its type is {cells.dtype}: name another column")
    times, missing, note = read
    if (bad := np.isnat(times) & ~missing).any():
        at = int(bad.argmax())
        raise InputError(
            f"{where} must hold times, but {origin.row(at + 1)} holds {str(cells[at])[:50]!r}: "
            "write it like 2020-01-31 or 2020-01-31 13:30"
        )
    if note:
        notes.append(f"{cells.name}: {note}")
    return times


def _read(cells: pl.Series) -> tuple[np.ndarray, np.ndarray, str] | None:
    """(stamps, NaT where no time; which cells are missing; what was decided), or None for a wrong type."""
    kind = cells.dtype
    if isinstance(kind, pl.Datetime | pl.Date):
        zoned = isinstance(kind, pl.Datetime) and kind.time_zone is not None
        if zoned:
            cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        times = cells.cast(pl.Datetime("us")).to_numpy().astype(STAMP)
        return times, cells.is_null().to_numpy(), "turned to UTC" if zoned else ""
    if kind.is_float():
        cells = cells.fill_nan(None)
        cells = cells.cast(pl.Int64) if is_whole(cells) else cells
    elif not (kind.is_integer() or kind == pl.String):
        return None
    text = cells.cast(pl.String).str.strip_chars().str.to_lowercase()
    missing = (text.is_null() | text.is_in(MISSING_NUMBERS)).fill_null(True).to_numpy()
    times, note, epoch = np.full(len(text), np.datetime64("NaT"), STAMP), "", True
    for pattern in PATTERNS:
        if not (left := np.isnat(times) & ~missing).any():
            break
        fields = text.str.extract_groups(pattern).struct.unnest()
        hit = left & fields["y"].is_not_null().to_numpy()
        if hit.any():
            read, decided = _fields(fields, hit)
            # 2094080413 is an hour of 2094 or a second of 2036: long digits are one or the other throughout.
            long = left & text.str.contains(r"^\d{9,}$").fill_null(False).to_numpy()
            dated = 2 * int((~np.isnat(read[long])).sum()) > long.sum()
            hit, epoch = hit if dated else hit & ~long, epoch and not dated
            times[hit], note = read[hit], decided or note
    if epoch and (left := np.isnat(times) & ~missing).any():
        times[left], note = _since_1970(text.filter(pl.Series(left))), note
    return times, missing, note


def _since_1970(text: pl.Series) -> np.ndarray:
    digits = text.str.extract(r"^(\d{9,19})(?:\.\d+)?$").cast(pl.Int64, strict=False)
    part = text.str.extract(r"^\d{9,11}(\.\d+)$").cast(pl.Float64).fill_null(0.0)
    size = digits.max()
    if not isinstance(size, int):
        return np.full(len(text), np.datetime64("NaT"), STAMP)
    unit = "s" if size < 10**11 else "ms" if size < 10**14 else "us" if size < 10**17 else "ns"
    times = digits.fill_null(np.iinfo(np.int64).min).to_numpy().astype(f"datetime64[{unit}]").astype(STAMP)
    return times + (part.to_numpy() * 1e6).round().astype(np.int64)


def _fields(fields: pl.DataFrame, hit: np.ndarray) -> tuple[np.ndarray, str]:
    """(stamps, what was decided) from the named groups of a pattern."""
    values = {}
    for group, part in zip(("y", "m", "d", "h", "mi", "s"), PARTS, strict=True):
        if group in fields.columns and fields[group].null_count() < fields.height:
            fill = 1 if part in ("month", "day") else 0
            values[part] = fields[group].cast(pl.Int64).fill_null(fill).to_numpy()
    short = (fields["y"].str.len_chars() == 2).fill_null(False).to_numpy()
    values["year"] = values["year"] + short * np.where(values["year"] >= 69, 1900, 2000)  # as POSIX does
    if "q" in fields.columns:
        values["month"] = fields["q"].cast(pl.Int64).fill_null(1).to_numpy() * 3 - 2
    if "word" in fields.columns:
        known = {name: at for at, name in enumerate(MONTH_NAMES, 1)}
        values["month"] = fields["word"].replace_strict(known, default=0, return_dtype=pl.Int64).to_numpy()
    if "ap" in fields.columns and fields["ap"].null_count() < fields.height:
        half = fields["ap"].is_not_null().to_numpy()
        evening = (fields["ap"] == "p").fill_null(False).to_numpy()
        hit = hit & ~(half & ((values["hour"] < 1) | (values["hour"] > 12)))
        values["hour"] = np.where(half, values["hour"] % 12 + 12 * evening, values["hour"])
    note = ""
    if "a" in fields.columns:
        first, second = (fields[group].cast(pl.Int64).fill_null(1).to_numpy() for group in "ab")
        month_first = _stamps(values | {"month": first, "day": second}, hit)
        day_first = _stamps(values | {"month": second, "day": first}, hit)
        score = [(int((~np.isnat(times)).sum()), _regularity(times)) for times in (month_first, day_first)]
        times = day_first if score[1] > score[0] else month_first
        note = f"read as {'day, month' if times is day_first else 'month, day'}, year"
        if score[0][0] == score[1][0]:
            note += " (both orders read every row, this one is the more regular)"
    else:
        times = _stamps(values, hit)
    if "f" in fields.columns and fields["f"].null_count() < fields.height:
        times = times + fields["f"].fill_null("0").str.pad_end(6, "0").str.head(6).cast(pl.Int64).to_numpy()
    if "z" in fields.columns and fields["z"].null_count() < fields.height:
        sign = fields["z"].str.extract(r"^([+-])").replace_strict({"+": 1, "-": -1}, default=0).to_numpy()
        hours, minutes = (
            fields["z"].str.extract(part).cast(pl.Int64).fill_null(0).to_numpy()
            for part in (r"^.(\d\d)", r"^.\d\d:?(\d\d)")
        )
        times = times - sign * (hours * 60 + minutes) * MICROSECONDS["minute"]
        note = "times with an offset turned to UTC" if sign.any() else "times are UTC"
    return times, note


def _stamps(values: dict[str, np.ndarray], hit: np.ndarray) -> np.ndarray:
    """datetime64[us] from year, month, day, ...: NaT where that is no time; hour 24 is the next day's 0."""
    year, zero = values["year"], np.zeros(len(values["year"]), np.int64)
    month, day = values.get("month", zero + 1), values.get("day", zero + 1)
    hour, minute, second = (values.get(part, zero) for part in ("hour", "minute", "second"))
    good = hit & (year >= 1000) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    good &= (minute >= 0) & (minute < 60) & (second >= 0) & (second < 60)
    good &= (hour >= 0) & ((hour * 60 + minute) * 60 + second <= 86400)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(good, day - 1, 0)
    good &= days.astype("datetime64[M]") == months
    times = days.astype(STAMP) + ((hour * 60 + minute) * 60 + second) * MICROSECONDS["second"]
    times[~good] = np.datetime64("NaT")
    return times


def _regularity(times: np.ndarray) -> float:
    """The share of the commonest step, in microseconds or, on one day of the month throughout, in months."""
    times = np.unique(times[~np.isnat(times)])
    if len(times) < 2:
        return 0.0
    months = times.astype("datetime64[M]")
    inside = np.unique(times - months)
    steps = np.diff(months.astype(np.int64)) if len(inside) == 1 else np.diff(times.astype(np.int64))
    return float(np.unique(steps, return_counts=True)[1].max() / len(steps))
