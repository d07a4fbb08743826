"""The same model as users write it in plain torch: nn.LSTM, a Dataset of windows, a DataLoader, one Adam loop.

It reads the tables that elman's encoder made, so both see the same numbers, and trains the same architecture for the
same minutes with the same learning rate schedule in time, validating as often;
only what surrounds the arithmetic differs.
"""

from __future__ import annotations

import math
import time
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class PlainWindows(Dataset):
    def __init__(self, windows: Any, lookback: int, horizon: int) -> None:
        tables = windows.tables
        self.past, self.future, self.target, self.group = tables.past, tables.future, tables.target, tables.group
        self.origins, self.lookback, self.horizon = windows.origins.tolist(), lookback, horizon

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, i: int) -> Any:
        o = self.origins[i]
        ahead = slice(o, o + self.horizon)
        return self.past[o - self.lookback : o], self.future[ahead], self.group[o], self.target[ahead]


class PlainNetwork(nn.Module):
    def __init__(self, like: Any, cell: str, layers: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.level, self.kin, self.lags = like.level, like.kin, like.lags
        self.group = deepcopy(like.group)
        make = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.encoder = make(like.encoder.input_size, hidden, layers, batch_first=True)
        self.decoder = make(like.decoder.input_size, hidden, layers, batch_first=True)
        self.dropout, self.head, self.repeat = nn.Dropout(dropout), deepcopy(like.head), deepcopy(like.repeat)

    def forward(self, x: Any, known: Any, group: Any) -> Any:
        level = x[:, -1:, :1] if self.level == "last" else torch.zeros_like(x[:, -1:, :1])
        own = 1 + self.kin
        x = torch.cat([x[..., :own] - level, x[..., own:]], -1)
        known = torch.cat([known[..., : self.lags] - level, known[..., self.lags :]], -1)
        past, future = x, known
        if self.group is not None:
            which = self.group(group)[:, None]
            past = torch.cat([x, which.expand(-1, x.shape[1], -1)], -1)
            future = torch.cat([known, which.expand(-1, known.shape[1], -1)], -1)
        _, state = self.encoder(past)
        decoded, _ = self.decoder(future, state)
        repeated = torch.cat([x[:, -1:, :1].expand(-1, known.shape[1], -1), known[..., : self.lags]], -1)
        correction = self.head(torch.cat([self.dropout(decoded), known], -1))
        return level + (repeated * self.repeat).sum(-1, keepdim=True) + correction


def plain_torch(model: Any, made: Any, seconds: float, seed: int) -> dict[str, float]:
    """Train for as long as elman did, on as many threads; returns MAE and RMSE of the test part, and the steps made."""
    from elman.evaluate.forecast.intervals import MEAN, MIDDLE

    config = model.config_
    torch.manual_seed(seed)
    torch.set_num_threads(model.plan_.threads)
    with torch.random.fork_rng():
        fresh = model.network(config)
    net = PlainNetwork(fresh, config.cell, config.layers, config.hidden, config.dropout)
    sets = {name: PlainWindows(part, model.lookback_, config.horizon) for name, part in made.items()}
    loader = DataLoader(sets["train"], batch_size=config.batch_size, shuffle=True)
    adam = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    index = MIDDLE if config.point == "median" else MEAN

    def errors(part: str, most: int | None = None) -> Any:
        chosen = sets[part]
        stride = max(1, len(chosen) // most) if most else 1
        subset = torch.utils.data.Subset(chosen, range(0, len(chosen), stride))
        net.eval()
        found, at = [], []
        with torch.no_grad():
            for x, known, group, y in DataLoader(subset, batch_size=512):
                found.append((net(x, known, group)[..., index] - y).numpy())
        net.train()
        at = np.array(chosen.origins)[::stride]
        return np.concatenate(found), at

    begin, step, best, kept = time.perf_counter(), 0, math.inf, deepcopy(net.state_dict())
    next_check = begin + seconds / 12
    while time.perf_counter() - begin < seconds:
        for x, known, group, y in loader:
            share = min(1.0, (time.perf_counter() - begin) / seconds)
            rate = config.learning_rate * 0.5 * (1 + math.cos(math.pi * share)) * min(1.0, share / config.warmup)
            for parameters in adam.param_groups:
                parameters["lr"] = rate
            adam.zero_grad()
            loss = model.loss(net(x, known, group), _Batch(y))
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), config.clip)
            adam.step()
            step += 1
            now = time.perf_counter()
            if now > next_check or now - begin >= seconds:
                next_check = now + seconds / 12
                error, _ = errors("valid", 4096)
                score = float(np.nanmean(np.abs(error) if index == MIDDLE else error**2))
                if score < best:
                    best, kept = score, deepcopy(net.state_dict())
            if now - begin >= seconds:
                break
    net.load_state_dict(kept)
    error, at = errors("test")
    error = error * made["test"].tables.deviation[at, None]
    return {"mae": float(np.nanmean(np.abs(error))), "rmse": float(np.sqrt(np.nanmean(error**2))), "steps": step}


class _Batch:
    def __init__(self, y: Any) -> None:
        self.y = y
