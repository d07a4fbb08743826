"""What a recommender is judged beside: models that only count. Each gives scores (V,) for a session so far."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Items = NDArray[np.int64]
Scores = NDArray[np.float64]
LEAST = 1e-9  # the weight of popularity, which decides between items that a model scores alike


class Rival(Protocol):
    def scores(self, had: Items, own: int = -1) -> Scores:
        """Of all items after those ``had``, the latest last; ``own``: the session's number among those learnt from."""
        ...


class Popular:
    """s(i) = how often i occurs."""

    def __init__(self, values: Items, items: int) -> None:
        self.counts = np.bincount(values, minlength=items).astype(np.float64)
        self.shares = LEAST * self.counts / max(1.0, self.counts.max())

    def scores(self, had: Items, own: int = -1) -> Scores:
        return self.counts


class Follower:
    """s(i) = how often i comes right after the last item: a Markov chain of first order."""

    def __init__(self, values: Items, starts: Items, popular: Popular) -> None:
        inside = np.ones(len(values), bool)
        inside[starts[:-1][np.diff(starts) > 0]] = False
        at = np.flatnonzero(inside)
        pairs = (values[at - 1], values[at])
        size = len(popular.counts)
        self.follows = sparse.csr_matrix((np.ones(len(at)), pairs), shape=(size, size))
        self.popular = popular

    def scores(self, had: Items, own: int = -1) -> Scores:
        return _row(self.follows, had[-1]) + self.popular.shares


class ItemNeighbours:
    """s(i) = n_ij / sqrt((n_i + 20) (n_j + 20)): sessions that have i and the last item j, damped for rare items.

    Source: item-kNN as in Hidasi et al., arXiv:1511.06939, section 4.
    """

    DAMPING = 20.0

    def __init__(self, held: sparse.csr_matrix, popular: Popular) -> None:
        self.both = (held.T @ held).tocsr()
        self.single = self.both.diagonal() + self.DAMPING
        self.popular = popular

    def scores(self, had: Items, own: int = -1) -> Scores:
        last = had[-1]
        found = _row(self.both, last) / np.sqrt(self.single[last] * self.single)
        found[last] = 0.0
        return found + self.popular.shares


class SessionNeighbours:
    """V-SKNN: what the most similar sessions have, the latest items of the session weighing most.

    Of a session x_1 ... x_n an item weighs p / n, p its last place. Among the ``sample`` latest sessions that share an
    item the ``nearest`` by the sum of the shared items' weights are the neighbours, and each item of a neighbour gets
    similarity / (steps back to the latest item that both have). A session is no neighbour of itself.
    Source: Ludewig and Jannach, arXiv:1803.09587, section 3.3.
    """

    def __init__(self, held: sparse.csr_matrix, popular: Popular, nearest: int = 100, sample: int = 1000) -> None:
        self.held, self.popular, self.nearest, self.sample = held, popular, nearest, sample

    def scores(self, had: Items, own: int = -1) -> Scores:
        n, size = len(had), len(self.popular.counts)
        weight, back = np.zeros(size, np.float32), np.full(size, np.inf)
        weight[had] = np.arange(1, n + 1) / n
        back[had] = n - np.arange(n)
        alike = self.held @ weight
        if own >= 0:
            alike[own] = 0.0
        near = np.flatnonzero(alike > 0)[-self.sample :]
        near = near[np.argsort(-alike[near], kind="stable")[: self.nearest]]
        if not len(near):
            return self.popular.shares
        theirs = self.held[near]
        decay = 1 / np.minimum.reduceat(back[theirs.indices], theirs.indptr[:-1])
        each = np.repeat(alike[near] * decay, np.diff(theirs.indptr))
        return np.bincount(theirs.indices, each, minlength=size) + self.popular.shares


def rivals(values: Items, starts: Items, items: int, first: int = 0) -> dict[str, Rival]:
    """All of them, of the sessions ``values[starts[s] : starts[s + 1]]``, the latest session last.

    Numbers below ``first`` are no items and count for nothing.
    """
    sessions = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    known = values >= first
    held = sparse.csr_matrix(
        (np.ones(int(known.sum()), np.float32), (sessions[known], values[known])), shape=(len(starts) - 1, items)
    )
    held.sum_duplicates()
    held.data[:] = 1
    popular = Popular(values[known], items)
    return {
        "popularity": popular,
        "markov": Follower(values, starts, popular),
        "item_knn": ItemNeighbours(held, popular),
        "v_sknn": SessionNeighbours(held, popular),
    }


def _row(matrix: sparse.csr_matrix, at: int) -> Scores:
    found = np.zeros(matrix.shape[1])
    begin, end = matrix.indptr[at : at + 2]
    found[matrix.indices[begin:end]] = matrix.data[begin:end]
    return found
