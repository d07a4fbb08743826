"""Many series as one table of numbers: rows of all groups one after another, each group in order of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import polars as pl

from elman.data.series.clock import Clock
from elman.data.series.spread import PIECE
from elman.data.table import Origin, categories, holds_numbers, numbers, read_table
from elman.data.times import guess_time_column, read_times
from elman.errors import InputError

MOST_KINDS = 20


@dataclass(frozen=True)
class SeriesSet:
    """Many series as one table of numbers: the rows of all groups one after another, each on its own clock.

    Columns are the target, then the known columns, a text column as one 0/1 indicator "name=kind" a kind.
    layout says how each known column was read ("number", or the list of its kinds), so that a later file is
    read the same; time names the columns that tell the time, () where rows are steps.
    """

    values: np.ndarray  # (N, F) float64, NaN = missing
    columns: tuple[str, ...]  # F names
    times: np.ndarray  # (N,) datetime64[us]; for a row clock int64 step numbers from 0
    rows: np.ndarray  # (N,) int64, 1-based data row in the source, 0 for an inserted (missing) step
    starts: np.ndarray  # (G + 1,) int64: group g is rows starts[g]:starts[g + 1]
    groups: tuple[str, ...]  # G names; ("",) when there is one unnamed series
    clock: Clock
    notes: tuple[str, ...] = ()  # what was done, in words
    layout: dict[str, Any] = field(default_factory=dict)
    time: tuple[str, ...] = ()


class Series(Protocol):
    """What a SeriesSet has, in memory or on disk (on_disk.py), where values and times are read piece by piece."""

    @property
    def values(self) -> Any: ...
    @property
    def times(self) -> Any: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def starts(self) -> np.ndarray: ...
    @property
    def groups(self) -> tuple[str, ...]: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def layout(self) -> dict[str, Any]: ...


def read_series(
    source: Any,
    *,
    targets: Sequence[str],
    columns: Sequence[str] = (),
    time: str | Sequence[str] | None = None,
    group: str | None = None,
    duplicates: str | None = None,
    timezone: str | None = None,
    clock: Clock | None = None,
    layout: Mapping[str, Any] | None = None,
) -> SeriesSet:
    """A file or frame as series of numbers on a regular clock, and in notes what that took.

    targets: one column; or several, each then a group of its own named after it, its values in a column
    "value" beside the same times and known columns; or ("*",) for every number column not named otherwise.
    columns: what is known beside the target. time: the column or columns of the time, guessed where None,
    none where (). group: a column that tells series apart; groups come in order of name. duplicates: "mean",
    "first" or "last" of the rows at one time of one group, refused where None. timezone: an IANA zone whose
    wall clock the calendar of the series follows. clock and layout: those of an earlier reading, kept to.

    Missing steps of a regular clock are inserted as rows of NaN. Raises InputError, with the row and what to
    do, for names, cells, times and groups that are not usable.
    """
    origin, notes = Origin.of(source), list[str]()
    frame = read_table(source)
    if duplicates not in (None, "mean", "first", "last"):
        raise InputError(f"duplicates must be mean, first or last, but {duplicates!r} was given: choose one")
    if not targets or isinstance(targets, str):
        raise InputError(f"targets must be a list of column names, but {targets!r} was given: pass ['name']")
    stamped = time_columns(frame, time, {*targets, *columns, group}, origin)
    targets = _targets(frame, targets, {*stamped, *columns, group}, origin)
    named = [*targets, *columns, *stamped, *([group] if group else [])]
    if twice := [name for at, name in enumerate(named) if name in named[:at]]:
        raise InputError(f"column {twice[0]!r} is named twice as target, column, time or group: name it once")

    y = np.stack([numbers(frame, name, origin) for name in targets], 1)
    names, x, found, strange = known_columns(frame, columns, layout, origin)
    notes += strange_told(strange)
    kinds, code = _groups(frame, group, origin)
    times = stamps_of(frame, stamped, origin, notes)
    if clock is not None and (clock.step == "row") != (times is None):
        learnt, held = ("rows", "times") if clock.step == "row" else (f"steps of {clock.step}", "no time column")
        raise InputError(
            f"the model was trained on {learnt}, but {origin.name} is read with {held}: name the time "
            "column, or none (time=()), as in training"
        )
    data = np.concatenate([y, x], 1)
    order, starts = _in_order(times, code, len(kinds), notes)
    data, rows, code = data[order], order + 1, code[order]
    if times is None:
        clock = clock or Clock(timezone=timezone)
        stamps = np.concatenate([np.arange(end - begin) for begin, end in pairwise(starts.tolist())])
    else:
        stamps = times[order]
        data, rows, code, stamps = _distinct(data, rows, code, stamps, duplicates, group, origin, notes)
        starts = np.searchsorted(code, np.arange(len(kinds) + 1))
        clock = _clock(stamps, starts, clock, timezone, origin)
        data, rows, starts, stamps = _gaps_filled(data, rows, starts, stamps, clock, origin, notes)
    notes.append(str(clock))
    heads = (*targets, *names)
    series = SeriesSet(data, heads, stamps, rows, starts, kinds, clock, tuple(notes), found, stamped)
    return series if len(targets) == 1 else _one_group_a_target(series, targets)


def check_target(series: Series, upto_rows: int | np.ndarray | None = None) -> None:
    """Refuse a target there is nothing to learn from in the first upto_rows rows of each group (None: all).

    upto_rows is one number, or one a group (G,). Raises InputError where a group has no value of the target
    there, and where the target changes in no group.
    """
    name, moves, value = series.columns[0], False, None
    upto = np.broadcast_to(len(series.times) if upto_rows is None else upto_rows, len(series.groups))
    for group, most, (begin, end) in zip(series.groups, upto, pairwise(series.starts.tolist()), strict=True):
        end, value = min(end, begin + int(most)), None
        for at in range(begin, end, PIECE):
            rows = series.values[at : min(end, at + PIECE)][:, 0]
            present = rows[~np.isnan(rows)]
            value = present[0] if value is None and len(present) else value
            moves = moves or bool((present != value).any())
        if value is None:
            of = f" of {group!r}" if group else ""
            raise InputError(
                f"target {name!r}{of} holds no value in the {max(0, end - begin):,} rows to learn from: leave this "
                "series out, or give rows that hold it"
            )
    if not moves:
        raise InputError(
            f"target {name!r} is always {value:g} in the rows to learn from: name a target that "
            "changes, or give more rows"
        )


def time_columns(
    frame: pl.DataFrame, time: str | Sequence[str] | None, taken: set[str | None], origin: Origin
) -> tuple[str, ...]:
    if time is None:
        return guess_time_column(pl.DataFrame([cells for cells in frame if cells.name not in taken]), origin)
    return (time,) if isinstance(time, str) else tuple(time)


def _targets(frame: pl.DataFrame, targets: Sequence[str], taken: set[str | None], origin: Origin) -> tuple[str, ...]:
    if "*" not in targets:
        return tuple(targets)
    if len(targets) > 1:
        raise InputError(f"'*' stands for every number column, but {len(targets)} targets were given: pass it alone")
    kept = [name for name in frame.columns if name not in taken]
    found = tuple(name for name in kept if holds_numbers(frame, name, origin))
    lying = not taken - {None} and found == tuple(kept[1:]) and len(found) >= 24 and frame.height < 4 * len(found)
    if lying and frame[kept[0]].is_unique().all():
        raise InputError(
            f"{origin.name} seems to hold one series a row ({frame.height:,} rows of {len(found):,} numbers)"
            ", but one a column is needed: transpose it, or make it rows of series, step and value"
        )
    if not found:
        raise InputError(f"{origin.name} has no number column beside those named: name a target")
    return found


def strange_told(strange: Mapping[str, int]) -> list[str]:
    """In words what rows hold kinds that training has not met."""
    return [
        f"{count:,} rows hold kinds of {name!r} not met in training: their indicators are 0"
        for name, count in strange.items()
        if count
    ]


def known_columns(
    frame: pl.DataFrame, columns: Sequence[str], layout: Mapping[str, Any] | None, origin: Origin
) -> tuple[list[str], np.ndarray, dict[str, Any], dict[str, int]]:
    """(names, numbers (N, C), layout, how many rows hold a strange kind) of the known columns.

    Text is indicators, NaN where it is missing.
    """
    strange: dict[str, int] = {}
    names: list[str] = []
    parts = [np.empty((frame.height, 0))]
    found: dict[str, Any] = {}
    for name in columns:
        kinds = (layout or {}).get(name)
        if kinds == "number" or (kinds is None and holds_numbers(frame, name, origin)):
            found[name] = "number"
            names.append(name)
            parts.append(numbers(frame, name, origin)[:, None])
            continue
        text = categories(frame, name, origin)
        cells, missing = np.array(text, object), np.array([cell is None for cell in text])
        if kinds is None:
            kinds = sorted(set(cells[~missing]))
            refuse_many(name, kinds, origin)
        found[name] = list(kinds)
        hit = cells[:, None] == np.array(kinds, object)
        strange[name] = int((~hit.any(1) & ~missing).sum())
        names += [f"{name}={kind}" for kind in kinds]
        parts.append(np.where(missing[:, None], np.nan, hit))
    return names, np.concatenate(parts, 1), found, strange


def refuse_many(name: str, kinds: Sequence[str], origin: Origin) -> None:
    if len(kinds) > MOST_KINDS:
        raise InputError(
            f"column {name!r} of {origin.name} holds {len(kinds):,} kinds of text, {kinds[0]!r} "
            f"and others, but at most {MOST_KINDS} can be used: leave it out"
        )


def _groups(frame: pl.DataFrame, group: str | None, origin: Origin) -> tuple[tuple[str, ...], np.ndarray]:
    """(names in order, which of them each row belongs to (N,))."""
    if group is None:
        return ("",), np.zeros(frame.height, np.int64)
    cells = categories(frame, group, origin)
    if None in cells:
        at = origin.row(cells.index(None) + 1)
        raise InputError(
            f"column {group!r} of {origin.name} must name the series of every row, but {at} "
            "holds none: fill it in or remove the row"
        )
    kinds, code = np.unique(np.array(cells, object).astype(str), return_inverse=True)
    return tuple(kinds.tolist()), code


def stamps_of(frame: pl.DataFrame, stamped: tuple[str, ...], origin: Origin, notes: list[str]) -> np.ndarray | None:
    if not stamped:
        return None
    times = read_times(frame, stamped, origin, notes)
    if (missing := np.isnat(times)).any():
        at = int(missing.argmax())
        raise InputError(
            f"column {' '.join(stamped)!r} of {origin.name} must hold a time in every row, but "
            f"{origin.row(at + 1)} holds none: fill it in or remove the row"
        )
    return times


def _in_order(
    times: np.ndarray | None, code: np.ndarray, groups: int, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(the order of rows by group, then by time, (N,); where each group starts (G + 1,))."""
    order = np.argsort(code, kind="stable") if times is None else np.lexsort((times, code))
    if times is not None and (order != np.argsort(code, kind="stable")).any():
        notes.append("rows were not in time order: sorted")
    return order, np.searchsorted(code[order], np.arange(groups + 1))


