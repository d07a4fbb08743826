"""The scale of each channel of pictures and of frames, as in the training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Channels:
    """Mean and deviation of each of C channels."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fit(cls, values: Tensor) -> Self:
        """Of an evenly spaced thousand of pictures (N, Y, X, C)."""
        some = values[:: max(1, len(values) // 1000)].double().flatten(0, 2)
        return cls(tuple(some.mean(0).tolist()), tuple(some.std(0).clamp(min=1.0).tolist()))

    def scaled(self, values: Tensor) -> Tensor:
        """(..., C) bytes as numbers about 0."""
        return (values.float() - torch.tensor(self.mean)) / torch.tensor(self.deviation)

    def to_json(self) -> dict[str, Any]:
        return {"mean": list(self.mean), "deviation": list(self.deviation)}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(tuple(state["mean"]), tuple(state["deviation"]))
