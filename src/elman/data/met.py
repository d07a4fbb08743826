"""Which rows a model has met: fingerprints of what was learnt from, to tell a test from a memory."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor


def fingerprints(rows: Iterable[str | bytes]) -> Tensor:
    """(R,) int64: 64 bits of each row's BLAKE2 digest."""
    digests = (blake2b(row.encode() if isinstance(row, str) else row, digest_size=8).digest() for row in rows)
    numbers = (int.from_bytes(digest, "little", signed=True) for digest in digests)
    return torch.from_numpy(np.fromiter(numbers, np.int64))


def met_in_words(known: Tensor, rows: Iterable[str | bytes]) -> tuple[str, ...]:
    """A warning where some of the rows are among those that were learnt from."""
    asked = fingerprints(rows)
    met = int(torch.isin(asked, known).sum())
    if not met:
        return ()
    which = "all" if met == len(asked) else f"{met:,} of the"
    return (f"WARNING: {which} {len(asked):,} rows were learnt from, so that the score says little of new ones",)
