"""Sounds labelled as users write it in plain torch: log-mel frames, a bidirectional LSTM, noise and masks in training.

Trains for the given minutes, reading and validation included, and keeps the weights of its best validation; judging
comes after the clock has stopped. The initial weights, the order and the noise follow from the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import soundfile
import torch
from plain_text import Clock, collate, take_fastest_threads
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.data import DataLoader

from elman.data.sound.features import mel_filters
from elman.evaluate.labels.metrics import class_metrics

RATE, WINDOW, HOP, BANDS = 8000, 200, 80, 40

Part = tuple[Sequence[str], Sequence[str]]  # files, labels


def log_mel(file: str, filters: Tensor) -> Tensor:
    """(T, BANDS)"""
    wave, rate = soundfile.read(file, dtype="float32")
    assert rate == RATE, file
    window = torch.hann_window(WINDOW)
    power = torch.stft(torch.from_numpy(wave), 512, HOP, WINDOW, window, return_complex=True).abs().square()
    return (filters @ power + 1e-6).log().T


class PlainListener(nn.Module):
    def __init__(self, classes: int, hidden: int = 128) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, padding_value=-math.inf)
        return self.head(self.dropout(y.amax(1)))


def changed(x: Tensor) -> Tensor:
    """With noise, and a stretch of a fifth of the steps and of the bands hidden: x (B, T, BANDS)."""
    x = x + 0.3 * torch.randn_like(x)
    for dim, wide in ((1, x.shape[1] // 5), (2, BANDS // 5)):
        begin = torch.randint(x.shape[dim] - wide + 1, (len(x), 1))
        at = torch.arange(x.shape[dim])
        hidden = (at >= begin) & (at < begin + wide)
        x = x.masked_fill(hidden[:, :, None] if dim == 1 else hidden[:, None], 0.0)
    return x


def plain_sounds(train: Part, test: Part, *, minutes: float, seed: int) -> dict[str, Any]:
    """The metrics of the test part, the minutes used and the epochs begun; a tenth of train chooses."""
    clock = Clock(minutes)
    torch.manual_seed(seed)
    names = sorted(set(train[1]))
    y = [names.index(label) for label in train[1]]
    filters = mel_filters(RATE, 512, BANDS)
    frames = [log_mel(file, filters) for file in train[0]]
    kept, apart = train_test_split(range(len(y)), test_size=0.1, stratify=y, random_state=seed)
    every = torch.cat([frames[i] for i in kept])
    mean, scale = every.mean(0), every.std(0)
    rows = [((x - mean) / scale, label) for x, label in zip(frames, y, strict=True)]
    loader = DataLoader([rows[i] for i in kept], batch_size=32, shuffle=True, collate_fn=collate)
    net = PlainListener(len(names))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)

    def probabilities(chosen: list[tuple[Tensor, int]]) -> np.ndarray:
        net.eval()
        with torch.no_grad():
            found = [
                net(x, lengths).softmax(-1) for x, lengths, _ in DataLoader(chosen, batch_size=256, collate_fn=collate)
            ]
        net.train()
        return torch.cat(found).double().numpy()

    def gradient(x: Tensor, lengths: Tensor, y: Tensor) -> None:
        adam.zero_grad()
        nn.functional.cross_entropy(net(changed(x), lengths), y).backward()

    valid = [rows[i] for i in apart]
    best, weights, epochs = -1.0, deepcopy(net.state_dict()), 0
    first = next(iter(loader))
    take_fastest_threads(lambda: gradient(*first))
    while not clock.over:
        epochs += 1
        for x, lengths, labels in loader:
            gradient(x, lengths, labels)
            adam.step()
            if clock.over:
                break
        score = float((probabilities(valid).argmax(1) == [label for _, label in valid]).mean())
        if score >= best:
            best, weights = score, deepcopy(net.state_dict())
    used = clock.minutes
    net.load_state_dict(weights)
    judged = [((log_mel(file, filters) - mean) / scale, names.index(label)) for file, label in zip(*test, strict=True)]
    metrics = class_metrics([label for _, label in judged], probabilities(judged))
    return {"metrics": metrics, "minutes": used, "epochs": epochs}
