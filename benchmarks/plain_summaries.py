"""Summaries as users write them in plain torch: the LSTM that attends of plain_translation.py, without copying."""

from __future__ import annotations

from typing import Any

from plain_translation import Sides, plain_written

from elman.data.text.tokens import Tokens
from elman.evaluate.summary.metrics import means, rouge


def plain_summarizer(
    train: Sides, test: Sides, *, tokens: Tokens, longest: int, minutes: float, seed: int
) -> dict[str, Any]:
    """It reads as many words of a text as elman does, by the same vocabulary, and writes greedily."""
    sources = [[" ".join(tokens.pieces(text)[:longest]) for text in sides[0]] for sides in (train, test)]
    guesses, used = plain_written(
        (sources[0], train[1]), sources[1], tokens=(tokens, tokens), minutes=minutes, seed=seed
    )
    return {"metrics": means(rouge(guesses, test[1])), "minutes": used}
