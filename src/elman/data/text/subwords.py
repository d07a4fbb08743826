"""Byte-pair encoding: frequent words are one symbol, rare ones several, and no text is unknown.

Source: Sennrich, Haddow, Birch, "Neural machine translation of rare words with subword units", 2016, arXiv 1508.07909;
over bytes as in Radford et al., "Language models are unsupervised multitask learners", 2019.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Self

import numpy as np
import polars as pl
import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from elman.data.ragged import Ragged
from elman.data.text.characters import decoded
from elman.data.text.vocabulary import SHOWN
from elman.data.text.words import SHORT
from elman.errors import InputError

SIZE = 8000
SAMPLE = 4_000_000  # characters that merges are learnt from
PART = 65_536  # characters of a sample taken together
# No symbol reaches beyond a word with the space before it, a number, a run of signs or of space.
STRETCH = SHORT + r"| ?[\p{L}\p{M}]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\s+"
LONGEST = 96  # bytes; merging a stretch of millions, in scripts and files without spaces, takes minutes


def _bytes_of() -> dict[str, int]:
    """The characters that byte-level encoding writes for bytes: printable ones for themselves, others from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + at): byte for at, byte in enumerate(others)}


BYTE = _bytes_of()


class Subwords:
    """The 256 bytes, and after them one symbol a merge."""

    def __init__(self, merges: list[list[str]]) -> None:
        # Two merges may give the same symbol: it keeps its first number.
        names = dict.fromkeys([*sorted(BYTE), *(left + right for left, right in merges)])
        number = {name: at for at, name in enumerate(names)}
        if any(left not in number or right not in number for left, right in merges):
            raise ValueError("a merge joins what is no symbol")
        self._merges = merges
        self._bytes = [b""] * len(SHOWN) + [bytes(BYTE[char] for char in name) for name in names]
        self.symbols = SHOWN + [part.decode(errors="replace") for part in self._bytes[len(SHOWN) :]]
        self._tokenizer = _tokenizer(models.BPE(vocab=number, merges=[(left, right) for left, right in merges]))

    @classmethod
    def fit(cls, lots: Iterable[list[str]], size: int | None, rarest: int) -> Self:
        size = SIZE if size is None else size
        if size < len(BYTE):
            raise InputError(f"size is {size}, but subwords begin with the {len(BYTE)} bytes: give at least as many")
        tokenizer = _tokenizer(models.BPE())
        trainer = trainers.BpeTrainer(
            vocab_size=size, min_frequency=max(2, rarest), initial_alphabet=sorted(BYTE), show_progress=False
        )
        tokenizer.train_from_iterator(_sample(lots), trainer)
        return cls(json.loads(tokenizer.to_str())["model"]["merges"])

    def ids(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        cut = pl.Series(texts, dtype=pl.String).str.extract_all(STRETCH)
        stretches = cut.explode(empty_as_null=False).to_list()
        # Most stretches come again and again: each is encoded once.
        place = {stretch: at for at, stretch in enumerate(dict.fromkeys(stretches))}
        encodings = self._tokenizer.encode_batch_fast(list(place), add_special_tokens=False)
        rows = torch.tensor([place[stretch] for stretch in stretches], dtype=torch.int64)
        found = Ragged.of([encoding.ids for encoding in encodings]).take(rows)
        last = cut.list.len().cast(pl.Int64).cum_sum().to_numpy(writable=True)
        ends = np.concatenate([[0], found.starts.numpy()[last]])
        return found.values.numpy() + len(SHOWN), np.diff(ends)

    def pieces(self, text: str) -> list[str]:
        return list(self.stream(self.ids([text])[0]))

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        return decoded(self._bytes[at] for at in ids)

    def state(self) -> dict[str, Any]:
        return {"merges": self._merges}


def _tokenizer(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    stretches = pre_tokenizers.Split(Regex(STRETCH), "isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([stretches, as_bytes, pre_tokenizers.FixedLength(LONGEST)])
    return tokenizer


def _sample(lots: Iterable[list[str]]) -> Iterator[str]:
    """All texts, or every so many parts of them where that is much text."""
    total = sum(len(text) for texts in lots for text in texts)
    if total <= SAMPLE:
        return (text for texts in lots for text in texts)
    parts = (text[at : at + PART] for texts in lots for text in texts for at in range(0, len(text), PART))
    return islice(parts, 0, None, -(-total // SAMPLE))
