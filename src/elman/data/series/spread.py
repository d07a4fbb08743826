"""What an encoder takes of the rows it is fitted to, a piece after another: so it is the same for rows on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from elman.data.scale import Scaler

PIECE = 1 << 16  # rows that are summed up together: other pieces would give other last digits


@dataclass(frozen=True)
class Rows:
    """So many rows (N, ...), of which ``read(a, b)`` gives those from a on and before b."""

    read: Callable[[int, int], np.ndarray]
    length: int

    def pieces(self) -> Iterator[np.ndarray]:
        for begin in range(0, self.length, PIECE):
            yield self.read(begin, min(begin + PIECE, self.length))

    def column(self, at: int) -> Rows:
        return Rows(lambda a, b: self.read(a, b)[:, at], self.length)

    def moves(self, spans: Sequence[int]) -> Iterator[np.ndarray]:
        """Observed changes over each of these numbers of rows, of the pieces one after another."""
        for begin in range(0, self.length, PIECE):
            end = min(begin + PIECE, self.length)
            found = []
            for h in spans:
                if h < end:
                    first = max(h, begin)
                    found.append(self.read(first, end) - self.read(first - h, end - h))
            moves = np.concatenate(found or [np.empty(0)])
            yield moves[np.isfinite(moves)]


def scaler(rows: Rows) -> Scaler:
    """The mean and deviation of each column."""
    return Scaler.over(rows.pieces)


def scale(y: Rows, level: str, horizon: int) -> tuple[float, float]:
    """Mean and deviation of one group's target.

    Where changes are learnt, changes set the scale: the level of a price says nothing about its moves.
    """
    fitted, squares, count = scaler(y), 0.0, 0
    if level == "last":
        for moves in y.moves(_spans(horizon)):
            squares, count = squares + float(np.sum(moves**2)), count + len(moves)
    spread = float(np.sqrt(squares / count)) if count else 0.0
    return float(fitted.mean), spread or float(fitted.deviation)


def choose_level(groups: Sequence[Rows], horizon: int) -> Literal["last", "none"]:
    """ "last" where repeating the last value is far better than the mean of the training part: the series wanders."""
    ratio = []
    for y in groups:
        count, total = 0, 0.0
        for moves in y.moves(_spans(horizon)):
            count, total = count + len(moves), total + float(np.abs(moves).sum())
        spread = _mean_distance(y) if count else 0.0
        if spread > 0:
            ratio.append(total / count / spread)
    return "last" if ratio and np.median(ratio) < 0.4 else "none"


def correlation(rows: Rows, a: int, b: int) -> float:
    """Of two columns, where both are observed; 0 where that is less than three times, or one never moves."""

    def both() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for values in rows.pieces():
            x, y = values[:, a], values[:, b]
            seen = np.isfinite(x) & np.isfinite(y)
            yield x[seen], y[seen]

    count, sums = 0, np.zeros(2)
    for x, y in both():
        count, sums = count + len(x), sums + np.array([x.sum(), y.sum()])
    if count < 3:
        return 0.0
    mx, my = sums / count
    xx, yy, xy = np.sum([[_dot(x - mx, x - mx), _dot(y - my, y - my), _dot(x - mx, y - my)] for x, y in both()], 0)
    return float(xy / (np.sqrt(xx) * np.sqrt(yy))) if xx and yy else 0.0


def missing(rows: Rows) -> np.ndarray:
    """(F,) whether some value of each column is."""
    found = [np.isnan(values).any(axis=0) for values in rows.pieces()]
    return np.any(found, axis=0)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sum(a * b))


def _mean_distance(y: Rows) -> float:
    """From the mean."""
    count, total, away = 0, 0.0, 0.0
    for values in y.pieces():
        count, total = count + int((~np.isnan(values)).sum()), total + float(np.nansum(values))
    for values in y.pieces():
        away += float(np.nansum(np.abs(values - total / count)))
    return away / count


def _spans(horizon: int) -> list[int]:
    """One step, half the horizon and all of it: one span alone might be just a season."""
    return sorted({1, -(-horizon // 2), horizon})
