"""Words by their letters: the n-grams that a word shares with others, so that a new word says something too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from elman.data.ragged import Ragged, starts_of
from elman.data.rows_on_disk import RowsOnDisk
from elman.data.text.tokens import Tokens, lots_of, share_of
from elman.data.text.vocabulary import UNKNOWN, checked, kept
from elman.data.texts import Texts
from elman.errors import InputError

SHORTEST, LONGEST = 3, 5  # letters of an n-gram
LETTERS = 40  # of a word are read; a line of millions without a blank is one word too
CAPITAL = "^"  # not an n-gram: too short
RAREST, MOST = 3, 20_000  # the table is stepped whole by the optimizer, so that more would slow every step


class Spelling:
    """The n-grams of 3 to 5 letters that at least three words of the training texts have, and a mark for a capital.

    A word is read in lower case between < and >, so that an ending is not a beginning. Numbers count from 1, the most
    frequent first; 0 is no n-gram.
    Source: Bojanowski et al., Enriching word vectors with subword information, 2017, arXiv:1607.04606.
    """

    def __init__(self, grams: list[str]) -> None:
        self.grams = checked(grams)
        self._number = {gram: at for at, gram in enumerate(grams, 1)}

    @classmethod
    def fit(cls, words: Iterable[str], most: int = MOST) -> Self:
        """From distinct words, with capitals as they are written."""
        counts = sorted(Counter(gram for word in words for gram in _grams(word)).items())
        return cls([counts[at][0] for at in kept(np.array([count for _, count in counts]), most, RAREST)])

    def __len__(self) -> int:
        return len(self.grams)

    def bags(self, words: Iterable[str]) -> Ragged:
        """The numbers of each word's n-grams, each once; none of a word that has only rare ones."""
        number = self._number.get
        bags = [np.array([at for gram in _grams(word) if (at := number(gram))], np.int32) for word in words]
        values = np.concatenate(bags) if bags else np.zeros(0, np.int32)
        return Ragged(torch.from_numpy(values), starts_of([len(bag) for bag in bags]))

    def encode(self, tokens: Tokens, texts: Sequence[Any]) -> Spelled:
        """The texts as ``tokens``, of level word or given, cuts them."""
        places: Ragged | RowsOnDisk
        places, words = tokens.kinds_large(texts) if isinstance(texts, Texts) else tokens.kinds(texts)
        # What stands for no word and for the unknown word is not spelled.
        return Spelled(places, torch.from_numpy(tokens.numbers(words)).long(), self.bags(["", "", *words[2:]]))

    def to_json(self) -> dict[str, Any]:
        return {"grams": self.grams}

    @classmethod
    def from_json(cls, state: Any) -> Self:
        """Raises InputError for what ``to_json`` never wrote."""
        try:
            return cls(**state)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the saved spelling is not one of elman's ({type(error).__name__}: {error}): use the model as saved"
            ) from None


@dataclass(frozen=True)
class Spelled:
    """Rows of words, of which each different one is kept once: its number in the vocabulary and its n-grams.

    ``places`` are rows of places in ``words`` (K,) and ``grams``, K rows. Place PAD is no word and UNKNOWN is unknown
    and unspelled, so that a word made UNKNOWN is gone altogether; a new word is unknown, but spelled.
    """

    places: Ragged | RowsOnDisk
    words: Tensor
    grams: Ragged

    def __len__(self) -> int:
        return len(self.places)

    @property
    def lengths(self) -> Tensor:
        return self.places.lengths

    @property
    def numbers(self) -> Ragged:
        """The rows without their spelling: the words' numbers in the vocabulary. Of rows in memory."""
        assert isinstance(self.places, Ragged)
        return Ragged(self.words[self.places.values.long()].int(), self.places.starts)

    def unknown_share(self) -> float:
        """The share of steps whose word is not in the vocabulary."""
        return share_of(UNKNOWN, (self.words[lot.long()] for lot in lots_of(self.places)))

    def cut(self, longest: int, end: Literal["head", "tail"] = "head") -> Spelled:
        return replace(self, places=self.places.cut(longest, end))

    def padded(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Places (T, B), and lengths (B,)."""
        return self.places.padded(rows)

    def inputs(self, places: Tensor) -> dict[str, Tensor]:
        """Padded places as a network reads them: each of the batch's U words is looked up and spelled once.

        ``x`` (T, B) says which of these, ``words`` (U,) are their numbers, and word u's n-grams are
        ``grams[bags[u] : bags[u + 1]]``, bags (U + 1,).
        """
        here, x = places.unique(return_inverse=True)
        grams = self.grams.take(here)
        return {"x": x, "words": self.words[here], "grams": grams.values.long(), "bags": grams.starts}


def _grams(word: str) -> list[str]:
    """Each n-gram of a word once, in order: a sum of floats in another order is another sum."""
    if not word:
        return []
    framed = f"<{word.lower()}>"[:LETTERS]
    sizes = range(SHORTEST, LONGEST + 1)
    found = dict.fromkeys([framed[at : at + size] for size in sizes for at in range(len(framed) - size + 1)])
    return [*found, CAPITAL] if word[0] != word[0].lower() else [*found]
