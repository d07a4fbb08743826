"""Text cut into words, numbers and signs; scripts that are written without spaces, into their characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Self

import numpy as np
import polars as pl

from elman.data.text.vocabulary import SHOWN, UNKNOWN, checked, kept

CJK = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
# Polars' expressions, unlike Python's, know scripts and keep a word's combining marks, and take linear time.
SHORT = r"['’](?i:s|t|re|ve|m|ll|d)\b"  # it's, don't, they're, I've, I'm, she'll, he'd
PIECE = rf"{UNSPACED}|\d+(?:[.,]\d+)+|[\w--{UNSPACED}]+|{SHORT}|[^\w\s]"
NONE_BEFORE = re.compile(r"[,.!?;:%)\]}…»”\n，。！？；：、）】》」』-]|['’]\w*")
NONE_AFTER = ("(", "[", "{", "«", "“", "$", "#", "@", "-", "\n", "（", "【", "《", "「", "『")
ALONE = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uff00-\uffef\U00020000-\U0003ffff]"
)


class Lookup:
    """Symbols that are whole words, by name."""

    def __init__(self, symbols: list[str]) -> None:
        self.symbols = SHOWN + checked(symbols)
        self._number = {symbol: at for at, symbol in enumerate(self.symbols) if at > UNKNOWN}

    def numbers(self, pieces: Iterable[str]) -> np.ndarray:
        return np.fromiter((self._number.get(piece, UNKNOWN) for piece in pieces), np.int32)

    def ids(self, rows: list[Any]) -> tuple[np.ndarray, np.ndarray]:
        pieces, lengths = self.cut(rows)
        return self.numbers(pieces), lengths

    def cut(self, rows: list[Any]) -> tuple[list[str], np.ndarray]:
        """The symbols of all rows end to end, known or not, and how many each row has."""
        raise NotImplementedError

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        return spaced(self.symbols[at] for at in ids)

    def state(self) -> dict[str, Any]:
        return {"symbols": self.symbols[len(SHOWN) :]}


class Given(Lookup):
    """Tokens that somebody else has cut: each is a symbol, and a row is a list of them."""

    @classmethod
    def fit(cls, lots: Iterable[list[list[str]]], size: int | None, rarest: int) -> Self:
        pieces = (pl.Series("piece", chain.from_iterable(rows), dtype=pl.String) for rows in lots)
        return cls(most_frequent(pieces, size, rarest))

    def cut(self, rows: list[list[str]]) -> tuple[list[str], np.ndarray]:
        return list(chain.from_iterable(rows)), np.fromiter(map(len, rows), np.int64, len(rows))

    def pieces(self, row: list[str]) -> list[str]:
        return list(row)


class Words(Lookup):
    """The words of the training texts; with ``lines`` a line end is a word too."""

    def __init__(self, symbols: list[str], lines: bool) -> None:
        super().__init__(symbols)
        if not isinstance(lines, bool):
            raise ValueError(f"lines is {lines!r}")
        self.lines = lines

    @classmethod
    def fit(cls, lots: Iterable[list[str]], size: int | None, rarest: int, lines: bool) -> Self:
        pieces = (_cut(texts, lines).explode(empty_as_null=False) for texts in lots)
        return cls(most_frequent(pieces, size, rarest), lines)

    def cut(self, texts: list[str]) -> tuple[list[str], np.ndarray]:
        cut = _cut(texts, self.lines)
        lengths = cut.list.len().cast(pl.Int64).to_numpy(writable=True)
        return cut.explode(empty_as_null=False).to_list(), lengths

    def pieces(self, text: str) -> list[str]:
        return _cut([text], self.lines)[0].to_list()

    def state(self) -> dict[str, Any]:
        return {**super().state(), "lines": self.lines}


def spaced(words: Iterable[str]) -> Iterator[str]:
    """Each word with the space before it that writing wants: none before a comma, none between Chinese characters."""
    before, quoted = "\n", False
    for word in words:
        if not word:
            yield ""
            continue
        closing = word == '"' and quoted
        glued = before in NONE_AFTER or NONE_BEFORE.fullmatch(word) or (ALONE.match(before) and ALONE.match(word))
        yield word if glued or closing or (before == '"' and quoted) else " " + word
        quoted ^= word == '"'
        before = word


def most_frequent(lots: Iterable[pl.Series], size: int | None, rarest: int) -> list[str]:
    counts = _counted(lots).sort("piece")
    counts = counts.filter(~pl.col("piece").is_in(SHOWN))
    return counts["piece"][kept(counts["count"].to_numpy(), size, rarest)].to_list()


def _counted(lots: Iterable[pl.Series]) -> pl.DataFrame:
    """How often each piece is there, in all lots together."""
    parts: list[pl.DataFrame] = []
    for pieces in lots:
        parts.append(pieces.alias("piece").value_counts(name="count"))
        # Together as soon as there are as many new ones as are counted, so that no piece is counted again often.
        if len(parts) > 1 and sum(map(len, parts[1:])) > len(parts[0]):
            parts = [_added(parts)]
    return parts[0] if len(parts) == 1 else _added(parts)


def _added(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("piece").agg(pl.col("count").sum())


def _cut(texts: list[str], lines: bool) -> pl.Series:
    return pl.Series("piece", texts, dtype=pl.String).str.extract_all(rf"\n|{PIECE}" if lines else PIECE)
