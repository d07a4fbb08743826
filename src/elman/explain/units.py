"""What single units of a recurrent layer follow: named signals, and the symbols that move them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

CHANCE = 0.05  # of a single false finding among all pairs of a unit and a signal
SEEN = 5  # times that a symbol must be read before it is said to move a unit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Followed:
    """A unit, the signal that it follows most, their correlation, and the largest that chance explains."""

    unit: int
    signal: str
    correlation: float
    chance: float


def followed(states: ArrayLike, signals: Mapping[str, ArrayLike]) -> list[Followed]:
    """For each unit of states (N, H) its most surprising signal (N,), where one is beyond chance; the clearest first.

    Chance: correlations c of N independent rows have atanh(c) of deviation 1 / √(N - 3). Rows in order of time are
    worth fewer, N' = N (1 - a b) / (1 + a b), a and b the correlations of unit and signal with themselves one row
    before; and where H units meet S signals, 5 % are shared by H S tests (Bonferroni).
    Sources: Fisher, 1921; Bartlett, Some aspects of the time-correlation problem, 1935.
    """
    x, names = _standard(np.asarray(states, np.float64)), list(signals)
    if not names or len(x) < 5:
        return []
    y = _standard(np.stack([np.asarray(signals[name], np.float64) for name in names], 1))
    correlation = x.T @ y / len(x)
    own = np.clip(_own(x)[:, None] * _own(y), -0.999, 0.999)
    worth = np.maximum(len(x) * (1 - own) / (1 + own), 4.0)
    strict = -ndtri(CHANCE / 2 / correlation.size)
    chance = np.tanh(strict / np.sqrt(worth - 3))
    beyond = np.abs(correlation) / chance
    found = []
    for unit in np.flatnonzero(beyond.max(1) > 1):
        best = int(np.where(beyond[unit] > 1, np.abs(correlation[unit]), 0.0).argmax())
        found.append(Followed(int(unit), names[best], float(correlation[unit, best]), float(chance[unit, best])))
    return sorted(found, key=lambda one: -abs(one.correlation))


def movers(moves: ArrayLike, symbols: Sequence[str], most: int = 3) -> list[tuple[int, list[tuple[str, float]]]]:
    """For each unit the symbols that move it most: moves (N, H) is h_t - h_{t-1} as each of N symbols was read.

    Returns units, the most moved first, each with symbols and their mean moves. A symbol must be read 5 times, and its
    mean must differ from 0 by more than one of all pairs of a symbol and a unit would by chance, in 5 % of cases
    (Student's t, Bonferroni).
    """
    moved = np.asarray(moves, np.float64)
    kinds, at, counts = np.unique(np.asarray(symbols), return_inverse=True, return_counts=True)
    often = np.flatnonzero(counts >= SEEN)
    if not len(often):
        return []
    mean = np.stack([moved[at == kind].mean(0) for kind in often])
    spread = np.stack([moved[at == kind].std(0, ddof=1) for kind in often]) / np.sqrt(counts[often])[:, None]
    strict = stdtrit(counts[often] - 1, 1 - CHANCE / 2 / mean.size)[:, None]
    clear = np.abs(mean) > strict * np.maximum(spread, 1e-12)
    size = np.where(clear, np.abs(mean), 0.0)
    found = []
    for unit in np.argsort(-size.max(0), kind="stable"):
        best = [row for row in np.argsort(-size[:, unit], kind="stable")[:most] if size[row, unit]]
        if best:
            found.append((int(unit), [(str(kinds[often[row]]), float(mean[row, unit])) for row in best]))
    return found


def _standard(values: Array) -> Array:
    """Columns of mean 0 and deviation 1; one that never moves stays 0."""
    centred = values - values.mean(0)
    deviation = centred.std(0)
    return centred / np.where(deviation > 1e-9 * (1 + np.abs(values).max(0)), deviation, np.inf)


def _own(standard: Array) -> Array:
    """The correlation of each column with itself one row before."""
    found: Array = (standard[1:] * standard[:-1]).mean(0)
    return found
