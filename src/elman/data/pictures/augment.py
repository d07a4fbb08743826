"""What is done to pictures while learning: moved, turned, scaled and bent a little, anew each time."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from elman.data.pictures.ways import PictureEncoder
from elman.data.sequences import Change

MOVED, TURNED, SCALED, SHEARED = 0.08, 10.0, 0.1, 0.15  # shares of a side, degrees, shares, shares


def moved(encoder: PictureEncoder, mirror: bool = False) -> Change:
    """Each picture by an affine map of its own; with ``mirror`` half of them the other way round."""

    def change(x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        pictures = encoder.pictures(x).permute(0, 3, 1, 2)
        found = warped(pictures, affine_maps(len(pictures), mirror, generator))
        return encoder.sequences(found.permute(0, 2, 3, 1)), lengths

    return change


def warped(pictures: Tensor, maps: Tensor) -> Tensor:
    """(B, C, Y, X) by the maps (B, 2, 3); what comes in from outside is like the edge."""
    grid = functional.affine_grid(maps, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def affine_maps(count: int, mirror: bool, generator: Generator) -> Tensor:
    """(B, 2, 3): rotation, shear, scales and shift in the units of affine_grid, whose pictures are 2 wide."""
    angle, shear, wide, tall, right, down = (torch.rand(6, count, generator=generator) * 2 - 1).unbind(0)
    angle, shear = angle * math.radians(TURNED), shear * SHEARED
    wide, tall = 1 + SCALED * wide, 1 + SCALED * tall
    if mirror:
        wide = wide * torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    first = torch.stack([angle.cos() * wide, -angle.sin() * tall + shear, 2 * MOVED * right], 1)
    second = torch.stack([angle.sin() * wide, angle.cos() * tall, 2 * MOVED * down], 1)
    return torch.stack([first, second], 1)
