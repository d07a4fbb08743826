"""Text to numbers and back: the vocabulary is fitted on the training part and saved with the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Literal, Protocol, Self

import numpy as np
import polars as pl
import torch

from elman.data.ragged import Ragged, starts_of
from elman.data.rows_on_disk import RowsOnDisk
from elman.data.text.characters import Bytes, Characters
from elman.data.text.subwords import Subwords
from elman.data.text.vocabulary import PAD, SHOWN, UNKNOWN
from elman.data.text.words import CJK, Given, Lookup, Words
from elman.data.texts import Texts
from elman.errors import InputError, reason

__all__ = ["PAD", "UNKNOWN", "Level", "Tokens", "choose_level"]

Level = Literal["byte", "char", "word", "subword", "given"]


class Coder(Protocol):
    """One way to cut text: ``ids`` gives the numbers of all texts end to end, and how many each text has."""

    symbols: list[str]

    def ids(self, texts: list[Any], /) -> tuple[np.ndarray, np.ndarray]: ...
    def pieces(self, text: Any, /) -> list[str]: ...
    def stream(self, ids: Iterable[int]) -> Iterator[str]: ...
    def state(self) -> dict[str, Any]: ...


class Tokens:
    """A vocabulary and how text is cut into it. Number 0 is PAD and 1 is UNKNOWN; the others follow by falling count.

    Levels: ``byte`` and ``subword`` (byte-pair encoding over bytes; Sennrich et al. 2016, arXiv 1508.07909) know every
    text, ``char`` and ``word`` what they were fitted on, ``given`` reads lists of tokens instead of texts.
    """

    def __init__(self, level: Level, coder: Coder, lower: bool) -> None:
        self.level, self.lower, self._coder = level, lower, coder

    @classmethod
    def fit(
        cls,
        texts: Sequence[Any],
        level: Level,
        *,
        size: int | None = None,
        rarest: int = 1,
        lower: bool = False,
        lines: bool = False,
    ) -> Self:
        """The symbols of these texts.

        size
            Symbols at most, besides PAD and UNKNOWN; all of them when left out, but 8,000 subwords. Bytes are 256.
        rarest
            A symbol seen fewer times is unknown; with 1 no training text holds an unknown one.
        lower
            Read capital letters as small ones.
        lines
            At level word, keep line ends as symbols: a generator needs them.

        Raises InputError for an unknown level, and for fewer subwords than there are bytes.
        """
        cleaned = Cleaned(texts, lower)
        coder: Coder
        match level:
            case "byte":
                coder = Bytes()
            case "char":
                coder = Characters.fit(cleaned, size, rarest)
            case "word":
                coder = Words.fit(cleaned, size, rarest, lines)
            case "given":
                coder = Given.fit(cleaned, size, rarest)
            case "subword":
                coder = Subwords.fit(cleaned, size, rarest)
            case _:
                raise InputError(f"level is {level!r}, but byte, char, word, subword or given is needed: choose one")
        return cls(level, coder, lower)

    @property
    def symbols(self) -> list[str]:
        """What each number stands for, as shown to people; PAD is empty."""
        return self._coder.symbols

    @property
    def size(self) -> int:
        return len(self._coder.symbols)

    def encode(self, texts: Sequence[Any]) -> Ragged:
        """int32 numbers, a row a text; a text without a single symbol is one UNKNOWN, so that each row has a step."""
        (rows,) = self._encoded(list(texts))
        return rows

    def encode_large(self, texts: Texts) -> RowsOnDisk:
        """``encode`` of texts on disk, to rows that are there too."""
        return RowsOnDisk.of(self._encoded(texts))

    def _encoded(self, texts: Sequence[Any]) -> Iterator[Ragged]:
        return (_rows(*self._coder.ids(lot)) for lot in Cleaned(texts, self.lower))

    def kinds(self, texts: Sequence[Any]) -> tuple[Ragged, list[str]]:
        """The texts as rows of places in a list of their distinct words, in which capitals stand as they are written.

        The list begins with PAD and UNKNOWN, which is what an empty text holds. For levels word and given.
        """
        place: dict[str, int] = {}
        (rows,) = self._placed(list(texts), place)
        return rows, [*SHOWN, *place]

    def kinds_large(self, texts: Texts) -> tuple[RowsOnDisk, list[str]]:
        """``kinds`` of texts on disk, with the rows there too."""
        place: dict[str, int] = {}
        rows = RowsOnDisk.of(self._placed(texts, place))
        return rows, [*SHOWN, *place]

    def _placed(self, texts: Sequence[Any], place: dict[str, int]) -> Iterator[Ragged]:
        """The texts as rows of places, a lot at a time; ``place`` is that of each word, new ones at its end."""
        assert isinstance(self._coder, Lookup)
        for lot in Cleaned(texts, lower=False):
            pieces, lengths = self._coder.cut(lot)
            ids = (place.setdefault(piece, len(place) + len(SHOWN)) for piece in pieces)
            yield _rows(np.fromiter(ids, np.int32, len(pieces)), lengths)

    def words(self, texts: Sequence[Any]) -> list[str]:
        """The list of ``kinds`` without its rows."""
        assert isinstance(self._coder, Lookup)
        cut = (self._coder.cut(lot)[0] for lot in Cleaned(texts, lower=False))
        return [*SHOWN, *dict.fromkeys(chain.from_iterable(cut))]

    def numbers(self, words: list[str]) -> np.ndarray:
        """The numbers of a list of ``kinds``."""
        assert isinstance(self._coder, Lookup)
        found = self._coder.numbers(_clean(words, self.lower))
        found[PAD] = PAD
        return found

    def pieces(self, text: Any) -> list[str]:
        """The text cut as ``encode`` cuts it, each piece as it stands there, unknown or not; capitals as they are read.

        A character of several bytes is shown at its last one.
        """
        return self._coder.pieces(_clean([text], self.lower)[0]) or [""]

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of each number as it comes. What is no text yet, half a character, comes with a later number."""
        return self._coder.stream(ids)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these numbers; exact but for unknown symbols, and at level word for the space between words."""
        return "".join(self.stream(ids))

    def unknown_share(self, rows: Ragged | RowsOnDisk) -> float:
        """The share of steps that hold an unknown symbol."""
        return share_of(UNKNOWN, lots_of(rows))

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "lower": self.lower, **self._coder.state()}

    @classmethod
    def from_json(cls, state: Any) -> Self:
        """Raises InputError for what ``to_json`` never wrote."""
        kinds: dict[str, Callable[..., Coder]] = {
            "byte": Bytes,
            "char": Characters,
            "word": Words,
            "given": Given,
            "subword": Subwords,
        }
        try:
            kind = kinds[state["level"]]
            rest = {name: value for name, value in state.items() if name not in ("level", "lower")}
            if not isinstance(state["lower"], bool):
                raise ValueError(f"lower is {state['lower']!r}")
            return cls(state["level"], kind(**rest), state["lower"])
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise InputError(
                f"the saved vocabulary is not one of elman's ({type(error).__name__}: {reason(error)}): use the model "
                "as saved"
            ) from None


def _rows(ids: np.ndarray, lengths: np.ndarray) -> Ragged:
    """Rows of these lengths, the empty ones made one UNKNOWN."""
    ids = ids.astype(np.int32, copy=False)
    empty = lengths == 0
    if empty.any():
        ids = np.insert(ids, (lengths.cumsum() - lengths)[empty], UNKNOWN)
        lengths = np.maximum(lengths, 1)
    return Ragged(torch.from_numpy(np.ascontiguousarray(ids)), starts_of(lengths))


def lots_of(rows: Ragged | RowsOnDisk) -> Iterable[torch.Tensor]:
    """The values of all rows, those in memory as one lot."""
    return [rows.values] if isinstance(rows, Ragged) else rows.lots()


def share_of(number: int, lots: Iterable[torch.Tensor]) -> float:
    """The share of this number in all of them, 0 of nothing."""
    found = steps = 0
    for values in lots:
        found, steps = found + int((values == number).sum()), steps + len(values)
    return found / steps if steps else 0.0


def choose_level(texts: Sequence[str]) -> Literal["char", "word"]:
    """char where more than a third of the letters are Chinese, Japanese or Korean, else word."""
    cjk = letters = 0
    for lot in Cleaned(texts, lower=False):
        cells = pl.Series(lot, dtype=pl.String)
        cjk += int(cells.str.count_matches(CJK).sum())
        letters += int(cells.str.count_matches(r"\p{L}").sum())
    return "char" if 3 * cjk > letters else "word"


class Cleaned:
    """Texts, or lists of tokens, as they are read, a lot at a time: one lot of those in memory."""

    def __init__(self, texts: Sequence[Any], lower: bool) -> None:
        self._lots = texts if isinstance(texts, Texts) else [_clean(texts, lower)]
        self._lower = lower

    def __iter__(self) -> Iterator[list[Any]]:
        if isinstance(self._lots, list):
            return iter(self._lots)
        return (_clean(lot, self._lower) for lot in self._lots.lots())


def _clean(texts: Sequence[Any], lower: bool) -> list[Any]:
    """The texts, or lists of tokens, in lower case if wanted; halves of surrogate pairs, which UTF-8 has not, as ?."""
    if len(texts) and not isinstance(texts[0], str):
        return [_clean(tokens, lower) for tokens in texts]
    texts = [text if text.isascii() else text.encode(errors="replace").decode() for text in texts]
    return [text.lower() for text in texts] if lower else texts
