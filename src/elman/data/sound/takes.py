"""Sounds in several takes, the same words at other speeds: each time a row is learnt from, one of them is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from elman.data.ragged import Ragged
from elman.data.sound.reader import resampled

SPEEDS = (1.0, 0.85, 0.92, 1.08, 1.17)  # the first is the sound as it is


def at_speed(wave: Tensor, rate: int, speed: float) -> Tensor:
    """A wave (N,) read so many times as quick: (N / speed,), all frequencies times ``speed``, as on a tape.

    Source: Ko et al., Audio augmentation for speech recognition, 2015.
    """
    return torch.from_numpy(resampled(wave.numpy(), round(rate * speed), rate))


class Takes:
    """R sounds in K takes of R rows each; what is padded is one take of each row, drawn by torch's own generator."""

    def __init__(self, takes: Sequence[Ragged]) -> None:
        self.takes = list(takes)
        self.lengths = self.takes[0].lengths

    def __len__(self) -> int:
        return len(self.takes[0])

    def padded(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, F) and lengths (B,)."""
        drawn = torch.randint(len(self.takes), (len(rows),))
        parts = [take.take(rows[drawn == at]) for at, take in enumerate(self.takes)]
        # The rows of one take after those of another, and from there to their own places.
        lengths = torch.cat([part.lengths for part in parts])
        whole = Ragged(torch.cat([part.values for part in parts]), torch.cat([lengths.new_zeros(1), lengths.cumsum(0)]))
        return whole.padded(drawn.argsort(stable=True).argsort())

    def inputs(self, x: Tensor) -> dict[str, Tensor]:
        return {"x": x}
