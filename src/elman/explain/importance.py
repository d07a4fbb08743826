"""Permutation importance: how much worse a model gets when part of what it reads is that of another row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import stdtrit
from torch import Tensor

Inputs = Mapping[str, Tensor]
Parts = Mapping[str, Tensor]
Errors = Callable[[dict[str, Tensor]], NDArray[np.float64]]

REPEATS = 5
BLOCKS = 20  # of rows that follow each other, whose means tell how sure an importance is
SURE = 0.95


@dataclass(frozen=True)
class Importance:
    """The rise of the mean error, ``low`` to ``high`` with 95 %, each as a share of the error itself."""

    share: float
    low: float
    high: float


def permutation_importance(
    errors: Errors, inputs: Inputs, groups: Mapping[str, Parts], *, repeats: int = REPEATS, seed: int = 0
) -> tuple[float, dict[str, Importance]]:
    """The mean error as it is, and for each group of inputs how much it rises when they are shuffled, highest first.

    ``inputs`` are tensors (N, ...) by name; a group says which of their numbers belong to it, booleans by the same
    names, each broadcasting to one row. The numbers of a group keep together: each row gets those of one other row.
    ``errors`` gives (N,) of inputs. Nothing is learnt anew, so of two inputs that say the same each may seem needless.

    The interval is Student's, of the means of 20 blocks of rows that follow each other: neighbours are alike.
    Sources: Breiman, Random forests, 2001; groups and shares as in Fisher, Rudin and Dominici, arXiv:1801.01489.
    """
    generator = torch.Generator().manual_seed(seed)
    own = errors(dict(inputs))
    before = float(own.mean())
    rows = len(own)
    blocks = np.array_split(np.arange(rows), min(BLOCKS, rows))
    width = float(stdtrit(len(blocks) - 1, (1 + SURE) / 2)) if len(blocks) > 1 else float("inf")
    found = {}
    for name, parts in groups.items():
        rise = np.zeros(rows)
        for _ in range(repeats):
            order = torch.randperm(rows, generator=generator)
            mixed = {
                key: torch.where(parts[key], value[order], value) if key in parts else value
                for key, value in inputs.items()
            }
            rise += (errors(mixed) - own) / repeats
        means = np.array([rise[block].mean() for block in blocks]) / before
        share, half = float(rise.mean() / before), width * float(means.std(ddof=1)) / len(blocks) ** 0.5
        found[name] = Importance(share, share - half, share + half)
    return before, dict(sorted(found.items(), key=lambda item: -item[1].share))
