"""The silence before and after a sound, cut off."""

from __future__ import annotations

import torch
from torch import Tensor

FRAME, HOP = 0.025, 0.010  # seconds


def trimmed(wave: Tensor, rate: int, drop: float = 40.0, margin: float = 0.05) -> Tensor:
    """wave (N,) from its first to its last frame less than ``drop`` dB below the loudest, with ``margin`` seconds.

    A frame has 25 ms; its energy is the mean square. What is silent throughout stays as it is.
    """
    frame, hop = max(1, round(FRAME * rate)), max(1, round(HOP * rate))
    if len(wave) <= frame:
        return wave
    frames = torch.nn.functional.pad(wave, (0, -(len(wave) - frame) % hop)).unfold(0, frame, hop)
    energy = frames.double().square().mean(1)
    loud = (energy > energy.max() * 10 ** (-drop / 10)).nonzero()[:, 0]
    if not len(loud):
        return wave
    beside = round(margin * rate)
    return wave[max(0, int(loud[0]) * hop - beside) : int(loud[-1]) * hop + frame + beside]
