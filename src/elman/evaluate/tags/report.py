"""What is said of a tagger: its evaluation beside a baseline, and the pages of a report that show it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from elman.errors import InputError
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.labels import plots
from elman.evaluate.labels.metrics import by_label, confusion
from elman.evaluate.report import Cell, Figure, Section, Table
from elman.evaluate.style import Plot
from elman.evaluate.tags.metrics import Tags, marks_spans, span_counts, spans, tag_metrics, token_counts
from elman.evaluate.verdict import ratio_interval, share_verdict

WORDS = {"most_frequent": "each word's commonest tag"}
WORST = 15  # mistakes in the table


@dataclass(frozen=True)
class MostFrequent:
    """Each word's commonest tag in the training part; of a word not seen there, as written or in small letters, that of
    the words seen once."""

    tags: Mapping[str, str]
    unseen: str

    @classmethod
    def fit(cls, tokens: Sequence[Sequence[str]], tags: Tags) -> Self:
        """Raises InputError where no token is given. Of tags equally common the first in the alphabet wins."""
        seen: dict[str, Counter[str]] = {}
        for words, marks in zip(tokens, tags, strict=True):
            for word, mark in zip(words, marks, strict=True):
                seen.setdefault(word, Counter())[mark] += 1
        if not seen:
            raise InputError("there is no token to learn tags from: give at least one")
        once = Counter(next(iter(count)) for count in seen.values() if count.total() == 1)
        unseen = _commonest(once or Counter(mark for marks in tags for mark in marks))
        return cls({word: _commonest(count) for word, count in seen.items()}, unseen)

    def predict(self, tokens: Sequence[Sequence[str]]) -> list[list[str]]:
        known, unseen = self.tags, self.unseen
        return [[known.get(word) or known.get(word.lower(), unseen) for word in words] for words in tokens]

    def to_json(self) -> dict[str, Any]:
        return {"tags": dict(self.tags), "unseen": self.unseen}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        return cls(state["tags"], state["unseen"])


def judge(
    truth: Tags,
    guess: Tags,
    rivals: Mapping[str, Tags],
    *,
    words: Mapping[str, str] = WORDS,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge the tags of sentences beside those of baselines; ``words`` name these in the verdict.

    The verdict is by span F1 where the true tags mark spans, else by accuracy, with sentences as what is independent.
    Raises InputError as tag_metrics does, and without baselines.
    """
    began = time.perf_counter() if began is None else began
    metrics = tag_metrics(truth, guess)
    scores = {name: tag_metrics(truth, rival) for name, rival in rivals.items()}
    by = "span_f1" if "span_f1" in metrics else "accuracy"
    interval = None
    if scores:
        best = max(scores, key=lambda name: scores[name][by])
        interval = ratio_interval(*_ratio(truth, guess, by), *_ratio(truth, rivals[best], by))
    said = share_verdict(metrics, {words.get(name, name): found for name, found in scores.items()}, by, interval)
    rows = sum(map(len, truth))
    took = time.perf_counter() - began
    return Evaluation("tag", metrics, scores, said.skill, said.sentence, said.good, rows, took, notes)


def sections(
    evaluation: Evaluation, tokens: Sequence[Sequence[str]], truth: Tags, guess: Tags
) -> tuple[tuple[Section, ...], Plot | None]:
    """Sections, and the picture of the confusions (None of more than 12 tags)."""
    flat = [[tag for tags in every for tag in tags] for every in (truth, guess)]
    labels = sorted({*flat[0], *flat[1]})
    number = {tag: i for i, tag in enumerate(labels)}
    table = confusion([number[tag] for tag in flat[0]], [number[tag] for tag in flat[1]], len(labels))
    said = f"{evaluation.rows:,} tokens of {len(truth):,} sentences judged beside tags that need no network."
    pages = [evaluation.score_page(said)]
    if marks_spans(flat[0]):
        kinds = sorted({kind for tags in (*truth, *guess) for _, _, kind in spans(tags)})
        each = [_span_row(kind, *span_counts(truth, guess, kind).sum(axis=0)) for kind in kinds]
        caption = "A span counts when both its ends and its type are right."
        pages.append(Section("Spans", "", [Table(["Type", "recall", "precision", "F1", "spans"], each, caption)]))
    picture = plots.confusion(table, labels) if len(labels) <= plots.MOST_LABELS else None
    recall, precision, f1 = by_label(table)
    counts = table.sum(axis=1)
    per_tag: list[list[Cell]] = [
        [tag, float(recall[i]), float(precision[i]), float(f1[i]), int(counts[i])] for i, tag in enumerate(labels)
    ]
    drawn = [Figure(picture.svg, "Guesses by true tag; the shade is the share of its row.")] if picture else []
    pages.append(Section("Tag by tag", "", [*drawn, Table(["Tag", "recall", "precision", "F1", "tokens"], per_tag)]))
    if mistakes := _mistakes(tokens, truth, guess):
        head = ["Word", "truth", "guess", "times"]
        pages.append(Section("Commonest mistakes", "", [Table(head, mistakes)]))
    return (*pages, *evaluation.data_page()), picture


def _commonest(count: Counter[str]) -> str:
    return min(count, key=lambda tag: (-count[tag], tag))


def _ratio(truth: Tags, guess: Tags, by: str) -> tuple[np.ndarray, np.ndarray]:
    """The (S,) parts whose sums are the measure's numerator and denominator."""
    if by == "accuracy":
        right, all_ = token_counts(truth, guess).T
        return right, all_
    hit, guessed, true = span_counts(truth, guess).T
    return 2 * hit, guessed + true


def _span_row(kind: str, hit: int, guessed: int, true: int) -> list[Any]:
    shares = (
        part / whole if whole else None for part, whole in ((hit, true), (hit, guessed), (2 * hit, true + guessed))
    )
    return [kind, *shares, int(true)]


def _mistakes(tokens: Sequence[Sequence[str]], truth: Tags, guess: Tags) -> list[list[Any]]:
    wrong = Counter(
        (word, true, found)
        for sentence in zip(tokens, truth, guess, strict=True)
        for word, true, found in zip(*sentence, strict=True)
        if true != found
    )
    return [[*what, times] for what, times in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:WORST]]
