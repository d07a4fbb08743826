"""What is said of a summarizer: its evaluation beside baselines, and the pages of a report that show it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from elman.errors import InputError
from elman.evaluate.alignment import Attention, attention_page
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.report import Cell, Section, Table, evenly
from elman.evaluate.summary.metrics import means, rouge
from elman.evaluate.verdict import paired_interval, share_verdict
from elman.evaluate.wording import cut

WORDS = {"lead": "the first words of the text", "central": "the most central sentence of the text"}
SHOWN = 20  # summaries in the table


def judge(
    guesses: Sequence[str],
    references: Sequence[str],
    rivals: Mapping[str, Sequence[str]],
    *,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge one summary a row beside those of baselines, by ROUGE-1.

    Raises InputError as rouge does, and without baselines.
    """
    began = time.perf_counter() if began is None else began
    if not rivals:
        raise InputError("the summaries have no baseline to be read beside: give at least one")
    own = rouge(guesses, references)
    others = {name: rouge(rival, references) for name, rival in rivals.items()}
    metrics, scores = means(own), {name: means(of) for name, of in others.items()}
    best = max(scores, key=lambda name: scores[name]["rouge1"])
    low, high = paired_interval(own["rouge1"], others[best]["rouge1"], 1)
    shares = {WORDS.get(name, name): {"rouge1": of["rouge1"] / 100} for name, of in scores.items()}
    said = share_verdict({"rouge1": metrics["rouge1"] / 100}, shares, "rouge1", (low, high), unit="")
    took = time.perf_counter() - began
    return Evaluation("summarize", metrics, scores, said.skill, said.sentence, said.good, len(guesses), took, notes)


def sections(
    evaluation: Evaluation,
    sources: Sequence[str],
    guesses: Sequence[str],
    references: Sequence[str],
    attended: Sequence[Attention] = (),
) -> tuple[Section, ...]:
    """Sections: the score, some summaries, evenly spaced, beside what people wrote, and what a few attended to."""
    rows: list[list[Cell]] = [
        [cut(sources[i], 200), cut(guesses[i]), cut(references[i])] for i in evenly(len(sources), SHOWN)
    ]
    shown = Section("Summaries", "Evenly spaced over the judged part.", [Table(["text", "model", "people"], rows)])
    pages = evaluation.score_page(f"{evaluation.rows:,} texts."), shown, *attention_page(attended)
    return (*pages, *evaluation.data_page())
