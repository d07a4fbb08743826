"""What is said of a recommender: its evaluation beside models that only count, and the pages that show it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.recommendation.metrics import LONGEST, Ranking, rank_metrics
from elman.evaluate.report import Cell, Section, Table
from elman.evaluate.verdict import paired_interval, share_verdict
from elman.evaluate.wording import cut

WORDS = {
    "popularity": "the most popular items",
    "markov": "what most often follows the last item",
    "item_knn": "the items most often together with the last one",
    "v_sknn": "what the most similar sessions have (V-SKNN)",
}
BUCKETS = (10, 100)  # counts in training that part the items that came


@dataclass(frozen=True)
class Shown:
    """A session of the judged part, by names: its latest items, what was recommended, and what came."""

    had: Sequence[str]
    recommended: Sequence[str]
    came: str


def judge(
    ranking: Ranking,
    rivals: Mapping[str, Ranking],
    counts: NDArray[np.int64],
    sessions: NDArray[np.int64],
    *,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge the ranks (R,) of the items that came beside those of baselines, by MRR@20.

    counts (V,) of the items in training; sessions (R,), the number of each row's session, whose rows err alike. Raises
    InputError without rows, and without baselines.
    """
    began = time.perf_counter() if began is None else began
    if not rivals:
        raise InputError("the recommendations have no baseline to be read beside: give at least one")
    metrics = rank_metrics(ranking, counts)
    scores = {name: rank_metrics(rival, counts) for name, rival in rivals.items()}
    best = max(scores, key=lambda name: scores[name]["mrr_20"])
    own, other = (np.where(of.ranks <= LONGEST, 1 / of.ranks, 0.0) for of in (ranking, rivals[best]))
    interval = paired_interval(own, other, 1, sessions)
    said = share_verdict(metrics, {WORDS.get(name, name): found for name, found in scores.items()}, "mrr_20", interval)
    took = time.perf_counter() - began
    return Evaluation("recommend", metrics, scores, said.skill, said.sentence, said.good, len(own), took, notes)


def sections(
    evaluation: Evaluation,
    ranking: Ranking,
    rivals: Mapping[str, Ranking],
    target_counts: NDArray[np.int64],
    shown: Sequence[Shown],
) -> tuple[Section, ...]:
    """Sections: the score, the score by how common what came is (target_counts (R,) in training), and some sessions."""
    said = f"{evaluation.rows:,} events, each ranked among all items; ties count against the model."
    rows: list[list[Cell]] = []
    for low, high in zip((0, *BUCKETS), (*BUCKETS, None), strict=True):
        among = (target_counts >= low) & (target_counts < (np.inf if high is None else high))
        recall = [
            float((of.ranks[among] <= LONGEST).mean()) if among.any() else None for of in (ranking, *rivals.values())
        ]
        rows.append([f"{low:,} or more" if high is None else f"{low:,} to {high - 1:,}", int(among.sum()), *recall])
    heads = ["how often it came in training", "events", "this model", *(name.replace("_", " ") for name in rivals)]
    names = ["the latest items", "recommended", "what came"]
    some: list[list[Cell]] = [[cut(", ".join(one.had)), cut(", ".join(one.recommended)), one.came] for one in shown]
    return (
        evaluation.score_page(said),
        Section(
            "Rare and common items",
            "Recall@20 by how common the item that came is.",
            [Table(heads, rows, own_names=True)],
        ),
        Section("Sessions", "Evenly spaced over the judged part.", [Table(names, some)]),
        *evaluation.data_page(),
    )
