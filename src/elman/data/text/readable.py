"""Words back to a text that reads well: capitals and joints as the source has them, else as the training texts do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from elman.data.text.words import PIECE, spaced

STARTS = ("", ".", "!", "?", ":", "*", "-", "•")  # before a space; a capital after them says nothing
OFTEN = 3  # times that a pair must be seen to be learnt

WORD = re.compile(r"\w")

Pair = tuple[str, str]


class Readable:
    """Learnt from texts: how a word is mostly spelled, and which neighbours mostly stand without a space between.

    ``joined`` says it of pairs of neighbours, of a sign and what follows it, (sign, ""), and of what comes before it.
    """

    def __init__(self, spelled: dict[str, str], joined: dict[Pair, bool]) -> None:
        self.spelled, self.joined = spelled, joined

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Readable:
        """Spellings are those within sentences; of pairs those of signs, are learnt, if seen some times."""
        spelled: Counter[Pair] = Counter()
        together: Counter[Pair] = Counter()
        every: Counter[Pair] = Counter()
        for neighbours in _neighbours(texts):
            for a, b, near in neighbours:
                if near or a not in STARTS:
                    spelled[b.lower(), b] += 1
                for pair in _signs(a.lower(), b.lower()) if a else ():
                    every[pair] += 1
                    together[pair] += near
        most: dict[str, tuple[int, str]] = {}
        for (word, one), count in spelled.items():
            most[word] = max(most.get(word, (0, "")), (count, one))
        joined = {pair: 2 * together[pair] > count for pair, count in every.items() if count >= OFTEN}
        return cls({word: one for word, (_, one) in most.items() if one != word}, joined)

    def write(self, words: Sequence[str], source: str, own: Sequence[str] = ()) -> str:
        """The text of these words in small letters, which were written for the source.

        Capitals at a sentence's start are those of names in the source's ``own`` words, which are rare, alone.
        """
        here: dict[str, str] = {}
        starts: dict[str, str] = {}
        near: dict[Pair, bool] = {}
        for a, b, together in next(_neighbours([source])):
            near[a.lower(), b.lower()] = together
            (starts if a in STARTS and not together else here)[b.lower()] = b
        shown_as = {word: starts.get(word, word) for word in own} | self.spelled | here
        said = []
        for at, shown in enumerate(spaced(words)):
            word, glued = words[at], not shown.startswith(" ")
            if at:
                pair = (words[at - 1], word)
                learnt = (self.joined[one] for one in _signs(*pair) if one in self.joined)
                glued = near[pair] if pair in near else next(learnt, glued)
            said.append(("" if glued else " ") + shown_as.get(word, word))
        return "".join(said)

    def to_json(self) -> dict[str, Any]:
        return {"spelled": self.spelled, "joined": [[*pair, near] for pair, near in self.joined.items()]}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Readable:
        return cls(dict(state["spelled"]), {(a, b): near for a, b, near in state["joined"]})


def _signs(a: str, b: str) -> list[Pair]:
    """What is known of two neighbours where one is a sign, the most telling first."""
    signs = [one for one, sign in (((a, ""), a), (("", b), b)) if not WORD.match(sign)]
    return [(a, b), *signs] if signs else []


def _neighbours(texts: Sequence[str]) -> Iterator[list[tuple[str, str, bool]]]:
    """Of each text every piece with the one before it, "" at first, and whether nothing stands between them."""
    texts = [text if text.isascii() else text.encode(errors="replace").decode() for text in texts]
    for text, pieces in zip(texts, pl.Series(texts, dtype=pl.String).str.extract_all(PIECE).to_list(), strict=True):
        begins, end = [], 0
        for piece in pieces:
            begins.append(text.index(piece, end))
            end = begins[-1] + len(piece)
        ends = [0, *(begin + len(piece) for begin, piece in zip(begins, pieces, strict=True))]
        yield [
            (a, b, at == end and a != "") for a, b, at, end in zip(["", *pieces], pieces, begins, ends, strict=False)
        ]
