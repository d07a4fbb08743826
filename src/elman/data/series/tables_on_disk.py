"""What windows are cut from when it has no room in memory: encoded once, in order, and read window by window."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from elman.data.batch import Batch
from elman.data.disk import OnDisk
from elman.data.series.augment import WindowChange
from elman.data.series.encoder import SeriesEncoder
from elman.data.series.on_disk import AT_ONCE, SeriesOnDisk
from elman.data.series.window import Windows


@dataclass(frozen=True)
class TablesOnDisk:
    """The columns of ``past`` and then the target, (N, F + 1) float32; those of ``future`` are among them.

    ``mean`` and ``deviation`` (N,) are one number each, as of all rows.
    """

    rows: OnDisk
    future: tuple[int, ...]  # where the columns of ``future`` are; () where it is a constant
    mean: np.ndarray
    deviation: np.ndarray


def encoded(encoder: SeriesEncoder, series: SeriesOnDisk) -> TablesOnDisk:
    """The tables of one series on disk, a piece after another, each behind a row of what was last seen before it."""
    (mean,), (deviation,) = encoder.target.mean, encoder.target.deviation
    scaled, rows = OnDisk((), np.float64), OnDisk((len(encoder.past_columns) + 1,), np.float32)
    seen = np.full((1, len(encoder.columns)), np.nan)
    for begin in range(0, len(series), AT_ONCE):
        part = series.part(begin, begin + AT_ONCE)
        values = np.concatenate([seen, part.values])
        times = np.concatenate([part.times[:1], part.times])
        led = replace(part, values=values, times=times, starts=np.array([0, len(values)]))
        z, means, deviations = encoder.scaled(led, None)
        scaled.append(z[1:])
        at = np.arange(begin - 1, begin + len(z) - 1)
        lagged = np.zeros((len(z), len(encoder.lags)))
        for k, lag in enumerate(encoder.lags):
            first = max(0, begin - 1 - lag)
            lagged[:, k] = scaled.read(first, begin + len(z))[np.maximum(at - lag, 0) - first]
        past, _, target = encoder.tabled(led, z, means, deviations, lagged)
        rows.append(np.column_stack([past, target])[1:])
        seen = np.array([[_last_seen(column) for column in values.T]])
    past_columns = encoder.past_columns
    future = tuple(past_columns.index(one) for one in encoder.future_columns if one.kind != "constant")
    everywhere = (len(series),)
    return TablesOnDisk(rows, future, np.broadcast_to(mean, everywhere), np.broadcast_to(deviation, everywhere))


def _last_seen(values: np.ndarray) -> float:
    seen = np.flatnonzero(np.isfinite(values))
    return float(values[seen[-1]]) if len(seen) else np.nan


class WindowsOnDisk(Windows):
    """Windows over tables on disk, whose origins may be there too: a batch reads each of its windows, at once."""

    def __init__(
        self,
        tables: TablesOnDisk,
        origins: np.ndarray | OnDisk,
        lookback: int,
        horizon: int,
        change: WindowChange | None = None,
    ) -> None:
        self.on_disk, self._origins, self.change = tables, origins, change
        self.lookback, self.horizon = lookback, horizon

    def __len__(self) -> int:
        return len(self._origins)

    def at(self, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._origins[rows]
        return found

    @property
    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        return self.on_disk.mean, self.on_disk.deviation

    def batch(self, rows: Tensor) -> Batch:
        T, K = self.lookback, self.horizon
        read = torch.from_numpy(self.on_disk.rows.gather(self.at(rows.numpy()) - T, T + K))
        past, target = read[..., :-1], read[..., -1]
        ahead = list(self.on_disk.future)
        future = past[..., ahead] if ahead else torch.ones(len(rows), T + K, 1)
        group = torch.ones(len(rows), dtype=torch.int64)
        if self.change is not None:
            past, future, target = self.change(past, future, target, torch.default_generator)
        return Batch(
            {"x": past[:, :T].contiguous(), "known": future[:, T:].contiguous(), "group": group},
            target[:, T:].contiguous(),
            rows,
        )


def origins_on_disk(
    series: SeriesOnDisk, begin: int, end: int, *, lookback: int, history: int, horizon: int, stride: int
) -> OnDisk:
    """As ``window.origins`` finds them."""
    found = OnDisk((), np.int64)
    room = history if begin == 0 and end > 2 * history + horizon else lookback
    for first in range(max(begin, room), end - horizon + 1, stride * AT_ONCE):
        at = np.arange(first, min(first + stride * AT_ONCE, end - horizon + 1), stride)
        before, ahead = series.last[at - 1], series.last[at + horizon - 1]
        found.append(at[(ahead >= at) & (before >= at - lookback)])
    return found
