"""Ranks among all items, and the scores made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

CUTS = (5, 10, 20)
LONGEST = CUTS[-1]


@dataclass(frozen=True)
class Ranking:
    """``ranks`` (R,) of the items that came, 1 the best, inf where it could not be recommended; ``top`` (R, 20), the
    items recommended, the best first."""

    ranks: NDArray[np.float64]
    top: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: list[Ranking]) -> Ranking:
        return cls(np.concatenate([part.ranks for part in parts]), np.concatenate([part.top for part in parts]))


def ranked(scores: ArrayLike, targets: ArrayLike, first: int = 0) -> Ranking:
    """The rank of each target (R,) among all items by scores (R, V), ties against the model.

    rank = how many items have the target's score or a higher one, itself included: a model that scores all alike has
    the last rank, not the first. Targets below ``first``, numbers that stand for no item, have rank inf; their own
    scores must be -inf.
    """
    z, y = np.asarray(scores, np.float64), np.asarray(targets, np.int64)
    if z.ndim != 2 or y.shape != z.shape[:1]:
        raise InputError(f"scores {z.shape} do not fit targets {y.shape}: give (R, V) and (R,)")
    own = z[np.arange(len(y)), y][:, None]
    ranks = np.where(y < first, np.inf, (z >= own).sum(1))
    wide = min(LONGEST, z.shape[1] - first)
    top = np.argpartition(-z, wide - 1, axis=1)[:, :wide]
    order = np.argsort(-np.take_along_axis(z, top, 1), axis=1, kind="stable")
    return Ranking(ranks, np.take_along_axis(top, order, 1))


def rank_metrics(ranking: Ranking, counts: ArrayLike) -> dict[str, float]:
    """recall_K, mrr_K and ndcg_K at 5, 10 and 20, coverage_20 and popularity_20; counts (V,) of the training part.

    With rank r of the one item that came: recall@K = mean [r <= K], mrr@K = mean [r <= K] / r, ndcg@K = mean [r <= K] /
    log2(1 + r). coverage@20 is the share of the items met in training that are recommended to somebody; popularity@20
    how often the recommended items occur in training, beside what an event's own item does: 1 is as popular as what
    people take, above 1 more so.
    """
    r, n = ranking.ranks, np.asarray(counts, np.float64)
    if not len(r):
        raise InputError("there is no event to score: give sessions of two events at least")
    found = {}
    for name, gain in (("recall", np.ones_like(r)), ("mrr", 1 / r), ("ndcg", 1 / np.log2(1 + r))):
        for cut in CUTS:
            found[f"{name}_{cut}"] = float(np.where(r <= cut, gain, 0.0).mean())
    met = n > 0
    found["coverage_20"] = float(met[np.unique(ranking.top)].sum() / max(1, met.sum()))
    usual = float((n**2).sum() / max(1.0, n.sum()))  # the mean count over events
    found["popularity_20"] = float(n[ranking.top].mean() / max(usual, 1e-12))
    return found
