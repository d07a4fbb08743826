"""What a fit has seen of its series, to know it again in a later file."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from elman.data.series.series import Series

FIRST = 32  # targets by which series without times are known again


@dataclass(frozen=True)
class Seen:
    """``until``: the last moment that was learnt from or chosen by; ``first``: the first targets of the first group."""

    until: str | int
    first: np.ndarray

    @classmethod
    def of(cls, series: Series, ends: np.ndarray) -> Seen:
        """Each group up to its end (G,)."""
        last = max(series.times[end - 1] for end in ends)
        first = series.values[series.starts[0] : series.starts[0] + FIRST][:, 0].copy()
        return cls(str(last) if isinstance(last, np.datetime64) else int(last), first)

    def unseen(self, series: Series) -> tuple[np.ndarray, tuple[str, ...]]:
        """The first row of each group that the fit has not seen, and what to say of it."""
        starts, seen = series.starts[:-1], self.until
        if series.clock.step == "row":
            same = np.array_equal(series.values[starts[0] : starts[0] + FIRST][:, 0], self.first, equal_nan=True)
            if not same:
                return starts, ("all rows are judged: without times it is not known whether the fit saw them",)
        until = seen if isinstance(seen, int) else np.datetime64(seen, "us")
        begin = np.array([bisect_right(series.times, until, a, b) for a, b in pairwise(series.starts.tolist())])
        if (begin >= series.starts[1:]).all():
            return starts, (f"WARNING: the fit has seen all of these rows (up to {seen}): this is no honest score",)
        if (begin > starts).any():
            return begin, (f"only rows after {seen} are judged: the fit has seen those before",)
        return begin, ()
