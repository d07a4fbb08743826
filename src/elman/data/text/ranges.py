"""How words are cut, for programs that know no scripts: every class of characters written out as ranges."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import polars as pl

from elman.data.text.words import UNSPACED


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
