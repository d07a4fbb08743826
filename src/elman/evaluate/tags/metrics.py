"""The field's measures of tagging, over sentences: lists of lists of tags, truth and guess of the same lengths.

Tags that mark spans (B-, I-, and perhaps E-, S-, with O outside) are scored as spans too, which count only whole: both
ends and the type must be right.

Source: Tjong Kim Sang & De Meulder, Introduction to the CoNLL-2003 shared task, 2003 (conlleval's reading of I- tags).
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from elman.errors import InputError

Tags = Sequence[Sequence[str]]
SPAN_TAG = re.compile(r"[BIES]-.+")


def marks_spans(tags: Iterable[str]) -> bool:
    """Whether all tags are O or of the forms B-x, I-x, E-x, S-x, and one is not O."""
    found = set(tags) - {"O"}
    return bool(found) and all(map(SPAN_TAG.fullmatch, found))


def spans(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """(first, past the last, type) of each span: it begins at B-, S-, and at I- or E- that continue nothing."""
    found, first, kind, open_ = set(), 0, "", False
    for place, tag in enumerate([*tags, "O"]):
        mark, _, name = tag.partition("-")
        if open_ and (mark in "OBS" or name != kind):
            found.add((first, place, kind))
            open_ = False
        if mark != "O" and not open_:
            first, kind, open_ = place, name, True
        if open_ and mark in "ES":
            found.add((first, place + 1, kind))
            open_ = False
    return found


def tag_metrics(truth: Tags, guess: Tags) -> dict[str, float]:
    """accuracy over tokens; and where the true tags mark spans, span_precision, span_recall and span_f1.

    Raises InputError as token_counts does.
    """
    right, all_ = token_counts(truth, guess).sum(axis=0)
    scores = {"accuracy": right / all_}
    if marks_spans(tag for tags in truth for tag in tags):
        hit, guessed, true = span_counts(truth, guess).sum(axis=0)
        scores["span_precision"] = hit / guessed if guessed else 0.0
        scores["span_recall"] = hit / true
        scores["span_f1"] = 2 * hit / (guessed + true)
    return {name: float(score) for name, score in scores.items()}


def token_counts(truth: Tags, guess: Tags) -> NDArray[np.int64]:
    """(S, 2): tokens tagged right, and tokens.

    Raises InputError where sentences or their lengths differ, and where none has a token.
    """
    if list(map(len, truth)) != list(map(len, guess)):
        where = next((i for i, (t, g) in enumerate(zip(truth, guess, strict=False)) if len(t) != len(g)), None)
        detail = (
            f"{len(truth)} and {len(guess)} sentences"
            if where is None
            else (f"{len(truth[where])} and {len(guess[where])} in sentence {where}")
        )
        raise InputError(f"truth and guess do not pair up ({detail}): give a tag of each for every token")
    if not any(map(len, truth)):
        raise InputError("nothing can be scored: there is no token, and one is needed")
    return np.array(
        [[sum(a == b for a, b in zip(t, g, strict=True)), len(t)] for t, g in zip(truth, guess, strict=True)]
    )


def span_counts(truth: Tags, guess: Tags, kind: str | None = None) -> NDArray[np.int64]:
    """(S, 3): spans found whole, spans guessed, true spans; kind: of this type alone."""
    rows = []
    for one, other in zip(truth, guess, strict=True):
        true, found = ({s for s in spans(tags) if kind in (None, s[2])} for tags in (one, other))
        rows.append([len(true & found), len(found), len(true)])
    return np.array(rows).reshape(-1, 3)
