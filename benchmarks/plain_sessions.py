"""Next items as users write it in plain torch: padded sessions, nn.GRU, a linear layer to all items, cross-entropy.

The items' numbers and what is held back are elman's own. It trains for the given minutes, on one thread or all,
whichever is faster, and keeps the weights of its best validation; judging comes after the clock has stopped.
"""

from __future__ import annotations

import time
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from plain_text import Clock, take_fastest_threads
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from elman.data.sessions.items import FIRST
from elman.data.sessions.streams import Histories
from elman.evaluate.recommendation.metrics import Ranking, rank_metrics, ranked

LONGEST = 100  # events of a session that are read at once; longer ones are cut in parts


class PlainRecommender(nn.Module):
    def __init__(self, items: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(items, hidden, padding_idx=0)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.25)
        self.head = nn.Linear(hidden, items)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.gru(self.dropout(self.embedding(x)))[0]))


def plain_recommender(
    learnt: Any, valid: Histories, test: Histories, *, items: int, hidden: int, minutes: float, seed: int
) -> dict[str, Any]:
    """The metrics of the test part, the minutes used, and the events foretold a second while training."""
    clock = Clock(minutes)
    torch.manual_seed(seed)
    rows = [learnt.row(at).long() for at in range(len(learnt))]
    parts = [row[at : at + LONGEST + 1] for row in rows for at in range(0, len(row) - 1, LONGEST)]
    loader = DataLoader(
        parts, batch_size=32, shuffle=True, collate_fn=lambda some: pad_sequence(some, batch_first=True)
    )
    net = PlainRecommender(items, hidden)
    adam = torch.optim.Adam(net.parameters(), lr=2e-3)

    def gradient(x: Tensor) -> None:
        adam.zero_grad()
        nn.functional.cross_entropy(net(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten(), ignore_index=0).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)

    @torch.no_grad()
    def ranking(asked: Histories) -> Ranking:
        net.eval()
        found = []
        for at in range(len(asked)):
            row, first = asked.sessions.row(at).long(), int(asked.first[at])
            z = net.head(net.gru(net.embedding(row[None, :-1]))[0][0, first - 1 :])
            z[:, :FIRST] = -torch.inf
            found.append(ranked(z.numpy(), row[first:].numpy(), FIRST))
        net.train()
        return Ranking.joined(found)

    best, weights, events, seconds = -1.0, deepcopy(net.state_dict()), 0, 0.0
    first = next(iter(loader))
    take_fastest_threads(lambda: gradient(first))
    while not clock.over:
        for x in loader:
            begin = time.perf_counter()
            gradient(x)
            adam.step()
            seconds += time.perf_counter() - begin
            events += int((x[:, 1:] > 0).sum())
            if clock.over:
                break
        ranks = ranking(valid).ranks
        score = float(np.where(ranks <= 20, 1 / ranks, 0.0).mean())
        if score > best:
            best, weights = score, deepcopy(net.state_dict())
    used = clock.minutes
    net.load_state_dict(weights)
    counts = torch.bincount(learnt.values, minlength=items).numpy()
    return {
        "metrics": rank_metrics(ranking(test), counts) | {"events_per_second": events / seconds},
        "minutes": used,
    }
