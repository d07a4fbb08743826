"""Texts with the frames that speak them, as the training loop takes them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from elman.data.batch import Batch
from elman.data.ragged import Ragged


class Utterances:
    """Rows of symbols and of frames (T', F), r frames a step; what a row lacks of its last step is ``silence`` (F,).

    A batch holds ``x`` (S, B) symbols, ``lengths`` (B,), ``before`` (T, B, F), the last frame of the step before, 0 at
    first, ``steps`` (B,), and y (T, B, r F), NaN past a row's end.
    """

    def __init__(self, x: Ragged, frames: Ragged, r: int, silence: Tensor) -> None:
        whole = [torch.cat([row, silence.expand(-len(row) % r, -1)]) for row in map(frames.row, range(len(frames)))]
        self.x, self.r = x, r
        self.frames = Ragged.of(whole)
        self.lengths = self.frames.lengths // r  # steps: rows of like work come together

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, rows: Tensor) -> Batch:
        x, lengths = self.x.padded(rows)
        frames, _ = self.frames.padded(rows, math.nan)
        y = frames.unflatten(0, (-1, self.r)).transpose(1, 2).flatten(2)
        last = y[:-1, :, -frames.shape[-1] :].nan_to_num()
        before = torch.cat([last.new_zeros(1, *last.shape[1:]), last])
        return Batch({"x": x, "lengths": lengths, "before": before, "steps": self.lengths[rows]}, y, rows)
