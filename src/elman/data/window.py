"""Windows over long series: an index into one table, never a copy."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding

from elman.data.batch import Batch


class Windows:
    """Every window ends just before an origin o: the past is rows o-T..o-1, the horizon rows o..o+K-1 of the same tables.

    past (N, F), future (N, F'), target (N,) with NaN where unobserved, group (N,) the number of each row's series,
    origins (M,) rows. A batch is three gathers, whatever its size.
    """

    def __init__(
        self,
        past: Tensor,
        future: Tensor,
        target: Tensor,
        group: Tensor,
        origins: Tensor,
        lookback: int,
        horizon: int,
    ) -> None:
        self.past, self.future, self.target, self.group = past, future, target[:, None], group
        self.origins = origins
        self.before = torch.arange(-lookback, 0)
        self.after = torch.arange(horizon)

    def __len__(self) -> int:
        return len(self.origins)

    def batch(self, rows: Tensor) -> Batch:
        origins = self.origins[rows, None]
        return Batch(
            {
                "x": embedding(origins + self.before, self.past),
                "known": embedding(origins + self.after, self.future),
                "group": self.group[origins[:, 0]],
            },
            embedding(origins + self.after, self.target)[..., 0],
            rows,
        )
