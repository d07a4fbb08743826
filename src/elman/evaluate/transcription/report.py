"""What is said of a transcriber: its evaluation beside baselines, and the pages of a report that show it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from elman.evaluate.alignment import alignment
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.report import Cell, Figure, Section, Table
from elman.evaluate.style import Plot
from elman.evaluate.transcription.metrics import mistakes, transcription_metrics
from elman.evaluate.verdict import ratio_interval, verdict
from elman.evaluate.wording import cut

WORDS = {"most_frequent": "the most frequent transcript", "empty": "writing nothing"}
SHOWN = 20  # transcripts in the table
WORST = 10


@dataclass(frozen=True)
class Alignment:
    """Of one sound: ``weights`` (T, S) of each written symbol on each step, the symbols, how long it lasts."""

    weights: ArrayLike
    symbols: Sequence[str]
    seconds: float


def most_frequent(texts: Sequence[str]) -> str:
    """Of equally frequent ones the first."""
    return Counter(texts).most_common(1)[0][0]


def judge(
    guesses: Sequence[str],
    truths: Sequence[str],
    frequent: str,
    *,
    words: bool = True,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge transcripts beside the most frequent one of the training part, and an empty one.

    The verdict is by word error rate, or that of characters where words are not parted; each sound is independent of
    the others. Raises InputError and MissingDependency as transcription_metrics does.
    """
    began = time.perf_counter() if began is None else began
    rivals = {"most_frequent": [frequent] * len(truths), "empty": [""] * len(truths)}
    metrics = transcription_metrics(guesses, truths, words=words)
    scores = {name: transcription_metrics(rival, truths, words=words) for name, rival in rivals.items()}
    by = "wer" if words else "cer"
    best = min(scores, key=lambda name: scores[name][by])
    interval = ratio_interval(*mistakes(guesses, truths, words=words), *mistakes(rivals[best], truths, words=words))
    said = verdict(metrics, {WORDS[name]: found for name, found in scores.items()}, by, interval)
    took = time.perf_counter() - began
    return Evaluation("transcribe", metrics, scores, said.skill, said.sentence, said.good, len(guesses), took, notes)


def sections(
    evaluation: Evaluation,
    names: Sequence[str],
    guesses: Sequence[str],
    truths: Sequence[str],
    alignments: Sequence[Alignment] = (),
) -> tuple[tuple[Section, ...], Plot | None]:
    """Sections: the score, some transcripts, evenly spaced, the worst ones, and when a few of them were heard."""
    wrong, all_ = mistakes(guesses, truths)

    def row(i: int) -> list[Cell]:
        return [cut(names[i], 40), cut(guesses[i]), cut(truths[i]), int(wrong[i])]

    head = ["sound", "model", "truth", "wrong characters"]
    every = max(1, len(truths) // SHOWN)
    pages = [evaluation.score_page(f"{evaluation.rows:,} sounds.")]
    spaced = [row(i) for i in range(0, len(truths), every)[:SHOWN]]
    pages.append(Section("Transcripts", "Evenly spaced over the judged part.", [Table(head, spaced)]))
    order = [int(i) for i in np.argsort(-wrong / all_, kind="stable")[:WORST] if wrong[i]]
    if order:
        said = "Those with the largest share of wrong characters: the place to look for wrong transcripts in the data."
        pages.append(Section("Worst mistakes", said, [Table(head, [row(i) for i in order])]))
    drawn = [
        alignment(found.weights, found.symbols, along=found.seconds, label="seconds", title="When it was heard")
        for found in alignments
    ]
    if drawn:
        said = "Each written symbol, and at which time of the sound it was heard: a good one runs down a diagonal."
        pages.append(Section("When it was heard", said, [Figure(plot.svg) for plot in drawn]))
    return (*pages, *evaluation.data_page()), drawn[0] if drawn else None
