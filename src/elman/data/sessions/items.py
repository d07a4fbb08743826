"""The items that a model knows, as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from elman.data.ragged import Ragged
from elman.data.sessions.reader import Sessions

PAD, UNKNOWN = 0, 1
FIRST = 2  # number of the most frequent item


class Items:
    """``names[number]`` of each item, the most frequent first; 0 is padding, 1 what was not met in training."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self._numbers = {name: number for number, name in enumerate(names[FIRST:], FIRST)}

    @classmethod
    def fit(cls, sessions: Sessions, rarest: int = 1) -> Items:
        """Those that occur ``rarest`` times at least."""
        counts = np.bincount(sessions.events.values.numpy(), minlength=len(sessions.items))
        order = np.argsort(-counts, kind="stable")
        return cls(["", "<unknown>", *(sessions.items[code] for code in order if counts[code] >= rarest)])

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str) -> int:
        return self._numbers.get(name, UNKNOWN)

    def encode(self, sessions: Sessions) -> Ragged:
        of_code = torch.tensor([self.number(name) for name in sessions.items] or [UNKNOWN], dtype=torch.int32)
        return Ragged(of_code[sessions.events.values.long()], sessions.events.starts)

    def to_json(self) -> Any:
        return self.names[FIRST:]

    @classmethod
    def from_json(cls, state: Any) -> Items:
        return cls(["", "<unknown>", *state])
