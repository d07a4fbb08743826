"""Pictures and movements as users write them in plain torch: torch.nn layers, Adam, a cosine, minutes for minutes.

Trains for the given minutes, validation included, and keeps the weights of its best validation; judging comes after
the clock has stopped. The initial weights, the order and the changes follow from the seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from plain_text import Clock, take_fastest_threads
from torch import Tensor, nn

from elman.evaluate.labels.metrics import class_metrics

BATCH = 128


class PlainReader(nn.Module):
    """A torch.nn layer over (B, T, F), its steps averaged, or the last alone."""

    def __init__(
        self, features: int, classes: int, *, cell: str, hidden: int, both: bool, pool: str, steps: int = 0
    ) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.randn(steps, 32)) if steps else None
        wide = features + (32 if steps else 0)
        self.stack = getattr(nn, cell)(wide, hidden, batch_first=True, bidirectional=both)
        self.pool = pool
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(hidden * (2 if both else 1), classes)

    def forward(self, x: Tensor) -> Tensor:
        if self.position is not None:
            x = torch.cat([x, self.position.expand(len(x), -1, -1)], -1)
        y = self.stack(x)[0]
        return self.head(self.dropout(y[:, -1] if self.pool == "last" else y.mean(1)))


class PlainPixels(nn.Module):
    """A torch.nn.LSTM over pixels, each seeing the one before it and its place: (B, T) of 0 and 1 to logits (B, T)."""

    def __init__(self, steps: int, hidden: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.randn(steps, 16))
        self.stack = nn.LSTM(17, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        before = nn.functional.pad(2 * x - 1, (1, 0))[:, :-1, None]
        y = self.stack(torch.cat([before, self.position.expand(len(x), -1, -1)], -1))[0]
        return self.head(y)[..., 0]


def fitted(
    net: nn.Module,
    count: int,
    loss: Callable[[Tensor], Tensor],
    score: Callable[[], float],
    *,
    minutes: float,
    rate: float,
    batch: int = BATCH,
    every: int = 10**9,
) -> dict[str, Any]:
    """Adam with a cosine over the minutes; the weights of the lowest score are kept."""
    clock = Clock(minutes)
    adam = torch.optim.Adam(net.parameters(), lr=rate)

    def step(rows: Tensor) -> None:
        adam.zero_grad()
        loss(rows).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()

    take_fastest_threads(lambda: loss(torch.arange(batch) % count).backward())
    best, weights, epochs, steps = math.inf, deepcopy(net.state_dict()), 0, 0
    while not clock.over:
        epochs += 1
        for rows in torch.randperm(count).split(batch):
            done = min(1.0, clock.minutes / minutes)
            for group in adam.param_groups:
                group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * done))
            step(rows)
            steps += 1
            if steps % every == 0 or clock.over:
                break
        net.eval()
        with torch.no_grad():
            found = score()
        net.train()
        if found <= best:
            best, weights = found, deepcopy(net.state_dict())
    net.load_state_dict(weights)
    net.eval()
    return {"minutes": clock.minutes, "epochs": epochs}


def plain_classifier(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    cell: str,
    hidden: int,
    both: bool,
    pool: str,
    position: bool = False,
    minutes: float,
    seed: int,
    rate: float = 2e-3,
    change: Callable[[Tensor], Tensor] = lambda x: x,
) -> dict[str, Any]:
    """The metrics of the test part, (N, T, F) and labels; a tenth of train chooses, of few rows train itself."""
    torch.manual_seed(seed)
    names, y = np.unique(train[1], return_inverse=True)
    x = torch.from_numpy(np.asarray(train[0], np.float32))
    mean, spread = x.mean((0, 1)), x.std((0, 1)).clamp(min=1e-3)
    if x.shape[2] == 28:  # pictures have one scale, not one a column
        mean, spread = x.mean(), x.std()
    x, labels = (x - mean) / spread, torch.from_numpy(y)
    judged = (torch.from_numpy(np.asarray(test[0], np.float32)) - mean) / spread
    order = torch.randperm(len(x))
    apart = order[: len(x) // 10] if len(x) > 1000 else order
    kept = order[len(x) // 10 :] if len(x) > 1000 else order
    steps = x.shape[1] if position else 0
    net = PlainReader(x.shape[2], len(names), cell=cell, hidden=hidden, both=both, pool=pool, steps=steps)

    def loss(rows: Tensor) -> Tensor:
        rows = kept[rows]
        return nn.functional.cross_entropy(net(change(x[rows])), labels[rows])

    def logits(of: Tensor) -> Tensor:
        return torch.cat([net(some) for some in of.split(500)])

    some = apart[:2000]
    told = fitted(
        net,
        len(kept),
        loss,
        lambda: float(nn.functional.cross_entropy(logits(x[some]), labels[some])),
        minutes=minutes,
        rate=rate,
        batch=min(BATCH, 32 if len(x) < 1000 else BATCH),
        every=200,
    )
    with torch.no_grad():
        p = logits(judged).softmax(-1).double().numpy()
    return {"metrics": class_metrics(np.searchsorted(names, test[1]), p), **told}


def plain_pixels(train: np.ndarray, test: np.ndarray, *, hidden: int, minutes: float, seed: int) -> dict[str, Any]:
    """Nats a picture of the test part (N, T), whose pixels are drawn by seed 0; those that train are drawn anew."""
    torch.manual_seed(seed)
    x = torch.from_numpy(train).float() / 255
    judged = torch.bernoulli(torch.from_numpy(test).float() / 255, generator=torch.Generator().manual_seed(0))
    net = PlainPixels(x.shape[1], hidden)
    apart = torch.bernoulli(x[-2000:])

    def nats(x: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(net(x), x, reduction="none").sum(1)

    def mean(x: Tensor) -> float:
        return float(torch.cat([nats(some) for some in x.split(250)]).mean())

    told = fitted(
        net,
        len(x) - 2000,
        lambda rows: nats(torch.bernoulli(x[rows])).mean() / x.shape[1],
        lambda: mean(apart),
        minutes=minutes,
        rate=3e-3,
        batch=64,
        every=400,
    )
    with torch.no_grad():
        found = mean(judged)
    return {"metrics": {"nats": found, "bits_per_dimension": found / x.shape[1] / math.log(2)}, **told}
