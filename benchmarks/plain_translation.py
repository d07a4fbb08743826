"""Translation as users write it in plain torch: a packed bidirectional LSTM, an LSTM that attends to it, greedy.

The symbols are elman's own, so that the two differ in the network, its training and its speed alone. It trains for the
given minutes, on one thread or all, whichever is faster, and keeps the weights of its best validation; judging comes
after the clock has stopped.
"""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import torch
from plain_text import Clock, take_fastest_threads
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from elman.data.text.tokens import Tokens
from elman.evaluate.translation.metrics import grouped, translation_metrics
from elman.train.plan import learning_rate

Sides = tuple[list[str], list[str]]


class PlainTranslator(nn.Module):
    """Luong's general attention above the decoder's LSTM."""

    def __init__(self, source: int, target: int, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        self.read, self.write = nn.Embedding(source, hidden, padding_idx=0), nn.Embedding(target, hidden, padding_idx=0)
        self.encoder = nn.LSTM(hidden, hidden, bidirectional=True, batch_first=True)
        self.decoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.bridge = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in "hc")
        self.key = nn.Linear(2 * hidden, hidden, bias=False)
        self.mix, self.head = nn.Linear(3 * hidden, hidden), nn.Linear(hidden, target)
        self.dropout = nn.Dropout(dropout)

    def encode(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        packed = pack_padded_sequence(self.read(x), lengths, batch_first=True, enforce_sorted=False)
        seen, last = self.encoder(packed)
        seen, _ = pad_packed_sequence(seen, batch_first=True)
        first = [torch.tanh(way(torch.cat([*part], -1)))[None] for way, part in zip(self.bridge, last, strict=True)]
        return self.dropout(seen), x != 0, (first[0], first[1])

    def decode(
        self, before: Tensor, seen: Tensor, inside: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, state = self.decoder(self.write(before), state)
        scores = (h @ self.key(seen).mT).masked_fill(~inside[:, None], -torch.inf)
        mixed = torch.tanh(self.mix(torch.cat([h, scores.softmax(-1) @ seen], -1)))
        return self.head(self.dropout(mixed)), state


def plain_translator(
    train: Sides, test: Sides, *, tokens: tuple[Tokens, Tokens], chinese: bool, minutes: float, seed: int
) -> dict[str, Any]:
    sources, references = grouped(*test)
    guesses, used = plain_written(train, sources, tokens=tokens, minutes=minutes, seed=seed)
    bleu = translation_metrics(guesses, references, chinese=chinese)["bleu"]
    return {"metrics": {"bleu": bleu, "bleu_greedy": bleu}, "minutes": used}


def plain_written(
    train: Sides, sources: list[str], *, tokens: tuple[Tokens, Tokens], minutes: float, seed: int
) -> tuple[list[str], float]:
    """What is written for each of the sources after so many minutes of training, and the minutes used."""
    clock = Clock(minutes)
    torch.manual_seed(seed)
    source, target = tokens
    start, end = target.size, target.size + 1
    network = PlainTranslator(source.size, target.size + 2)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)

    def numbers(sides: Sides) -> list[tuple[Tensor, Tensor]]:
        rows, written = source.encode(sides[0]), target.encode(sides[1])
        return [(rows.row(at).long(), written.row(at).long()) for at in range(len(rows))]

    def loss(pairs: list[tuple[Tensor, Tensor]], smoothing: float = 0.0) -> Tensor:
        x = pad_sequence([one for one, _ in pairs], batch_first=True)
        y = pad_sequence([torch.cat([one, torch.tensor([end])]) for _, one in pairs], batch_first=True)
        before = torch.cat([torch.full((len(y), 1), start), y[:, :-1]], 1)
        z, _ = network.decode(before, *network.encode(x, torch.tensor([len(one) for one, _ in pairs])))
        return nn.functional.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=0, label_smoothing=smoothing)

    def step(pairs: list[tuple[Tensor, Tensor]], rate: float = 0.0) -> None:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss(pairs, 0.1).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    rows = numbers(train)
    random.seed(seed)
    random.shuffle(rows)
    held, rows = rows[: len(rows) // 20], rows[len(rows) // 20 :]
    take_fastest_threads(lambda: step(rows[:64]))
    best, least = deepcopy(network.state_dict()), torch.inf
    while not clock.over:
        random.shuffle(rows)
        for at in range(0, len(rows), 32 * 50):  # of 50 batches, rows of like length together
            lot = sorted(rows[at : at + 32 * 50], key=lambda pair: len(pair[1]))
            cut = [lot[i : i + 32] for i in range(0, len(lot), 32)]
            for pairs in random.sample(cut, len(cut)):
                if not clock.over:
                    step(pairs, learning_rate(clock.share, 2e-3, 0.05, "cosine"))
        network.eval()
        with torch.no_grad():
            value = sum(float(loss(held[at : at + 128])) for at in range(0, len(held), 128))
        network.train()
        if value < least:
            best, least = deepcopy(network.state_dict()), value
    used = clock.minutes
    network.load_state_dict(best)
    network.eval()
    guesses: list[str] = []
    with torch.no_grad():
        for at in range(0, len(sources), 64):
            read = source.encode(sources[at : at + 64])
            x, lengths = read.padded(torch.arange(len(read)))
            seen, inside, state = network.encode(x.T, lengths)
            symbols, said = torch.full((len(read), 1), start), []
            for _ in range(10 + 3 * int(lengths.max())):
                z, state = network.decode(symbols, seen, inside, state)
                z[..., [0, 1, start]] = -torch.inf
                symbols = z.argmax(-1)
                said.append(symbols)
                if torch.cat(said, 1).eq(end).any(1).all():
                    break
            for row in torch.cat(said, 1).tolist():
                guesses.append(target.decode(row[: row.index(end)] if end in row else row))
    return guesses, used
