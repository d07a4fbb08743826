"""Measures of made speech: whether the attention focuses, and how far the sound is from the recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import InputError

Array = NDArray[np.float64]

COEFFICIENTS = 13  # cepstra that are compared
DECIBELS = 10 / np.log(10) * np.sqrt(2)


def focus(weights: ArrayLike) -> float:
    """The focus rate of an attention (T, S): the mean over its steps of the largest weight.

    Source: Ren et al., arXiv:1905.09263, section 3.1.
    """
    found = np.asarray(weights, np.float64)
    if found.ndim != 2 or not found.size:
        raise InputError(f"the weights have the shape {found.shape}: (T, S) with at least one of each is needed")
    return float(found.max(axis=1).mean())


def cepstra(frames: ArrayLike) -> Array:
    """(T, 13) mel-cepstra of frames (T, bands) of log magnitudes: their DCT-II, without the loudness.

    c_k = 2 / bands · Σ_b x_b cos(π k (b + 1/2) / bands), k = 1 ... 13
    """
    x = np.asarray(frames, np.float64)
    bands = x.shape[1]
    k = np.arange(1, min(COEFFICIENTS, bands - 1) + 1)
    return 2 / bands * x @ np.cos(np.pi / bands * np.outer(np.arange(bands) + 0.5, k))


def cepstral_distance(guess: ArrayLike, truth: ArrayLike) -> float:
    """The mel-cepstral distance in dB of frames (T, bands) and (T', bands), the two aligned to be nearest.

        d_ij = 10 √2 / ln 10 · ||c_i - c'_j||;  the mean of d over the path from (0, 0) to the ends whose sum is least

    A step of the path goes on in one of the two sounds or in both (dynamic time warping).

    Source: Kubichek, Mel-cepstral distance measure for objective speech quality assessment, 1993.
    """
    a, b = cepstra(guess), cepstra(truth)
    apart = DECIBELS * np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0))
    return warped(apart)


def warped(apart: Array) -> float:
    """The mean of costs (T, U) over the path of least sum from the first to the last of both; ties go the diagonal."""
    T, U = apart.shape
    # Cells of one antidiagonal, i + j = n, wait for those of the two before alone; index i + 1, so that 0 is outside.
    total, steps = (np.full((3, T + 1), np.inf), np.zeros((3, T + 1)))
    for n in range(T + U - 1):
        i = np.arange(max(0, n - U + 1), min(T, n + 1))
        now, last, older = n % 3, (n - 1) % 3, (n - 2) % 3
        ways = np.stack([total[older, i], total[last, i], total[last, i + 1]])
        counts = np.stack([steps[older, i], steps[last, i], steps[last, i + 1]])
        best = ways.argmin(axis=0)
        at = np.arange(len(i))
        before, taken = (ways[best, at], counts[best, at]) if n else (np.zeros(1), np.zeros(1))
        total[now], steps[now] = np.inf, 0
        total[now, i + 1], steps[now, i + 1] = before + apart[i, n - i], taken + 1
    last = (T + U - 2) % 3
    return float(total[last, T] / steps[last, T])
