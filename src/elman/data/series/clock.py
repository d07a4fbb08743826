"""The clock that stamps tick by: what a step is, what comes next, what comes round."""

import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from elman.data.times import MICROSECONDS, STAMP
from elman.errors import InputError

MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAY, WEEK = MICROSECONDS["day"], MICROSECONDS["week"]
ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,3}")
MOST_LOOKED_AT = 1 << 20  # stamps of a group by which the times of the week in use are told
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Clock:
    """What one step of time is.

    step: "30 minutes", "1 day", "1 month", "1 quarter", "1 year", ...; "row" where there is no time column.
    regular: every step of the grid is a row, and one left out is a missing value; else one row is one step.
    weekly_slots: where holes come round every week (weekends, nights), the seconds since Monday 00:00 in use.
    day: the day of the month on which calendar steps fall, the last day in shorter months.
    timezone: the IANA zone whose wall clock the UTC stamps are read by for weekly_slots and features.
    """

    step: str = "row"
    regular: bool = True
    weekly_slots: tuple[int, ...] | None = None
    day: int | None = None
    timezone: str | None = None

    def __post_init__(self) -> None:
        if self.step != "row":
            _amount(self.step)
        if self.timezone is not None:
            _zone(self.timezone)
        if self.weekly_slots is not None and not self._fits_a_week():
            raise InputError(
                f"the times of the week in use do not fit steps of {self.step}: a week must hold a whole number of "
                "steps, none shorter than a minute, and the times rise within it"
            )

    def _fits_a_week(self) -> bool:
        slots, step = self.weekly_slots or (), self.microseconds or 0
        rising = all(a < b for a, b in pairwise(slots))
        inside = bool(slots) and slots[0] >= 0 and slots[-1] < 7 * 86400
        return MICROSECONDS["minute"] <= step < WEEK and not WEEK % step and rising and inside

    @property
    def microseconds(self) -> int | None:
        """The length of a step, None for rows and for calendar steps, whose length varies."""
        count, unit = _amount(self.step) if self.step != "row" else (0, "month")
        return count * MICROSECONDS[unit] if unit in MICROSECONDS else None

    @property
    def months(self) -> int | None:
        """The length of a calendar step in months, None for rows and for steps of a fixed length."""
        count, unit = _amount(self.step) if self.step != "row" else (0, "second")
        return count * MONTHS[unit] if unit in MONTHS else None

    @classmethod
    def infer(cls, times: np.ndarray, starts: np.ndarray | None = None, timezone: str | None = None) -> "Clock":
        """The clock of sorted, distinct stamps (N,), one run of them a group where starts (G + 1,) says so.

        The step is the commonest difference. Holes are missing rows on a regular grid, unless at least half
        of them lie in slots of the week that are idle nine times in ten, a tenth of the week or more; one
        of more than three missing rows to one present is no grid. Raises InputError where no group has two.
        """
        starts = np.array([0, len(times)]) if starts is None else starts
        runs = [times[begin:end] for begin, end in pairwise(starts.tolist()) if end - begin > 1]
        if not runs:
            rows = f"{len(times)} row{'s' * (len(times) != 1)}"
            raise InputError(f"one step of time takes two rows of one group, but there are {rows}: give more")
        calendar = cls._calendar(runs, timezone)
        if calendar is not None:
            return calendar
        steps = np.concatenate([np.diff(run.astype(np.int64)) for run in runs])
        lengths, counts = np.unique(steps, return_counts=True)
        return cls.of_steps(lengths, counts, runs, timezone)

    @classmethod
    def of_steps(
        cls, lengths: np.ndarray, counts: np.ndarray, runs: list[np.ndarray], timezone: str | None = None
    ) -> "Clock":
        """The clock of stamps by their differences, rising, and how often each is; ``runs`` begins each group.

        Of months it knows nothing. Holes that come round each week are looked for in a group's first million stamps.
        """
        step = int(lengths[counts.argmax()])
        grid = int((lengths // step * counts).sum()) + len(runs)
        present = int(counts.sum()) + len(runs)
        clock = cls(_in_words(step), regular=False, timezone=timezone)
        if (lengths % step).any():
            return clock
        slots = clock._weekly([run[:MOST_LOOKED_AT] for run in runs], step) if present < grid <= 20 * present else None
        if slots is not None:
            return cls(clock.step, regular=False, weekly_slots=slots, timezone=timezone)
        return cls(clock.step, regular=grid <= 4 * present, timezone=timezone)

    @classmethod
    def _calendar(cls, runs: list[np.ndarray], timezone: str | None) -> "Clock | None":
        """The clock of stamps that go by months, as month ends and years do; None where they do not."""
        days = np.concatenate([np.diff(run.astype(np.int64)) for run in runs]) / DAY
        months = np.concatenate([np.diff(run.astype("datetime64[M]").astype(np.int64)) for run in runs])
        if days.min() < 25 or months.min() < 1:
            return None
        inside, last = _days(np.concatenate(runs))
        day = int(inside.max())
        if (inside != np.minimum(day, last)).any():
            # The first or last working day of a month lies at most three days inside it.
            if not ((inside <= 4).all() or (inside >= last - 3).all()):
                return None
            day = 1 if inside.max() <= 4 else 31
        lengths, counts = np.unique(months, return_counts=True)
        step = int(lengths[counts.argmax()])
        grid = int((months // step).sum())
        regular = not (lengths % step).any() and grid <= 4 * len(months)
        return cls(_in_months(step), regular=regular, day=day, timezone=timezone)

    def _weekly(self, runs: list[np.ndarray], step: int) -> tuple[int, ...] | None:
        """The slots of the week in use, where a tenth of the week or more is idle and explains most holes."""
        if WEEK % step or step < MICROSECONDS["minute"] or step >= WEEK:
            return None
        # Groups side by side are one witness: an idle slot must have been so in two weeks, a weekend in one.
        grid = np.unique(np.concatenate([np.arange(run[0], run[-1] + step, step) for run in runs]))
        slots, expected = np.unique(self._slot(grid), return_counts=True)
        place = np.searchsorted(slots, self._slot(np.unique(np.concatenate(runs))))
        holes = expected - np.bincount(place, minlength=len(slots))
        idle = expected - holes < 0.1 * expected
        weekend = step == DAY and idle.sum() == 2 and (slots[idle] >= 5 * 86400).all()
        seen = idle.any() and (weekend or expected[idle].min() >= 2) and 10 * idle.sum() >= WEEK // step
        return tuple(slots[~idle].tolist()) if seen and 2 * holes[idle].sum() >= holes.sum() else None

    def _slot(self, times: np.ndarray) -> np.ndarray:
        """Seconds since Monday 00:00 on the wall clock."""
        seconds = self._wall(times).astype("datetime64[s]").astype(np.int64)
        return (seconds - 4 * 86400) % (7 * 86400)  # 1970 began on a Thursday

    def _wall(self, times: np.ndarray) -> np.ndarray:
        if self.timezone is None:
            return times
        local = pl.Series(times.astype(STAMP)).dt.replace_time_zone("UTC").dt.convert_time_zone(self.timezone)
        return local.dt.replace_time_zone(None).to_numpy()

    def positions(self, times: np.ndarray) -> np.ndarray:
        """The step each sorted stamp of one group lies on, int64 (N,) from 0; -1 for one between steps."""
        if not self.regular or self.step == "row":
            return np.arange(len(times))
        if self.months is not None:
            steps = times.astype("datetime64[M]").astype(np.int64)
            step = self.months
        else:
            steps, step = times.astype(np.int64), self.microseconds or 1
        since = steps - steps[0]
        return np.where(since % step == 0, since // step, -1)

    def future(self, last_time: np.datetime64 | int, n: int) -> np.ndarray:
        """The n stamps after last_time, datetime64[us] (n,); of a row clock the next row numbers, int64."""
        ahead = np.arange(1, n + 1)
        if self.step == "row":
            return int(last_time) + ahead
        last = np.array([last_time], STAMP)[0]
        if self.months is not None:
            return self._on_calendar(last, ahead * self.months)
        step = self.microseconds or 1
        if self.weekly_slots is None:
            return last + ahead * step
        slots, found = np.array(self.weekly_slots), np.empty(0, STAMP)
        week, at = WEEK // step, 1
        while len(found) < n:
            steps = last + np.arange(at, at + week) * step
            kept = steps[np.isin(self._slot(steps), slots)]
            if not len(kept):
                raise InputError(
                    f"no step of {self.step} after {last} meets the times of the week in use: "
                    "predict from rows stamped as the training rows are"
                )
            found, at = np.concatenate([found, kept]), at + week
        return found[:n]

    def _on_calendar(self, last: np.datetime64, months: np.ndarray) -> np.ndarray:
        """The stamps that many months after last, on the clock's day of the month, at last's time of day."""
        month = last.astype("datetime64[M]") + months
        length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
        day = np.minimum(self.day or int(_days(np.array([last]))[0][0]), length)
        return month.astype(STAMP) + (day - 1) * DAY + (last - last.astype("datetime64[D]"))

    def seasons(self, yearly: bool = False) -> list[int]:
        """The season lengths to try, in steps, shortest first: days and weeks, or years of longer steps.

        yearly adds the year to clocks of a day or less.
        """
        if self.months is not None:
            return [12 // self.months] if 12 % self.months == 0 and self.months < 12 else []
        step = self.microseconds
        if step is None:
            return []
        if self.weekly_slots is not None:
            week = len(self.weekly_slots)
            days = np.unique(np.array(self.weekly_slots) // 86400, return_counts=True)[1]
            even = [int(days[0])] if (days == days[0]).all() and days[0] > 1 else []
            return [*even, week, *([round(365.25 / 7 * week)] if yearly else [])]
        if step % WEEK == 0:
            return [52 // (step // WEEK)] if 52 % (step // WEEK) == 0 and step < 52 * WEEK else []
        year = [round(365.25 * DAY / step)] if yearly and step <= DAY else []
        return [length // step for length in (DAY, WEEK) if length % step == 0 and length > step] + year

    def spans_year(self, times: np.ndarray) -> bool:
        """Whether sorted stamps, with the step that the last of them begins, last 365 days; never so of a row clock."""
        if self.step == "row" or not len(times):
            return False
        end = times[-1] + self.microseconds if self.microseconds else self.future(times[-1], 1)[0]
        return bool(end - times[0] >= np.timedelta64(365, "D"))

    def features(self, times: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """What the calendar says of each stamp: (names, float32 (N, C)), C = 0 for a row clock.

        Only what varies at this step: time of day as sin and cos of one and two turns a day, day of the week
        one-hot (0 or 1), day of the year as sin and cos of one turn; of calendar steps the month as sin and
        cos of one turn a year, and of two below a quarter.
        """
        wall = self._wall(times) if self.step != "row" else np.empty(len(times), STAMP)
        names: list[str] = []
        parts: list[np.ndarray] = []

        def turns(name: str, phase: np.ndarray, harmonics: int) -> None:
            for k in range(1, harmonics + 1):
                for wave in (np.sin, np.cos):
                    names.append(f"{name}_{wave.__name__}{k}")
                    parts.append(wave(2 * np.pi * k * phase))

        step = self.microseconds
        if step is not None and step < DAY:
            turns("day", (wall - wall.astype("datetime64[D]")).astype(np.int64) / DAY, 2)
        if step is not None and step < WEEK:
            days = (wall.astype("datetime64[D]").astype(np.int64) + 3) % 7
            for at in self._weekdays():
                names.append(WEEKDAYS[at])
                parts.append(days == at)
        if step is not None and step < 52 * WEEK:
            year = wall.astype("datetime64[Y]").astype(STAMP)
            turns("year", (wall - year).astype(np.int64) / (365.25 * DAY), 1)
        if self.months is not None and self.months < 12:
            month = wall.astype("datetime64[M]").astype(np.int64) % 12
            turns("year", month / 12, 2 if self.months < 3 else 1)
        columns = np.stack(parts, 1) if parts else np.empty((len(times), 0))
        return tuple(names), columns.astype(np.float32)

    def _weekdays(self) -> list[int]:
        return sorted({slot // 86400 for slot in self.weekly_slots}) if self.weekly_slots else list(range(7))

    def count(self, n: int) -> str:
        """So many steps in words: "1 hour", "11,976 hours", "3 steps of 30 minutes"."""
        count, unit = (1, "row") if self.step == "row" else _amount(self.step)
        return f"{n:,} {unit}{'s' * (n != 1)}" if count == 1 else f"{n:,} step{'s' * (n != 1)} of {self.step}"

    def __str__(self) -> str:
        if self.step == "row":
            return "no time column: one row is one step"
        if self.weekly_slots is not None:
            weekends = self.step == "1 day" and self._weekdays() == [0, 1, 2, 3, 4]
            idle = "weekends" if weekends else "the times of the week not in use"
            return f"one step is {self.step}, {idle} left out"
        return f"one step is {self.step}" + ("" if self.regular else " mostly: one row is taken as one step")

    def to_json(self) -> dict[str, Any]:
        """The clock as plain values that json.dumps takes."""
        plain = asdict(self)
        return plain | {"weekly_slots": None if self.weekly_slots is None else list(self.weekly_slots)}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Clock":
        """The clock that to_json wrote."""
        slots = plain.get("weekly_slots")
        return cls(**(plain | {"weekly_slots": None if slots is None else tuple(slots)}))


def _amount(step: str) -> tuple[int, str]:
    match = re.fullmatch(r"([0-9]{1,15}) ([a-z]+?)s?", step)
    if match is None or match[2] not in MICROSECONDS | MONTHS or int(match[1]) < 1:
        raise InputError(
            f"a step must be 'row' or like '30 minutes' or '1 month', but {step!r} was given: "
            f"write a count and one of {', '.join(MICROSECONDS | MONTHS)}"
        )
    return int(match[1]), match[2]


def _in_words(length: int) -> str:
    unit = [unit for unit, size in MICROSECONDS.items() if length % size == 0][-1]
    count = length // MICROSECONDS[unit]
    return f"{count} {unit}{'s' * (count != 1)}"


def _in_months(months: int) -> str:
    unit = "year" if months % 12 == 0 else "quarter" if months == 3 else "month"
    count = months // MONTHS[unit]
    return f"{count} {unit}{'s' * (count != 1)}"


def _days(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(day of the month, length of the month) of each stamp."""
    month = times.astype("datetime64[M]")
    inside = (times.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64) + 1
    length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    return inside, length


@lru_cache
def _zone(name: str) -> ZoneInfo:
    try:
        if not ZONE.fullmatch(name):
            raise ValueError("no name of a zone, but maybe of a file")
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(f"no time zone {name!r}: give an IANA name like Europe/Paris") from None
