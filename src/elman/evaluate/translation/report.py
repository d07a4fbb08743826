"""What is said of a translator: its evaluation beside baselines, and the pages of a report that show it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from elman.errors import InputError
from elman.evaluate.alignment import Attention, attention_page
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.report import Cell, Section, Table, evenly
from elman.evaluate.translation.metrics import translation_metrics
from elman.evaluate.verdict import paired_interval, share_verdict
from elman.evaluate.wording import cut

WORDS = {"copy": "the source itself", "memory": "the translation of the most similar known text"}
BLOCKS = 20  # of the sources, whose scores say how sure the difference is
SHOWN = 20  # translations in the table


def judge(
    guesses: Sequence[str],
    references: Sequence[Sequence[str]],
    rivals: Mapping[str, Sequence[str]],
    *,
    chinese: bool = False,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge one translation a source beside those of baselines, by BLEU; with every reference a source has.

    How sure the difference is, is told by the BLEU of 20 blocks of sources. Raises InputError as translation_metrics
    does, and without baselines.
    """
    began = time.perf_counter() if began is None else began
    if not rivals:
        raise InputError("the translations have no baseline to be read beside: give at least one")
    metrics = translation_metrics(guesses, references, chinese=chinese)
    scores = {name: translation_metrics(rival, references, chinese=chinese) for name, rival in rivals.items()}
    best = max(scores, key=lambda name: (scores[name]["bleu"], scores[name]["chrf"]))
    cuts = np.array_split(np.arange(len(guesses)), min(BLOCKS, len(guesses)))
    own, other = (
        [
            translation_metrics([of[i] for i in rows], [references[i] for i in rows], chinese=chinese)["bleu"]
            for rows in cuts
        ]
        for of in (guesses, rivals[best])
    )
    low, high = paired_interval(np.array(own) / 100, np.array(other) / 100, 1)
    # The best one first, for of equal ones that is compared with.
    shares = {WORDS.get(name, name): {"bleu": scores[name]["bleu"] / 100} for name in sorted(scores, key=best.__ne__)}
    said = share_verdict({"bleu": metrics["bleu"] / 100}, shares, "bleu", (low, high), unit="")
    took = time.perf_counter() - began
    return Evaluation("translate", metrics, scores, said.skill, said.sentence, said.good, len(guesses), took, notes)


def sections(
    evaluation: Evaluation,
    sources: Sequence[str],
    guesses: Sequence[str],
    references: Sequence[Sequence[str]],
    attended: Sequence[Attention] = (),
) -> tuple[Section, ...]:
    """Sections: the score, some translations, evenly spaced, beside what people wrote, and what a few attended to."""
    rows: list[list[Cell]] = []
    for i in evenly(len(sources), SHOWN):
        rows.append([cut(sources[i]), cut(guesses[i]), cut(" / ".join(references[i]))])
    shown = Section("Translations", "Evenly spaced over the judged part.", [Table(["source", "model", "people"], rows)])
    pages = evaluation.score_page(f"{evaluation.rows:,} texts."), shown, *attention_page(attended)
    return (*pages, *evaluation.data_page())
