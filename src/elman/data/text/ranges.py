"""How words are cut, for programs that know no scripts: every class of characters written out as ranges."""

from __future__ import annotations

from functools import cache

import numpy as np
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
    codes = np.concatenate([np.arange(0xD800), np.arange(0xE000, 0x110000)])  # all that are characters
    characters = list(codes.astype("<u4").tobytes().decode("utf-32-le"))
    held = codes[pl.Series(characters, dtype=pl.String).str.contains(f"^(?:{kind})$").to_numpy()]
    breaks = np.flatnonzero(np.diff(held) > 1)
    ends = zip(held[np.r_[0, breaks + 1]], held[np.r_[breaks, -1]], strict=True)
    return "".join(f"{_escaped(first)}-{_escaped(last)}" for first, last in ends)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
