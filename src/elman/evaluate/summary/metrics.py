"""ROUGE: how many words, pairs of words, and words in the same order a summary shares with that of a person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from elman.errors import InputError

WORD = re.compile(r"\w+")

Scores = dict[str, np.ndarray]  # by name, (N,) each


def words(text: str) -> list[str]:
    r"""The runs of ``\w``, in small letters; nothing is stemmed or left out."""
    return WORD.findall(text.lower())


def rouge(guesses: Sequence[str], references: Sequence[str]) -> Scores:
    """rouge1, rouge2 and rougeL of each row, in 0 to 1: F1 of precision m / |guess| and recall m / |reference|.

    m are the n-grams that both have, each as often as both have it; for L the longest common subsequence of words.
    Where either side has none the score is 0. Raises InputError unless there is one guess a reference, and one at all.
    Source: Lin, ROUGE: a package for automatic evaluation of summaries, 2004.
    """
    if not guesses or len(guesses) != len(references):
        raise InputError(f"{len(guesses)} summaries have {len(references)} references: give one each")
    cut = [(words(guess), words(reference)) for guess, reference in zip(guesses, references, strict=True)]
    return {
        "rouge1": np.array([_overlap(a, b, 1) for a, b in cut]),
        "rouge2": np.array([_overlap(a, b, 2) for a, b in cut]),
        "rougeL": np.array([_f1(_common(a, b), len(a), len(b)) for a, b in cut]),
    }


def means(scores: Scores) -> dict[str, float]:
    """The mean over all rows, 0 to 100."""
    return {name: float(100 * of.mean()) for name, of in scores.items()}


def _overlap(a: list[str], b: list[str], n: int) -> float:
    grams, others = (Counter(zip(*(one[k:] for k in range(n)), strict=False)) for one in (a, b))
    return _f1((grams & others).total(), grams.total(), others.total())


def _f1(matches: int, guessed: int, wanted: int) -> float:
    return 2 * matches / (guessed + wanted) if guessed and wanted else 0.0


def _common(a: list[str], b: list[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for one in a:
        before = row
        row = [0]
        for at, other in enumerate(b):
            row.append(before[at] + 1 if one == other else max(row[at], before[at + 1]))
    return row[-1]
