"""What is exported is run by ONNX Runtime beside the network it came from, before anybody gets it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ElmanError

CLOSE = 1e-4  # sums of float32 in another order stay closer
SHAPES = ((1, 1), (3, 7), (2, 24))  # rows and steps

Arrays = dict[str, np.ndarray]


class Case(NamedTuple):
    """Inputs, and the outputs that are expected of them, which are compared as (output - ``mean``) / ``unit``."""

    feeds: Arrays
    expected: Arrays
    mean: Any = 0.0
    unit: Any = 1.0


def session(raw: bytes) -> Any:
    """The model as ONNX Runtime runs it on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])


def run(running: Any, feeds: Arrays) -> Arrays:
    names = [one.name for one in running.get_outputs()]
    return dict(zip(names, running.run(names, feeds), strict=True))


def differences(raw: bytes, cases: Iterable[Case]) -> float:
    """The largest difference from what is expected, as a share of how far that output's numbers reach from their mean.

    Infinite where a shape differs, or one is a finite number and the other is not.
    """
    running = session(raw)
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for feeds, expected, mean, unit in cases:
        found = run(running, feeds)
        for name, right in expected.items():
            if found[name].shape != right.shape:
                return math.inf
            pairs.setdefault(name, []).append(((found[name] - mean) / unit, (right - mean) / unit))
    return max(map(_apart, pairs.values()))


def _apart(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    own, right = (np.concatenate([part.ravel() for part in parts]) for parts in zip(*pairs, strict=True))
    own, right = own.astype(np.float64), right.astype(np.float64)
    finite = np.isfinite(right)
    if (np.isfinite(own) != finite).any():
        return math.inf
    own, right = own[finite], right[finite]
    if not len(right):
        return 0.0
    # Numbers that are nearly the same differ by what rounding leaves of them, ten units in the last place.
    least = 10 * float(np.finfo(np.float32).eps) / CLOSE * np.abs(right).max()
    return float(np.abs(own - right).max() / (max(np.abs(right - right.mean()).max(), least) or 1.0))


def checked(raw: bytes, cases: Iterable[Case]) -> float:
    """The same, or ElmanError where it is not below CLOSE."""
    found = differences(raw, cases)
    if not found < CLOSE:
        raise ElmanError(
            f"ONNX Runtime answers otherwise than the network, by up to {found:.2g}, and nothing was written: "
            "report it, with the settings of the fit"
        )
    return found
