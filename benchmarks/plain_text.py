"""The text tasks as users write them in plain torch: a bidirectional LSTM that labels, an LSTM that continues a text.

Each trains for the given minutes, vocabulary and validation included, on one thread or all, whichever is faster, and
keeps the weights of its best validation; judging comes after the clock has stopped. The initial weights, the order and
the dropout follow from the seed.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

from elman.evaluate.labels.metrics import class_metrics
from elman.train.plan import learning_rate

PAD, UNKNOWN = 0, 1
CHECKS = 12  # validations of a language model, evenly spread over its minutes

Texts = dict[str, list[str]]  # {"text": [...], "label": [...]}


class Clock:
    def __init__(self, minutes: float) -> None:
        self.begin, self.seconds = time.perf_counter(), 60 * minutes

    @property
    def share(self) -> float:
        """Of the time that is gone, in 0 ... 1."""
        return min(1.0, (time.perf_counter() - self.begin) / self.seconds)

    @property
    def over(self) -> bool:
        return self.share >= 1.0

    @property
    def minutes(self) -> float:
        return (time.perf_counter() - self.begin) / 60


def take_fastest_threads(step: Callable[[], Any]) -> None:
    """One thread or all, by the least of three steps: on a busy machine several threads wait for each other."""
    seconds = {}
    for count in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(count)
        times = []
        for _ in range(3):
            begin = time.perf_counter()
            step()
            times.append(time.perf_counter() - begin)
        seconds[count] = min(times)
    torch.set_num_threads(min(seconds, key=lambda count: seconds[count]))


# Labels.


def pieces(text: str, level: str) -> list[str]:
    return list(text.lower()) if level == "char" else re.findall(r"\w+|[^\w\s]", text.lower())


class PlainTexts(Dataset):
    def __init__(self, rows: Texts, level: str, words: dict[str, int], labels: dict[str, int]) -> None:
        cut = [pieces(text, level) for text in rows["text"]]
        self.x = [torch.tensor([words.get(word, UNKNOWN) for word in one] or [UNKNOWN]) for one in cut]
        self.y = [labels[label] for label in rows["label"]]

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.x[i], self.y[i]


def collate(rows: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
    x, y = zip(*rows, strict=True)
    return pad_sequence(x, batch_first=True), torch.tensor([len(one) for one in x]), torch.tensor(y)


class PlainClassifier(nn.Module):
    def __init__(self, vocabulary: int, classes: int, embedding: int = 128, hidden: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=PAD)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.dropout(self.embedding(x)), lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, padding_value=-math.inf)
        return self.head(self.dropout(y.amax(1)))


def plain_classifier(
    train: Texts, valid: Texts | None, test: Texts, *, level: str, minutes: float, seed: int
) -> dict[str, Any]:
    """The metrics of the test part, the minutes used and the epochs begun; a tenth of train chooses without valid."""
    clock = Clock(minutes)
    torch.manual_seed(seed)
    if valid is None:
        kept, apart = train_test_split(
            range(len(train["text"])), test_size=0.1, stratify=train["label"], random_state=seed
        )
        train, valid = ({name: [of[i] for i in rows] for name, of in train.items()} for rows in (kept, apart))
    counts = Counter(word for text in train["text"] for word in pieces(text, level))
    words = {word: UNKNOWN + at for at, word in enumerate((w for w, n in counts.most_common() if n >= 2), 1)}
    labels = {label: at for at, label in enumerate(sorted(set(train["label"])))}
    sets = [PlainTexts(rows, level, words, labels) for rows in (train, valid, test)]
    loader = DataLoader(sets[0], batch_size=64, shuffle=True, collate_fn=collate)
    net = PlainClassifier(UNKNOWN + 1 + len(words), len(labels))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)

    def probabilities(chosen: PlainTexts) -> np.ndarray:
        net.eval()
        with torch.no_grad():
            found = [
                net(x, lengths).softmax(-1) for x, lengths, _ in DataLoader(chosen, batch_size=256, collate_fn=collate)
            ]
        net.train()
        return torch.cat(found).double().numpy()

    def gradient(x: Tensor, lengths: Tensor, y: Tensor) -> None:
        adam.zero_grad()
        nn.functional.cross_entropy(net(x, lengths), y).backward()

    best, weights, epochs = -1.0, deepcopy(net.state_dict()), 0
    first = next(iter(loader))
    take_fastest_threads(lambda: gradient(*first))
    while not clock.over:
        epochs += 1
        for x, lengths, y in loader:
            gradient(x, lengths, y)
            adam.step()
            if clock.over:
                break
        score = float((probabilities(sets[1]).argmax(1) == sets[1].y).mean())
        if score > best:
            best, weights = score, deepcopy(net.state_dict())
    used = clock.minutes
    net.load_state_dict(weights)
    return {"metrics": class_metrics(sets[2].y, probabilities(sets[2])), "minutes": used, "epochs": epochs}


# Language.


class PlainLanguage(nn.Module):
    def __init__(self, vocabulary: int, embedding: int = 64, hidden: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """x (T, B) to logits (T, B, V), and the state to go on from."""
        y, state = self.lstm(self.dropout(self.embedding(x)), state)
        return self.head(self.dropout(y)), state


def streams(ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """x (T, count) and the symbols that follow, of one text cut in so many."""
    length = (len(ids) - 1) // count
    return ids[: count * length].view(count, length).T, ids[1 : count * length + 1].view(count, length).T


def nats(net: PlainLanguage, ids: Tensor, count: int) -> float:
    """A symbol, the text read once in ``count`` streams with the state carried along."""
    x, y = streams(ids, count)
    total, state = 0.0, None
    net.eval()
    with torch.no_grad():
        for at in range(0, len(x), 256):
            logits, state = net(x[at : at + 256], state)
            follow = y[at : at + 256]
            total += float(nn.functional.cross_entropy(logits.flatten(0, 1), follow.flatten(), reduction="sum"))
    net.train()
    return total / y.numel()


def plain_generator(text: str, config: Any, *, minutes: float, seed: int) -> dict[str, Any]:
    """Nats a character of the text's last part, by the parts, batch, chunk, rates and dropout of elman's ``config``."""
    clock = Clock(minutes)
    torch.manual_seed(seed)
    first, last = int(len(text) * config.valid_share), int(len(text) * (1 - config.test_share))
    known = {character: UNKNOWN + 1 + at for at, character in enumerate(sorted(set(text[first:last])))}
    ids = torch.tensor([known.get(character, UNKNOWN) for character in text])
    valid, train, test = ids[:first], ids[first:last], ids[last:]
    net = PlainLanguage(UNKNOWN + 1 + len(known), dropout=config.dropout)
    adam = torch.optim.AdamW(
        net.parameters(), lr=config.learning_rate, betas=(0.9, config.beta2), weight_decay=config.weight_decay
    )
    x, y = streams(train, config.batch_size)

    def gradient(at: int, state: Any) -> Any:
        logits, state = net(x[at : at + config.chunk], state)
        adam.zero_grad()
        nn.functional.cross_entropy(logits.flatten(0, 1), y[at : at + config.chunk].flatten()).backward()
        return tuple(part.detach() for part in state)

    take_fastest_threads(lambda: gradient(0, None))
    best, weights, steps, check = math.inf, deepcopy(net.state_dict()), 0, 1
    while not clock.over:
        state = None
        for at in range(0, len(x), config.chunk):
            rate = learning_rate(clock.share, config.learning_rate, config.warmup, config.schedule)
            for parameters in adam.param_groups:
                parameters["lr"] = rate
            state = gradient(at, state)
            nn.utils.clip_grad_norm_(net.parameters(), config.clip)
            adam.step()
            steps += 1
            if clock.share >= check / CHECKS:
                check = math.floor(CHECKS * clock.share) + 1
                score = nats(net, valid, 8)
                if score < best:
                    best, weights = score, deepcopy(net.state_dict())
            if clock.over:
                break
    used = clock.minutes
    net.load_state_dict(weights)
    return {"metrics": {"nats": nats(net, test, 1)}, "minutes": used, "steps": steps}


def plain_stream(vocabulary: int, hidden: int, temperature: float, seed: int) -> Callable[[int], int]:
    """What draws so many symbols, one by one as a tutorial does, and says how many; speed needs no training."""
    torch.manual_seed(seed)
    net = PlainLanguage(vocabulary, hidden=hidden).eval()

    @torch.inference_mode()
    def draw(length: int) -> int:
        symbol, state, drawn = torch.zeros(1, 1, dtype=torch.long), None, []
        for _ in range(length):
            logits, state = net(symbol, state)
            symbol = torch.multinomial((logits[0] / temperature).softmax(-1), 1)
            drawn.append(symbol.item())
        return len(drawn)

    return draw
