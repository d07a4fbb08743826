"""A pixel RNN: each pixel of a picture from those above it and to its left."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from elman.nn.initialise import initialise
from elman.nn.sequence import CELLS, Cell


class PixelNetwork(nn.Module):
    """The probability of a picture, pixel by pixel in the order of reading, t = 1 ... Y X.

        w_t = the pixels near t that come before it: ``up`` rows of 2 side + 1, and ``side`` to its left, in -1 .. 1
        f_t = [w_t, P_t]                               P_t a vector learnt for each place
        h_t = stack(f_1 ... f_t)
        m_t = A dropout(h_t) + B f_t + b
        z_tc = W_c relu(m_t + Σ_{d<c} V_cd x_td) + b_c          logits of the levels of channel c

    Shapes: x (B, Y, X, C) whole numbers below ``levels``, to z (B, Y, X, C, levels - 1), the logits beside a 0 of
    level 0: two levels have one logit, that of a Bernoulli distribution.
    Raises: ValueError for what the layers refuse.
    Source: van den Oord et al., arXiv:1601.06759, whose Row LSTM is run along the rows here, one pixel a step.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        levels: int,
        up: int = 3,
        side: int = 3,
        position: int = 16,
        cell: Cell = "lstm",
        hidden: int,
        layers: int = 1,
        residual: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape, self.levels, self.up, self.side = shape, levels, up, side
        tall, wide, channels = shape
        self.position = nn.Parameter(0.5 * torch.randn(tall * wide, position))
        features = channels * (up * (2 * side + 1) + side) + position
        between = dropout if layers > 1 else 0.0
        self.stack = CELLS[cell](features, hidden, layers, dropout=between, residual=residual)
        self.dropout = nn.Dropout(dropout)
        self.middle = nn.Linear(hidden + features, max(64, hidden // 2))
        inner = self.middle.out_features
        self.earlier = nn.ModuleList(nn.Linear(c, inner, bias=False) for c in range(1, channels))
        self.heads = nn.ModuleList(nn.Linear(inner, levels - 1) for _ in range(channels))
        initialise(self)

    def scaled(self, x: Tensor) -> Tensor:
        """Levels to -1 .. 1."""
        return x.to(self.position.dtype) * (2 / (self.levels - 1)) - 1

    def windows(self, x: Tensor) -> Tensor:
        """Scaled pictures (B, Y, X, C) to w (Y X, B, N C); what lies outside of the picture is 0."""
        rows, tall, wide, _ = x.shape
        around = nn.functional.pad(x, (0, 0, self.side, self.side, self.up, 0))
        places = [(u, k) for u in range(self.up) for k in range(2 * self.side + 1)]
        places += [(self.up, k) for k in range(self.side)]
        parts = [around[:, u : u + tall, k : k + wide] for u, k in places]
        return torch.cat(parts, -1).reshape(rows, tall * wide, -1).transpose(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        scaled = self.scaled(x)
        f = self._seen(scaled)
        m, pixels = self._middle(self.stack(f)[0], f), scaled.flatten(1, 2).transpose(0, 1)
        z = torch.stack([self._logits(m, pixels, c) for c in range(self.shape[2])], -2)
        return z.transpose(0, 1).unflatten(1, self.shape[:2])

    def _seen(self, scaled: Tensor) -> Tensor:
        """f (Y X, B, F) of scaled pictures."""
        return torch.cat([self.windows(scaled), self.position[:, None].expand(-1, len(scaled), -1)], -1)

    def _middle(self, h: Tensor, f: Tensor) -> Tensor:
        found: Tensor = self.middle(torch.cat([self.dropout(h), f], -1))
        return found

    def _logits(self, m: Tensor, pixels: Tensor, c: int) -> Tensor:
        """m and the scaled pixels themselves (..., C), of which those before c are looked at, to (..., levels - 1)."""
        z: Tensor = self.heads[c]((m + self.earlier[c - 1](pixels[..., :c]) if c else m).relu())
        return z

    @torch.no_grad()
    def paint(
        self, x: Tensor, known: int, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """The pictures x (B, Y, X, C) with all pixels from row ``known`` on drawn anew, one after the other."""
        self.eval()
        tall, wide, channels = self.shape
        x = x.clone()
        x[:, known:] = 0
        state = None
        if known:
            state = self.stack(self._seen(self.scaled(x))[: known * wide])[1]
        for row in range(known, tall):
            for column in range(wide):
                f = torch.cat([self._window(x, row, column), self.position[row * wide + column].expand(len(x), -1)], -1)
                h, state = self.stack(f[None], state)
                m = self._middle(h[0], f)
                for c in range(channels):
                    z = self._logits(m, self.scaled(x[:, row, column]), c)
                    z = torch.cat([z.new_zeros(len(z), 1), z], -1)
                    if temperature < 1e-6:
                        x[:, row, column, c] = z.argmax(-1)
                        continue
                    p = (z / temperature).softmax(-1)
                    x[:, row, column, c] = torch.multinomial(p, 1, generator=generator)[:, 0]
        return x

    def _window(self, x: Tensor, row: int, column: int) -> Tensor:
        """w of one place: (B, N C)."""
        above = self.scaled(x[:, max(0, row - self.up) : row + 1])
        above = nn.functional.pad(above, (0, 0, self.side, self.side, self.up + 1 - above.shape[1], 0))
        near = above[:, :, column : column + 2 * self.side + 1]
        return torch.cat([near[:, :-1].flatten(1), near[:, -1, : self.side].flatten(1)], -1)


def pixel_nats(z: Tensor, x: Tensor) -> Tensor:
    """(B,): -log p of pictures x (B, Y, X, C) by a `PixelNetwork`'s logits z, summed over their pixels."""
    if z.shape[-1] == 1:
        costs = nn.functional.binary_cross_entropy_with_logits(z[..., 0], x.to(z), reduction="none")
    else:
        logits = torch.cat([z.new_zeros(*z.shape[:-1], 1), z], -1)
        costs = nn.functional.cross_entropy(logits.flatten(0, -2), x.flatten(), reduction="none").view(x.shape)
    return costs.flatten(1).sum(1)
