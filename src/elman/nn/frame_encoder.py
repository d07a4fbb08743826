"""What looks at the frames of a clip before the recurrent stack does: convolutions, or a convolutional GRU."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from elman.nn.convolutional import ConvGRU

Kind = Literal["conv", "convgru"]
CHANNELS = (16, 32, 64)


class FrameEncoder(nn.Module):
    """A vector for each frame, from the frame x_t and from what has changed since the one before.

        u_t = [x_t, x_t - x_{t-1}]                           x_0 = x_1
        conv      e_t = W flat(pool(relu(K_3 * relu(K_2 * relu(K_1 * u_t))))) + b         strides 2, 2, 1
        convgru   e_t = W flat(pool(ConvGRU(v_1, ..., v_t))) + b,  v_t = relu(K_2 * relu(K_1 * u_t))

    ``shape`` is (Y, X, C) of a frame, which x holds flat. ``pool`` takes means over 4 x 4 parts of the picture, so that
    where something is stays known. Attribute ``outputs``, the size of e_t.
    Raises: ValueError for another ``kind``.
    Source: Donahue et al., arXiv:1411.4389 (convolutions, then an LSTM); Ballas et al., arXiv:1511.06432.
    """

    def __init__(self, shape: tuple[int, int, int], kind: Kind = "conv", outputs: int = 64) -> None:
        super().__init__()
        if kind not in ("conv", "convgru"):
            raise ValueError(f"kind is {kind!r}, but a frame encoder is conv or convgru: choose one")
        self.shape, self.outputs = shape, outputs
        first, second, third = CHANNELS
        self.first = nn.Sequential(
            nn.Conv2d(2 * shape[2], first, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.third = nn.Conv2d(second, third, 3, padding=1) if kind == "conv" else None
        self.recurrent = ConvGRU(second, second) if kind == "convgru" else None
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.last = nn.Linear(16 * (third if kind == "conv" else second), outputs)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """x (T, B, Y X C) and lengths (B,) to (T, B, outputs); past a row's end 0."""
        steps, rows = x.shape[:2]
        frames = x.unflatten(2, self.shape).permute(0, 1, 4, 2, 3)
        changes = torch.cat([torch.zeros_like(frames[:1]), frames.diff(dim=0)])
        u = torch.cat([frames, changes], 2)
        # What pads the shorter clips is not looked at.
        inside = torch.ones(steps, rows, dtype=torch.bool, device=x.device)
        if lengths is not None:
            inside = torch.arange(steps, device=x.device)[:, None] < lengths.to(x.device)
        v = self.first(u[inside])
        if self.third is not None:
            v = self.third(v).relu()
        elif self.recurrent is not None:
            spread = v.new_zeros(steps, rows, *v.shape[1:]).index_put((inside,), v)
            v = self.recurrent(spread, lengths=lengths)[0][inside]
        e = self.last(self.pool(v).flatten(1))
        return e.new_zeros(steps, rows, self.outputs).index_put((inside,), e)
