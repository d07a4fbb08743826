"""Windows over long series: an index into one table, never a copy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding

from elman.data.batch import Batch
from elman.data.series.augment import WindowChange
from elman.data.series.encoder import Tables
from elman.data.series.series import SeriesSet

MOST_JUDGED = 100_000  # windows of a part that choose or judge: more would say the same
MOST_STEPS = 1 << 20  # steps of these that are forecast


class Windows:
    """Every window ends just before an origin o: the past is rows o-T..o-1, the horizon rows o..o+K-1 of the tables.

    ``origins`` (M,) are rows of the tables; a batch is three gathers, whatever its size. ``change`` is for training
    alone: it draws from torch's own generator, which the training loop seeds.
    """

    def __init__(
        self, tables: Tables, origins: np.ndarray, lookback: int, horizon: int, change: WindowChange | None = None
    ) -> None:
        self.change, self.lookback, self.horizon = change, lookback, horizon
        self.tables, self.origins = tables, torch.from_numpy(origins)
        self.target = tables.target[:, None]
        self.before = torch.arange(-lookback, 0)
        self.after = torch.arange(horizon)

    def __len__(self) -> int:
        return len(self.origins)

    def at(self, rows: np.ndarray) -> np.ndarray:
        """The origins of the windows with these numbers."""
        found: np.ndarray = self.origins.numpy()[rows]
        return found

    @property
    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the deviation of the target's scale, (N,) each, row by row of the tables."""
        return self.tables.mean, self.tables.deviation

    def batch(self, rows: Tensor) -> Batch:
        origins = self.origins[rows, None]
        if self.change is not None:
            return self._changed(origins, rows)
        return Batch(
            {
                "x": embedding(origins + self.before, self.tables.past),
                "known": embedding(origins + self.after, self.tables.future),
                "group": self.tables.group[origins[:, 0]],
            },
            embedding(origins + self.after, self.target)[..., 0],
            rows,
        )

    def _changed(self, origins: Tensor, rows: Tensor) -> Batch:
        """The same of windows taken whole, so that what is done to them is done to past and future alike."""
        assert self.change is not None
        at, T = origins + torch.cat([self.before, self.after]), len(self.before)
        past, future = (embedding(at, table) for table in (self.tables.past, self.tables.future))
        whole = past, future, embedding(at, self.target)[..., 0]
        past, future, target = self.change(*whole, torch.default_generator)
        group = self.tables.group[origins[:, 0]]
        return Batch({"x": past[:, :T], "known": future[:, T:], "group": group}, target[:, T:], rows)


def most_judged(horizon: int) -> int:
    """Windows of a part that choose or judge at most."""
    return max(1, min(MOST_JUDGED, MOST_STEPS // horizon))


def evenly(count: int, most: int) -> np.ndarray:
    """The numbers of at most so many things of so many, evenly spaced: all where these are not more."""
    return np.arange(0, count, max(1, -(-count // most)))


def origins(
    series: SeriesSet, begin: np.ndarray, end: np.ndarray, *, lookback: int, history: int, horizon: int, stride: int
) -> np.ndarray:
    """Every ``stride``-th row that can open a horizon within begin..end of its group (M,).

    Its ``lookback`` must lie in the group and hold an observed target, and so must its horizon. At a group's very start
    ``history`` rows are left out where there are plenty, so that lagged values are real ones.
    """
    found = []
    for first, a, b in zip(series.starts[:-1], begin, end, strict=True):
        room = history if a == first and b - a > 2 * history + horizon else lookback
        found.append(np.arange(max(a, first + room), b - horizon + 1, stride))
    at = np.concatenate(found).astype(np.int64)
    seen = np.concatenate([[0], np.cumsum(np.isfinite(series.values[:, 0]))])
    return at[(seen[at + horizon] > seen[at]) & (seen[at] > seen[at - lookback])] if len(at) else at
