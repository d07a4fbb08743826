"""Text cut into single characters, or into the bytes of its UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from elman.data.text.vocabulary import SHOWN, UNKNOWN, checked, kept

CODE_POINTS = 0x110000


class Bytes:
    """All 256 bytes in their order, so that no text is unknown."""

    def __init__(self) -> None:
        self.symbols = SHOWN + [chr(byte) if byte < 128 else f"\\x{byte:02x}" for byte in range(256)]

    def ids(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        raw = [text.encode() for text in texts]
        return np.frombuffer(b"".join(raw), np.uint8).astype(np.int32) + len(SHOWN), _lengths(raw)

    def pieces(self, text: str) -> list[str]:
        return list(self.stream(self.ids([text])[0]))

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        return decoded(bytes([at - len(SHOWN)]) if at >= len(SHOWN) else b"" for at in map(int, ids))

    def state(self) -> dict[str, Any]:
        return {}


class Characters:
    """The code points of the training texts."""

    def __init__(self, symbols: list[str]) -> None:
        if any(len(symbol) != 1 for symbol in checked(symbols)):
            raise ValueError("a symbol is no single character")
        self.symbols = SHOWN + symbols
        self._number = np.full(CODE_POINTS, UNKNOWN, np.int32)
        self._number[[ord(symbol) for symbol in symbols]] = np.arange(len(SHOWN), len(self.symbols))

    @classmethod
    def fit(cls, lots: Iterable[list[str]], size: int | None, rarest: int) -> Self:
        counts = np.zeros(CODE_POINTS, np.int64)
        for texts in lots:
            counts += np.bincount(_code_points(texts), minlength=CODE_POINTS)
        counts[ord(SHOWN[UNKNOWN])] = 0
        return cls([chr(code) for code in kept(counts, size, rarest)])

    def ids(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        return self._number[_code_points(texts)], _lengths(texts)

    def pieces(self, text: str) -> list[str]:
        return list(text)

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        return (self.symbols[at] for at in ids)

    def state(self) -> dict[str, Any]:
        return {"symbols": self.symbols[len(SHOWN) :]}


def decoded(parts: Iterable[bytes]) -> Iterator[str]:
    """The text of each part of a UTF-8 text; a character that several parts make up comes with the last of them."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for part in parts:
        yield decoder.decode(part)
    if rest := decoder.decode(b"", final=True):
        yield rest


def _code_points(texts: list[str]) -> np.ndarray:
    return np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)


def _lengths(rows: list[Any]) -> np.ndarray:
    return np.fromiter(map(len, rows), np.int64, len(rows))
