"""BLEU and chrF of translations, by sacrebleu, with every reference that a source has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.errors import InputError, MissingDependency


def translation_metrics(
    guesses: Sequence[str], references: Sequence[Sequence[str]], *, chinese: bool = False, lower: bool = True
) -> dict[str, float]:
    """bleu (13a tokens, of Chinese its own) and chrf, 0 to 100, of one guess a source and its references, one or more.

    Raises InputError where there are none or their numbers differ, MissingDependency without sacrebleu.
    Source: Post, A call for clarity in reporting BLEU scores, 2018.
    """
    if not guesses or len(guesses) != len(references) or not all(references):
        raise InputError(f"{len(guesses)} translations have {len(references)} sets of references: give one each")
    metrics = require_scorer()
    bleu = metrics.BLEU(tokenize="zh" if chinese else "13a", lowercase=lower, effective_order=False)
    chrf = metrics.CHRF(lowercase=lower)
    most = max(map(len, references))
    # The library wants as many references of each: those that a source lacks are absent.
    streams = [[refs[k] if k < len(refs) else None for refs in references] for k in range(most)]
    scorers = {"bleu": bleu, "chrf": chrf}
    # A perfect score is 100 and what rounding adds.
    return {name: min(100.0, scorer.corpus_score(list(guesses), streams).score) for name, scorer in scorers.items()}


def require_scorer() -> Any:
    """sacrebleu's metrics; MissingDependency without it, which is better said before the training than after it."""
    try:
        from sacrebleu import metrics
    except ImportError:
        raise MissingDependency("translations are scored by sacrebleu: pip install 'elman[translate]'") from None
    return metrics


def grouped(sources: Sequence[str], targets: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Each different source once, with all its targets."""
    found: dict[str, list[str]] = {}
    for source, target in zip(sources, targets, strict=True):
        found.setdefault(source, []).append(target)
    return list(found), list(found.values())
