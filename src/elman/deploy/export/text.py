"""How a model cuts text, as JSON that a program in any language can follow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import polars as pl

from elman.data.text.spelling import CAPITAL, LETTERS, LONGEST, SHORTEST, Spelling
from elman.data.text.subwords import STRETCH
from elman.data.text.tokens import PAD, UNKNOWN, Tokens
from elman.data.text.words import UNSPACED

HOW = {
    "byte": "the bytes of the text's UTF-8, each + 2",
    "char": "each character of the text by its place in symbols, else the number of unknown",
    "word": "each match of pattern, in lower case where lower is true, by its place in symbols, else unknown",
    "given": "each word as it is given, in lower case where lower is true, by its place in symbols, else unknown",
    "subword": "each match of pattern as byte-pair symbols, by merges; their numbers follow the 256 bytes'",
}


def described(tokens: Tokens, spelling: Spelling | None = None) -> dict[str, Any]:
    """The vocabulary, how text is cut, and for words that are spelled their n-grams."""
    found: dict[str, Any] = {"level": tokens.level, "how": HOW[tokens.level], "lower": tokens.lower}
    found |= {"padding": PAD, "unknown": UNKNOWN}
    state = tokens.to_json()
    if tokens.level == "word":
        found["pattern"] = pattern(bool(state["lines"]))
    if tokens.level == "subword":
        found |= {"pattern": STRETCH, "merges": state["merges"]}
    found["symbols"] = tokens.symbols
    if spelling is not None:
        found["spelling"] = {
            "how": f"the n-grams of <word> in lower case, its first {LETTERS} letters, each once; and {CAPITAL} for a "
            "word that begins with a capital; numbered from 1 by their place in grams, those that are not there left out",
            "shortest": SHORTEST,
            "longest": LONGEST,
            "letters": LETTERS,
            "capital": CAPITAL,
            "grams": spelling.grams,
        }
    return found


@cache
def pattern(lines: bool) -> str:
    """What `Words` matches, as an expression that needs no knowledge of scripts: its classes are written out.

    Python's own ``re`` and Polars disagree about what a letter is; ranges of code points leave nothing to disagree on.
    """
    word, digit, space, unspaced = map(_ranges, (r"\w", r"\d", r"\s", UNSPACED))
    number = f"[{digit}]+(?:[.,][{digit}]+)+"
    short = f"['\\u2019](?:[sS\\u017f]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])(?![{word}])"
    piece = f"[{unspaced}]|{number}|(?:(?![{unspaced}])[{word}])+|{short}|[^{word}{space}]"
    return rf"\n|{piece}" if lines else piece


def _ranges(kind: str) -> str:
    """The inside of a character class: the code points that Polars takes for one of this kind."""
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    held = pl.Series([chr(code) for code in codes], dtype=pl.String).str.contains(f"^(?:{kind})$").to_list()
    return "".join(_joined([code for code, there in zip(codes, held, strict=True) if there]))


def _joined(codes: list[int]) -> Iterator[str]:
    begin = end = codes[0]
    for code in [*codes[1:], -1]:
        if code != end + 1:
            yield _escaped(begin) + ("" if begin == end else f"-{_escaped(end)}")
            begin = code
        end = code


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
