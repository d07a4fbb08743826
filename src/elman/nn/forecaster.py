"""The forecaster's network: an encoder over the past, a decoder over the known future, quantiles at every step."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from elman.nn.classic import GRU, LSTM, RNN
from elman.nn.initialise import initialise

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class ForecastNetwork(nn.Module):
    """All K steps at once, decoded from the encoder's final state, so that the first step sees the last observation.

        s = encoder(x_1 ... x_T)                      final state of the recurrent stack
        d_1 ... d_K = decoder(known_1 ... known_K; s)  the same cell, started from s
        a_k = (x_T, lag_1, ..., lag_m)                 the target's last value and its values one season before step k
        y_k = level + spread (w_k (a_k - level) / spread + MLP(d_k, known_k))

    Level and spread are each window's own, and reversible: the last value and 1 (``level="last"``, for series that
    wander: the network then learns changes), the window's mean and deviation ("window"), or 0 and 1 ("none"). w starts
    at 0 and learns how far to trust repetition; the MLP's last layer starts at 0, so training starts at the level.

    Shapes: x (B, T, F) whose first 1 + ``kin`` columns are the target and what shares its units; known (B, K, F') whose
    first ``lags`` columns are the target one season before; group (B,) series numbers, 0 for one never seen. Returns
    (B, K, outputs), in the target's scale.

    Source: reversible window normalisation, Kim et al., ICLR 2022 (without its learnt affine map).
    """

    def __init__(
        self,
        *,
        past: int,
        future: int,
        horizon: int,
        outputs: int,
        kin: int,
        lags: int,
        groups: int,
        cell: Literal["rnn", "lstm", "gru"],
        layers: int,
        hidden: int,
        dropout: float,
        residual: bool,
        level: Literal["last", "window", "none"],
    ) -> None:
        super().__init__()
        self.kin, self.lags, self.level = kin, lags, level
        width = min(16, 2 + groups // 8) if groups > 1 else 0
        self.group = nn.Embedding(groups + 1, width) if width else None
        between = dropout if layers > 1 else 0.0
        recurrent = CELLS[cell]
        self.encoder = recurrent(past + width, hidden, layers, dropout=between, residual=residual)
        self.decoder = recurrent(future + width, hidden, layers, dropout=between, residual=residual)
        self.dropout = nn.Dropout(dropout)
        last = nn.Linear(hidden, outputs)
        self.head = nn.Sequential(nn.Linear(hidden + future, hidden), nn.SiLU(), last)
        self.repeat = nn.Parameter(torch.zeros(horizon, 1 + lags))
        initialise(self)
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor, known: Tensor, group: Tensor) -> Tensor:
        level, spread = self._window(x[..., :1])
        own = 1 + self.kin
        x = torch.cat([(x[..., :own] - level) / spread, x[..., own:]], dim=-1)
        known = torch.cat([(known[..., : self.lags] - level) / spread, known[..., self.lags :]], dim=-1)
        past, future = x, known
        if self.group is not None:
            which = self.group(group)[:, None]
            past = torch.cat([x, which.expand(-1, x.shape[1], -1)], dim=-1)
            future = torch.cat([known, which.expand(-1, known.shape[1], -1)], dim=-1)
        _, state = self.encoder(past.transpose(0, 1))
        decoded, _ = self.decoder(future.transpose(0, 1), state)
        correction = self.head(torch.cat([self.dropout(decoded.transpose(0, 1)), known], dim=-1))
        repeated = torch.cat([x[:, -1:, :1].expand(-1, known.shape[1], -1), known[..., : self.lags]], dim=-1)
        return level + spread * ((repeated * self.repeat).sum(-1, keepdim=True) + correction)

    def _window(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Level and spread (B, 1, 1) of each window (B, T, 1)."""
        last = target[:, -1:]
        if self.level == "window":
            # A flat window has no deviation; the floor, a twentieth of the series' own, keeps its noise small.
            return target.mean(1, keepdim=True), target.std(1, keepdim=True, correction=0) + 0.05
        return (last if self.level == "last" else torch.zeros_like(last)), torch.ones_like(last)
