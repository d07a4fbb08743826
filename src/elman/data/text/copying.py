"""Texts in pairs whose words can be copied: each row has numbers of its own for the words that no vocabulary holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from elman.data.batch import Batch
from elman.data.ragged import Ragged
from elman.data.sequence_pairs import SequencePairs
from elman.data.text.pairs import Pairs
from elman.data.text.tokens import UNKNOWN, Tokens


@dataclass(frozen=True)
class Sources(Ragged):
    """Rows of numbers, and the texts they are; ``own[r][k]`` is the word that number ``first + k`` stands for in row r.

    ``longer`` rows had more symbols than are kept.
    """

    texts: Sequence[str]
    own: list[list[str]]
    first: int
    longer: int = 0

    @classmethod
    def of_texts(cls, tokens: Tokens, texts: Sequence[str], first: int, longest: int) -> Sources:
        """The head of each text. At level word a word that is unknown becomes one of its row's own, else UNKNOWN."""
        if tokens.level != "word":
            rows = tokens.encode(texts)
            cut = rows.cut(longest)
            return cls(cut.values, cut.starts, texts, [[]] * len(rows), first, int((rows.lengths > longest).sum()))
        places, words = tokens.kinds(texts)
        longer = int((places.lengths > longest).sum())
        places = places.cut(longest)
        kinds = places.values.numpy()
        values = tokens.numbers(words)[kinds]
        # An empty text is the one place that holds UNKNOWN itself.
        unknown = np.flatnonzero((values == UNKNOWN) & (kinds != UNKNOWN))
        words = [word.lower() for word in words] if tokens.lower else words
        number: dict[str, int] = {}
        same = np.array([number.setdefault(word, at) for at, word in enumerate(words)])
        row = np.repeat(np.arange(len(places)), places.lengths.numpy())[unknown]
        # Each row's own words by where they first come: pairs of row and word, in the order of the rows.
        _, at, back = np.unique(row * len(words) + same[kinds[unknown]], return_index=True, return_inverse=True)
        order = np.argsort(at)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        owner = row[at[order]]
        begins = np.searchsorted(owner, np.arange(len(places)))
        values[unknown] = first + rank[back] - begins[row]
        own: list[list[str]] = [[] for _ in range(len(places))]
        for to, word in zip(owner.tolist(), kinds[unknown[at[order]]].tolist(), strict=True):
            own[to].append(words[word])
        return cls(torch.from_numpy(values), places.starts, texts, own, first, longer)


def targets(tokens: Tokens, texts: Sequence[str], sources: Sources) -> Ragged:
    """Numbers of the texts, unknown words by those of their source that are alike."""
    if tokens.level != "word":
        return tokens.encode(texts)
    places, words = tokens.kinds(texts)
    values = tokens.numbers(words)[places.values.numpy()]
    unknown = np.flatnonzero(values == UNKNOWN)
    rows = np.searchsorted(places.starts.numpy(), unknown, side="right") - 1
    own = {row: {word: sources.first + k for k, word in enumerate(sources.own[row])} for row in set(rows.tolist())}
    for at, row, kind in zip(unknown.tolist(), rows.tolist(), places.values[unknown].tolist(), strict=True):
        word = words[kind].lower() if tokens.lower else words[kind]
        values[at] = own[row].get(word, UNKNOWN)
    return Ragged(torch.from_numpy(values), places.starts)


class CopyingPairs(SequencePairs):
    """`SequencePairs` whose batches have what is to be written among the inputs as well, as ``after`` (T, B)."""

    x: Sources

    def batch(self, rows: Tensor) -> Batch:
        batch = super().batch(rows)
        assert batch.y is not None
        return replace(batch, inputs={**batch.inputs, "after": batch.y})


def encoded(pairs: Pairs, tokens: Tokens, longest: int) -> CopyingPairs:
    """Sources cut to the ``longest`` first symbols; numbers from that after the end symbol's on are a row's own."""
    x = Sources.of_texts(tokens, pairs.sources, tokens.size + 2, longest)
    return CopyingPairs(x, targets(tokens, pairs.targets, x), tokens.size)
