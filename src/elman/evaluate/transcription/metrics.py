"""Word and character error rates of transcripts, by jiwer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError, MissingDependency


def transcription_metrics(guesses: Sequence[str], truths: Sequence[str], *, words: bool = True) -> dict[str, float]:
    """wer (with ``words``), cer, and exact, the share of transcripts without a mistake.

        (substitutions + deletions + insertions) / symbols of the truth        in the fewest edits, over all texts

    Words are what blanks part, blanks count as characters, several in a row as one. Raises InputError without texts,
    where their numbers differ, or for an empty truth; MissingDependency without jiwer.
    """
    found = {}
    if words:
        wrong, all_ = mistakes(guesses, truths, words=True)
        found["wer"] = float(wrong.sum() / all_.sum())
    wrong, all_ = mistakes(guesses, truths, words=False)
    return {**found, "cer": float(wrong.sum() / all_.sum()), "exact": float((wrong == 0).mean())}


def mistakes(
    guesses: Sequence[str], truths: Sequence[str], *, words: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(N,) edits of each text, in characters or words, and how many of these its truth has; raises as above."""
    if not guesses or len(guesses) != len(truths) or not all(truth.strip() for truth in truths):
        raise InputError(f"{len(guesses)} transcripts have {len(truths)} truths: give one each, none of them empty")
    jiwer = require_scorer()
    process = jiwer.process_words if words else jiwer.process_characters
    wrong, all_ = [], []
    for guess, truth in zip(guesses, truths, strict=True):
        found = process(" ".join(truth.split()), " ".join(guess.split()))
        wrong.append(found.substitutions + found.deletions + found.insertions)
        all_.append(found.hits + found.substitutions + found.deletions)
    return np.array(wrong), np.array(all_)


def require_scorer() -> Any:
    """jiwer; MissingDependency without it, which is better said before the training than after it."""
    try:
        import jiwer
    except ImportError:
        raise MissingDependency("transcripts are scored by jiwer: pip install 'elman[sound]'") from None
    return jiwer