def _distinct(
    data: np.ndarray,
    rows: np.ndarray,
    code: np.ndarray,
    times: np.ndarray,
    duplicates: str | None,
    group: str | None,
    origin: Origin,
    notes: list[str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(data, rows, code, times) with one row a time and group."""
    again = np.zeros(len(times), bool)
    again[1:] = (times[1:] == times[:-1]) & (code[1:] == code[:-1])
    if not again.any():
        return data, rows, code, times
    many = f"{again.sum():,} duplicate time{'' if again.sum() == 1 else 's'}"
    if duplicates is None:
        at = np.flatnonzero(again)[:3]
        shown = ", ".join(f"rows {rows[i - 1]} and {rows[i]} at {times[i].item()}" for i in at)
        where = f" within one {group}" if group else ""
        raise InputError(
            f"{origin.name} holds {many}{where}, such as {shown}: choose --duplicates mean, first or last, "
            "or name the column that tells the series apart (--group)"
        )
    first = np.flatnonzero(~again)
    kept = np.append(first[1:], len(times)) - 1 if duplicates == "last" else first
    if duplicates != "mean":
        data = data[kept]
    else:
        count = np.add.reduceat((~np.isnan(data)).astype(np.float64), first, axis=0)
        total = np.add.reduceat(np.nan_to_num(data), first, axis=0)
        data = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    notes.append(f"{many}: {'the mean taken' if duplicates == 'mean' else f'the {duplicates} kept'}")
    return data, rows[kept], code[kept], times[kept]


def _clock(times: np.ndarray, starts: np.ndarray, clock: Clock | None, timezone: str | None, origin: Origin) -> Clock:
    if clock is None:
        return Clock.infer(times, starts, timezone)
    if len(times) == len(starts) - 1:
        return clock
    found = Clock.infer(times, starts, clock.timezone)
    if found.step != clock.step and not follows(clock, found, times, starts):
        raise InputError(
            f"{origin.name} has a step of {found.step}, but the model was trained on steps of {clock.step}: "
            f"give rows {clock.step} apart"
        )
    return clock


def follows(clock: Clock, found: Clock, times: np.ndarray, starts: np.ndarray) -> bool:
    """Whether a file of another commonest step keeps the clock: for too few rows, or for want of a grid."""
    if not clock.regular and clock.weekly_slots is None and clock.microseconds and found.microseconds:
        return 0.5 <= found.microseconds / clock.microseconds <= 2
    pairs = [at for begin, end in pairwise(starts.tolist()) for at in range(begin, end - 1)]
    return len(pairs) <= 50 and all(clock.future(times[at], 1)[0] == times[at + 1] for at in pairs)


def _gaps_filled(
    data: np.ndarray,
    rows: np.ndarray,
    starts: np.ndarray,
    times: np.ndarray,
    clock: Clock,
    origin: Origin,
    notes: list[str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every step of a regular clock as a row, those that were not there as NaN."""
    places, ends = np.empty(len(times), np.int64), [0]
    for begin, end in pairwise(starts.tolist()):
        steps = clock.positions(times[begin:end])
        if (bad := np.append(False, np.diff(steps) < 1)).any() or (steps < 0).any():
            at = begin + int((bad | (steps < 0)).argmax())
            raise InputError(
                f"{origin.row(int(rows[at]))} of {origin.name} is at {times[at].item()}, but the steps of "
                f"{clock.step} from {times[begin].item()} on do not meet that time: correct it"
            )
        places[begin:end] = ends[-1] + steps
        ends.append(ends[-1] + int(steps[-1]) + 1)
    if (inserted := ends[-1] - len(times)) == 0:
        return data, rows, starts, times
    notes.append(f"{clock.count(inserted).replace(' ', ' missing ', 1)} inserted as missing values")
    filled = np.full((ends[-1], data.shape[1]), np.nan)
    numbered, stamps = np.zeros(ends[-1], np.int64), np.empty(ends[-1], times.dtype)
    for (begin, _), (low, high) in zip(pairwise(starts.tolist()), pairwise(ends), strict=True):
        stamps[low] = times[begin]
        stamps[low + 1 : high] = clock.future(times[begin], high - low - 1)
    filled[places], numbered[places], stamps[places] = data, rows, times
    return filled, numbered, np.array(ends), stamps


def _one_group_a_target(series: SeriesSet, targets: Sequence[str]) -> SeriesSet:
    """The series with each target's column as groups of its own."""
    known, n, k = series.values[:, len(targets) :], len(series.times), len(targets)
    values = np.concatenate([np.column_stack([series.values[:, at], known]) for at in range(k)])
    groups = [f"{target} {name}".strip() for target in targets for name in series.groups]
    starts = np.append(0, np.concatenate([series.starts[1:] + n * at for at in range(k)]))
    return SeriesSet(
        values, ("value", *series.columns[k:]), np.tile(series.times, k), np.tile(series.rows, k), starts,
        tuple(groups), series.clock, series.notes, series.layout, series.time,
    )  # fmt: skip
