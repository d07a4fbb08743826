"""Which columns of a table a forecaster may read when the user names none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.data.series.series import MOST_KINDS
from elman.data.table import Origin, categories, column, holds_numbers, numbers, read_table
from elman.data.times import guess_time_column


def guess_inputs(
    source: Any, *, taken: Sequence[str], time: str | Sequence[str] | None
) -> tuple[tuple[str, ...], list[str]]:
    """Columns that may help, and in words which were left out and why.

    Left out: what is taken, the time, row numbers, columns that never change, copies of a taken column, dates, and
    text of more than 20 kinds.
    """
    origin, frame = Origin.of(source), read_table(source)
    if time is None:
        time = guess_time_column(frame.drop([name for name in taken if name in frame.columns]), origin)
    times = (time,) if isinstance(time, str) else tuple(time)
    found, left = [], []
    copies = [
        numbers(frame, name, origin) for name in taken if name in frame.columns and holds_numbers(frame, name, origin)
    ]
    for name in frame.columns:
        if name in taken or name in times:
            continue
        if holds_numbers(frame, name, origin):
            values = numbers(frame, name, origin)
            steps = np.diff(values)
            if np.isnan(values).all() or np.nanmin(values) == np.nanmax(values):
                left.append(f"{name} (never changes)")
            elif len(steps) and steps[0] != 0 and (steps == steps[0]).all():
                left.append(f"{name} (numbers the rows)")
            elif any(np.array_equal(values, copy, equal_nan=True) for copy in copies):
                left.append(f"{name} (a copy)")
            else:
                found.append(name)
                copies.append(values)
        elif column(frame, name, origin).dtype.is_temporal():
            left.append(f"{name} (dates)")
        else:
            kinds = len({kind for kind in categories(frame, name, origin) if kind is not None})
            if 1 < kinds <= MOST_KINDS:
                found.append(name)
            else:
                left.append(f"{name} ({kinds} kinds of text)")
    return tuple(found), [f"columns not read: {', '.join(left)}"] if left else []
