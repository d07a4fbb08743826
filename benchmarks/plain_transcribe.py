"""Speech written down as users do it in plain torch: log-mel frames, nn.LSTM, nn.CTCLoss or Luong's attention.

Trains for the given minutes, reading and validation included, and keeps the weights of its best validation, by the
share of wrong characters; judging comes after the clock has stopped. Texts are written by character, the likeliest each
time. The initial weights, the order and the noise follow from the seed.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from plain_sound import BANDS, RATE, changed, log_mel
from plain_text import Clock, take_fastest_threads
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from elman.data.sound.features import mel_filters
from elman.data.table import read_table
from elman.evaluate.transcription.metrics import transcription_metrics

BLANK, END, LONGEST, SIZE, STACK = 0, 1, 120, 256, 3
Rows = list[tuple[Tensor, list[int], str]]  # frames, symbols, text


class PlainSpeech(nn.Module):
    """Three frames a step, two LSTM layers both ways, and a linear layer, or a decoder with attention above it."""

    def __init__(self, symbols: int, attends: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(STACK * BANDS, SIZE // 2, 2, batch_first=True, bidirectional=True, dropout=0.3)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(SIZE, symbols)
        self.decoder: nn.LSTM | None = None
        if attends:
            self.embedding = nn.Embedding(symbols, SIZE)
            self.decoder = nn.LSTM(SIZE, SIZE, batch_first=True)
            self.query, self.join = nn.Linear(SIZE, SIZE, bias=False), nn.Linear(2 * SIZE, SIZE)

    def hear(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = nn.functional.pad(x, (0, 0, 0, -x.shape[1] % STACK)).reshape(len(x), -1, STACK * BANDS)
        steps = (lengths + STACK - 1) // STACK
        packed = pack_padded_sequence(x, steps, batch_first=True, enforce_sorted=False)
        return self.dropout(pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]), steps

    def write(self, before: Tensor, memory: Tensor, steps: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        assert self.decoder is not None
        y, state = self.decoder(self.embedding(before), state)
        scores = self.query(y) @ memory.mT
        past = torch.arange(memory.shape[1]) >= steps[:, None]
        context = scores.masked_fill(past[:, None], -torch.inf).softmax(-1) @ memory
        return self.head(self.dropout(self.join(torch.cat([y, context], -1)).tanh())), state

    def loss(self, x: Tensor, lengths: Tensor, texts: list[list[int]]) -> Tensor:
        memory, steps = self.hear(changed(x), lengths)
        if self.decoder is None:
            said, flat = self.head(memory).log_softmax(-1), [symbol for text in texts for symbol in text]
            sizes = torch.tensor([len(text) for text in texts])
            return nn.CTCLoss(BLANK, zero_infinity=True)(said.transpose(0, 1), torch.tensor(flat), steps, sizes)
        before = pad_sequence([torch.tensor([BLANK, *text]) for text in texts], True, BLANK)
        after = pad_sequence([torch.tensor([*text, END]) for text in texts], True, -100)
        return nn.functional.cross_entropy(self.write(before, memory, steps)[0].flatten(0, 1), after.flatten())

    @torch.no_grad()
    def read(self, x: Tensor, lengths: Tensor) -> list[list[int]]:
        memory, steps = self.hear(x, lengths)
        if self.decoder is None:
            path = self.head(memory).argmax(-1)
            rows = [torch.unique_consecutive(row[:n]).tolist() for row, n in zip(path, steps, strict=True)]
            return [[symbol for symbol in row if symbol != BLANK] for row in rows]
        symbol, state = torch.full((len(x), 1), BLANK), None
        written: list[Tensor] = []
        while len(written) < LONGEST and not (written and torch.cat(written, 1).eq(END).any(1).all()):
            z, state = self.write(symbol, memory, steps, state)
            symbol = z.argmax(-1)
            written.append(symbol)
        rows = torch.cat(written, 1).tolist()
        return [row[: row.index(END)] if END in row else row for row in rows]


def plain_transcriber(
    train: Path, test: Path, *, attends: bool, minutes: float, seed: int, lower: bool = False
) -> dict[str, Any]:
    """The metrics of the test manifest, the minutes used and the epochs begun; a tenth of train chooses."""
    clock = Clock(minutes)
    torch.manual_seed(seed)
    filters = mel_filters(RATE, 512, BANDS)

    def load(manifest: Path) -> tuple[list[Tensor], list[str]]:
        table = read_table(manifest)
        texts = table["text"].str.to_lowercase() if lower else table["text"]
        return [log_mel(str(manifest.parent / name), filters) for name in table["file"]], texts.to_list()

    frames, texts = load(train)
    letters = sorted(set("".join(texts)))
    number = {letter: at + 2 for at, letter in enumerate(letters)}
    kept, apart = train_test_split(range(len(texts)), test_size=0.1, random_state=seed)
    every = torch.cat([frames[i] for i in kept])
    mean, scale = every.mean(0), every.std(0)
    rows: Rows = [
        ((x - mean) / scale, [number[letter] for letter in text], text) for x, text in zip(frames, texts, strict=True)
    ]
    net = PlainSpeech(len(letters) + 2, attends)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)

    def guesses(chosen: Rows) -> list[str]:
        net.eval()
        found: list[str] = []
        for begin in range(0, len(chosen), 128):
            x = [row[0] for row in chosen[begin : begin + 128]]
            ids = net.read(pad_sequence(x, True), torch.tensor([len(one) for one in x]))
            found += ["".join(letters[symbol - 2] for symbol in text if symbol > END) for text in ids]
        net.train()
        return found

    def gradient(some: list[int]) -> None:
        adam.zero_grad()
        x = [rows[kept[i]][0] for i in some]
        lengths = torch.tensor([len(one) for one in x])
        net.loss(pad_sequence(x, True), lengths, [rows[kept[i]][1] for i in some]).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)

    valid = [rows[i] for i in apart]
    best, weights, epochs = float("inf"), deepcopy(net.state_dict()), 0
    take_fastest_threads(lambda: gradient(list(range(32))))
    while not clock.over:
        epochs += 1
        for some in torch.randperm(len(kept)).split(32):
            gradient(some.tolist())
            adam.step()
            if clock.over:
                break
        wrong = transcription_metrics(guesses(valid), [row[2] for row in valid], words=False)["cer"]
        if wrong <= best:
            best, weights = wrong, deepcopy(net.state_dict())
    used = clock.minutes
    net.load_state_dict(weights)
    frames, truths = load(test)
    found = guesses([((x - mean) / scale, [], "") for x in frames])
    return {"metrics": transcription_metrics(found, truths), "minutes": used, "epochs": epochs}
