"""Language models that only count, beside which a network's is read: symbols' shares, and interpolated Kneser-Ney.

Both work on symbol ids (N,), 0 ... V-1, and give the cost -log p of every symbol, in nats, from those before it. No id
is impossible to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

Ids = NDArray[np.int64]
Array = NDArray[np.float64]
MOST = 10_000_000  # symbols counted: of a longer text its end, nearest to what comes


def unigram(ids: ArrayLike, vocabulary: int) -> Array:
    """(V,): each symbol's share, one added to each count: p(w) = (n_w + 1) / (N + V)."""
    counts = np.bincount(_checked(ids, vocabulary), minlength=vocabulary) + 1.0
    return counts / counts.sum()


def unigram_nats(shares: Array, ids: ArrayLike) -> Array:
    """(N,): -log of each symbol's share."""
    return -np.log(shares[_checked(ids, len(shares))])


@dataclass(frozen=True)
class KneserNey:
    """p_n(w | c) = max(n(c w) - D, 0) / n(c) + gamma(c) p_{n-1}(w | c less its first symbol); p_0 = 1 / V.

    The longest n-grams count occurrences; shorter ones in how many different symbols they were preceded by. D is one
    of three discounts, for counts of 1, 2 and more; gamma(c) is the mass they free. A context never seen leaves
    p_{n-1}. For each order n, ascending: keys[n], context V + symbol; value[n], the first term of each key; rest[n],
    gamma of each context, which is numbered by the key of the order below.

    Source: Chen & Goodman, An empirical study of smoothing techniques for language modeling, 1998, section 3.
    """

    keys: tuple[Ids, ...]
    value: tuple[Array, ...]
    rest: tuple[Array, ...]
    vocabulary: int

    @classmethod
    def fit(cls, ids: ArrayLike, vocabulary: int, order: int = 3) -> Self:
        """Counts ids, of which the last 10 million are used. Raises InputError for an order below 1 or ids outside."""
        if order < 1:
            raise InputError(f"order is {order}: a whole number from 1 up is needed")
        symbols = _checked(ids, vocabulary)[-MOST:]
        # at[n][i]: which n-gram ends at i; a context is the one that ends before it, number 0 where n is 0.
        contexts = np.zeros(len(symbols), np.int64)
        keys: list[Ids] = []
        counts: list[Ids] = []
        sizes: list[int] = [1]
        last: Ids | None = None
        for n in range(1, order + 1):
            if n > len(symbols):
                break
            found, first, at, times = np.unique(
                contexts * vocabulary + symbols[n - 1 :], return_index=True, return_inverse=True, return_counts=True
            )
            if last is not None:
                # An n-gram's suffix is the one shorter by its first symbol: at the same end, one order below.
                counts[-1] = np.bincount(last[first + 1], minlength=len(keys[-1]))
            keys.append(found)
            counts.append(times)
            sizes.append(len(found))
            contexts, last = at[:-1], at
        terms = [_discounted(key // vocabulary, n, size) for key, n, size in zip(keys, counts, sizes, strict=False)]
        value, rest = zip(*terms, strict=True)
        return cls(tuple(keys), tuple(value), tuple(rest), vocabulary)

    def nats(self, ids: ArrayLike) -> Array:
        """(N,): -log p of each symbol after those before it; the first has none before it."""
        symbols = _checked(ids, self.vocabulary)
        p = np.full(len(symbols), 1 / self.vocabulary)
        contexts = np.zeros(len(symbols), np.int64)
        for keys, value, rest in zip(self.keys, self.value, self.rest, strict=True):
            seen = contexts >= 0
            wanted = contexts * self.vocabulary + symbols
            place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            known = seen & (keys[place] == wanted)
            p = np.where(seen, np.where(known, value[place], 0) + rest[contexts] * p, p)
            contexts = np.append(-1, np.where(known, place, -1)[:-1])
        return -np.log(p)

    def arrays(self) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {"vocabulary": np.array([self.vocabulary])}
        for n, parts in enumerate(zip(self.keys, self.value, self.rest, strict=True), 1):
            found |= {f"{name}_{n}": part for name, part in zip(("keys", "value", "rest"), parts, strict=True)}
        return found

    @classmethod
    def from_arrays(cls, kept: Mapping[str, NDArray[Any]]) -> Self:
        orders = range(1, len(kept) // 3 + 1)
        keys, value, rest = (tuple(kept[f"{name}_{n}"] for n in orders) for name in ("keys", "value", "rest"))
        return cls(keys, value, rest, int(kept["vocabulary"][0]))


def _discounted(context: Ids, count: Ids, contexts: int) -> tuple[Array, Array]:
    """(keys,) max(count - D, 0) / the context's total, and (contexts,) the mass left; 1 where nothing was counted."""
    times = [int(np.count_nonzero(count == k)) for k in range(1, 5)]
    # With too few rare counts to estimate from (a small alphabet's single symbols), Y = 1/2, and D
    # stays from 0.1 k to k.
    Y = times[0] / (times[0] + 2 * times[1]) if times[0] and times[1] else 0.5
    D = np.array([0.0] + [k - (k + 1) * Y * times[k] / (times[k - 1] or 1) for k in (1, 2, 3)])
    D = np.clip(D, 0.1 * np.arange(4), np.arange(4))
    off = D[np.minimum(count, 3)]
    total = np.bincount(context, count, minlength=contexts)
    freed = np.bincount(context, np.minimum(off, count), minlength=contexts)
    # What occurs only where the text begins has nothing before it, and its count is 0.
    whole = np.maximum(total, 1)
    return np.maximum(count - off, 0) / whole[context], np.where(total > 0, freed / whole, 1.0)


def _checked(ids: ArrayLike, vocabulary: int) -> Ids:
    symbols = np.asarray(ids)
    if symbols.ndim != 1 or not symbols.size or symbols.dtype.kind not in "iu":
        raise InputError(
            f"the ids have shape {symbols.shape} and kind {symbols.dtype}: give one or more whole numbers (N,)"
        )
    if symbols.min() < 0 or symbols.max() >= vocabulary:
        raise InputError(
            f"the ids run from {symbols.min()} to {symbols.max()}: they must lie from 0 to {vocabulary - 1}"
        )
    return symbols.astype(np.int64)
