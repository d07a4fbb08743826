"""What is said of a language model: its evaluation beside models that only count, and the pages that show it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import InputError
from elman.evaluate.evaluation import Evaluation
from elman.evaluate.report import Section, Shaded, Verbatim
from elman.evaluate.verdict import paired_interval, skill, verdict

WORDS = {"unigram": "the symbols' frequencies", "kneser-ney": "a smoothed n-gram model"}
BLOCK, BLOCKS = 1000, 30  # symbols that are taken to err alike, fewer where that would leave fewer blocks than this
SHOWN = 1000  # pieces of the held-out text


def language_metrics(nats: ArrayLike, characters: int) -> dict[str, float]:
    """nats (a symbol), bits_per_character and perplexity, of costs -log p (N,) of the symbols of a text.

    bits_per_character = Σ nats / (characters log 2), which compares models of different symbols, and perplexity is
    exp(mean nats).
    Raises InputError for no costs, one that is NaN, infinite or below 0, or no characters.
    """
    cost = np.asarray(nats, np.float64)
    if cost.ndim != 1 or not cost.size or characters < 1:
        raise InputError(
            f"{cost.shape} costs of {characters} characters cannot be scored: at least one is needed of each"
        )
    if not (np.isfinite(cost) & (cost >= 0)).all():
        raise InputError("a cost is below 0, NaN or infinite: give -log p of each symbol")
    mean = float(cost.mean())
    bits = float(cost.sum()) / characters / math.log(2)
    return {"nats": mean, "bits_per_character": bits, "perplexity": math.exp(min(mean, 700.0))}


def block_of(symbols: int) -> int:
    """Successive symbols that are taken to err alike."""
    return max(1, min(BLOCK, symbols // BLOCKS))


def judge(
    nats: ArrayLike,
    rivals: Mapping[str, ArrayLike],
    characters: int,
    *,
    words: Mapping[str, str] = WORDS,
    notes: tuple[str, ...] = (),
    began: float | None = None,
) -> Evaluation:
    """Judge the costs (N,) of a held-out text's symbols beside those of baselines, by bits per character.

    Raises InputError as language_metrics does, where costs differ in number, and without baselines.
    """
    began = time.perf_counter() if began is None else began
    metrics = language_metrics(nats, characters)
    scores = {name: language_metrics(cost, characters) for name, cost in rivals.items()}
    _, best = skill(metrics, scores, "bits_per_character")
    costs = [np.asarray(cost, np.float64) / math.log(2) for cost in (nats, rivals[best])]
    block = block_of(len(costs[0]))
    scale = len(costs[0]) / characters
    low, high = (scale * end for end in paired_interval(costs[0], costs[1], block))
    named = {words.get(name, name): found for name, found in scores.items()}
    said = verdict(metrics, named, "bits_per_character", (low, high))
    took = time.perf_counter() - began
    return Evaluation("generate", metrics, scores, said.skill, said.sentence, said.good, len(costs[0]), took, notes)


def sections(
    evaluation: Evaluation,
    samples: Mapping[str, str],
    pieces: Sequence[str],
    nats: ArrayLike,
    apart: str = "",
) -> tuple[Section, ...]:
    """Sections: the score, what was generated (by captions), and the held-out text shaded by what it cost.

    pieces: the held-out text's symbols as shown to people, nats (N,) their costs, of which the first 1,000 are shown.
    """
    said = f"{evaluation.rows:,} symbols of held-out text, each to be told from those before it."
    pages = [evaluation.score_page(said)]
    if samples:
        pages.append(Section("Generated", "", [Verbatim(text, caption) for caption, text in samples.items()]))
    if pieces:
        shown = list(pieces[:SHOWN])
        costs = np.asarray(nats, np.float64)[: len(shown)].tolist()
        intro = "The held-out text; the stronger a symbol is shaded, the less it was expected."
        pages.append(Section("What surprised it", intro, [Shaded(shown, costs, apart=apart)]))
    return (*pages, *evaluation.data_page())
