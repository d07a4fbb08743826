"""Labels of texts and language models, on stated protocols, beside their baselines and the same in plain torch.

    python benchmarks/text.py [--only mr trec] [--seeds 3] [--no-plain] [--minutes-scale 1.0] [--out FILE]

Needs the data folder beside the project (../shared/data); says so where it is absent. One JSON,
benchmarks/results/text.json, is brought up to date workload by workload.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import torch
from machine import DATA, RESULTS
from plain_text import plain_classifier, plain_generator, plain_stream
from sklearn.model_selection import StratifiedKFold
from workload import Run, Workload, run

import elman
from elman.data.sequences import Sequences
from elman.train.pace import threads

TEXT = DATA / "text"
Texts = dict[str, list[str]]  # {"text": [...], "label": [...]}
Part = tuple[int, Texts, Texts | None, Texts]  # seed, train, valid where it is given, test


# Labels.


def table(name: str, text: str = "text") -> Texts:
    path = TEXT / name
    quoted: dict[str, Any] = {} if path.suffix == ".csv" else {"separator": "\t", "quote_char": None}
    frame = pl.read_csv(path, infer_schema_length=0, **quoted)
    return {"text": frame[text].fill_null("").to_list(), "label": frame["label"].to_list()}


def folds(name: str, count: int, text: str = "text") -> Callable[[int], Iterator[Part]]:
    def parts(seeds: int) -> Iterator[Part]:
        data = table(name, text)
        cut = StratifiedKFold(count, shuffle=True, random_state=0).split(data["text"], data["label"])
        for fold, rows in enumerate(cut):
            train, test = ({column: [of[i] for i in part] for column, of in data.items()} for part in rows)
            yield fold, train, None, test

    return parts


def official(train: str, valid: str | None, test: str) -> Callable[[int], Iterator[Part]]:
    def parts(seeds: int) -> Iterator[Part]:
        for seed in range(seeds):
            yield seed, table(train), table(valid) if valid else None, table(test)

    return parts


def classify(
    parts: Callable[[int], Iterator[Part]], level: str = "word", **settings: Any
) -> Callable[[int, float, bool], Iterator[Run]]:
    def runs(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
        for seed, train, valid, test in parts(seeds):
            model = elman.Classifier(text="text", label="label", minutes=minutes, seed=seed, **settings)
            found = fitted(model.fit(train, valid=valid, test=test))
            guess = model.all_outputs(Sequences(model.encoded(test["text"]))).argmax(1)
            found["alone"] = float((model.classes_[guess] == test["label"]).mean())
            if plain:
                with threads(torch.get_num_threads()):
                    found["plain"] = plain_classifier(train, valid, test, level=level, minutes=minutes, seed=seed)
            yield found

    return runs


def fitted(model: Any) -> Run:
    score = model.evaluate()
    return {
        "metrics": score.metrics,
        "baselines": score.baselines,
        "minutes": model.seconds_ / 60,
        "notes": [
            f"{model.config_.hidden} units, {model.config_.members} members",
            *model.notes_,
            *(note for note in score.notes if note not in model.notes_),
            score.verdict,
        ],
    }


# Language.


def generate(seeds: int, minutes: float, plain: bool) -> Iterator[Run]:
    path = TEXT / "tinyshakespeare.txt"
    for seed in range(seeds):
        model = elman.Generator(minutes=minutes, seed=seed)
        found = fitted(model.fit(path))
        if plain:
            text = path.read_text(encoding="utf-8")
            with threads(torch.get_num_threads()):
                found["plain"] = plain_generator(text, model.config(), minutes=minutes, seed=seed)
        yield found


def speed(seeds: int, minutes: float, plain: bool, length: int = 20_000, hidden: int = 256) -> Iterator[Run]:
    """By turns, so that what else the machine does meets both."""
    model = elman.Generator(hidden=hidden, steps=100).fit(TEXT / "tinyshakespeare.txt")
    draw = plain_stream(model.tokens_.size, hidden, temperature=0.8, seed=0)
    with threads(1):
        for turn in range(seeds + 1):
            own = per_second(lambda: len("".join(model.stream(length=length, temperature=0.8, seed=0))))
            found: Run = {"metrics": own}
            if plain:
                found["plain"] = {"metrics": per_second(lambda: draw(length // 10))}
            if turn:  # the first warms up
                yield found | {"baselines": {}}


def per_second(draw: Callable[[], int]) -> dict[str, float]:
    begin = time.perf_counter()
    drawn = draw()
    return {"characters_per_second": drawn / (time.perf_counter() - begin)}


SHAKESPEARE = (
    "tinyshakespeare by characters: the first 2 % choose the weights, the next 88 % train, the last 10 % judge, "
    "read once with the state carried along"
)


def shakespeare(minutes: float, bar: float, seeds: int) -> Workload:
    return Workload(SHAKESPEARE, generate, "nats", bar, minutes, seeds=seeds)


WORKLOADS = {
    "mr": Workload(
        "sentences of film reviews, 2 labels, no pretrained vectors: stratified 10-fold cross-validation, all folds "
        "within 30 minutes",
        classify(folds("mr.tsv", 10)),
        "accuracy",
        0.78,
        minutes=2.8,
        within=30,
        repeats="folds",
    ),
    "trec": Workload(
        "questions, 6 labels: the official training and test parts",
        classify(official("trec_train.tsv", None, "trec_test.tsv")),
        "accuracy",
        0.90,
        minutes=2,
    ),
    "sst3": Workload(
        "sentences of film reviews, negative, neutral or positive: the official training, dev and test parts; the bar "
        "is 2 points above the n-grams",
        classify(official("sst3_train.tsv", "sst3_dev.tsv", "sst3_test.tsv")),
        "accuracy",
        0.02,
        minutes=3,
        above="n-grams",
    ),
    "hotel_zh": Workload(
        "Chinese hotel reviews by characters, 2 labels: stratified 5-fold cross-validation; --pool max --word-drop 0.3 "
        "were chosen on the first fold",
        classify(folds("hotel_zh.csv", 5, "review"), level="char", pool="max", word_drop=0.3),
        "accuracy",
        0.913,
        minutes=5,
        repeats="folds",
    ),
    "shakespeare_3": shakespeare(3, 1.469, seeds=3),
    "shakespeare_10": shakespeare(10, 1.44, seeds=2),
    "shakespeare_30": shakespeare(30, 1.42, seeds=1),
    "generate_speed": Workload(
        "an LSTM of 1 layer and 256 units writes 20,000 characters at temperature 0.8 in one stream on one thread; the "
        "median",
        speed,
        "characters_per_second",
        20_000,
        middle="median",
        repeats="times",
        seeds=7,
    ),
}


if __name__ == "__main__":
    if not TEXT.is_dir():
        sys.exit(f"{TEXT} is absent: this benchmark needs the texts that README names")
    run(__doc__, WORKLOADS, RESULTS / "text.json")
