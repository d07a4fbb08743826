"""The numbers that every vocabulary shares, and which symbols get one."""

from __future__ import annotations

from typing import Any

import numpy as np

PAD, UNKNOWN = 0, 1
SHOWN = ["", "\ufffd"]  # how these two are shown; U+FFFD in a text is unknown itself


def kept(counts: np.ndarray, size: int | None, rarest: int) -> np.ndarray:
    """The places of the ``size`` largest counts, falling, the first of equal ones first; none is below ``rarest``."""
    order = np.argsort(-counts.astype(np.int64), kind="stable")
    return order[counts[order] >= max(1, rarest)][:size]


def checked(symbols: Any) -> list[str]:
    """The saved symbols; raises ValueError where they are no list of distinct texts."""
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) and symbol for symbol in symbols):
        raise ValueError("its symbols are no list of texts")
    if len(set(symbols)) != len(symbols) or SHOWN[UNKNOWN] in symbols:
        raise ValueError("a symbol is there twice")
    return symbols
