"""What is exported is run by ONNX Runtime beside the network it came from, before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from elman.errors import ElmanError

CLOSE = 1e-4  # at most so far apart, of numbers of about 1, may float32 in another order of sums be
SHAPES = ((1, 1), (3, 7), (2, 24))  # rows and steps

Arrays = dict[str, np.ndarray]


def session(raw: bytes) -> Any:
    """The model as ONNX Runtime runs it on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])


def run(running: Any, feeds: Arrays) -> Arrays:
    names = [one.name for one in running.get_outputs()]
    return dict(zip(names, running.run(names, feeds), strict=True))


def difference(found: Arrays, expected: Arrays) -> float:
    """The largest |found - expected| / max(1, |expected|); infinite where one is no number and the other is."""
    largest = 0.0
    for name, right in expected.items():
        own, right = np.asarray(found[name], np.float64), np.asarray(right, np.float64)
        if own.shape != right.shape or (np.isfinite(own) != np.isfinite(right)).any():
            return float("inf")
        at = np.isfinite(right)
        off = np.abs(own[at] - right[at]) / np.maximum(1, np.abs(right[at]))
        largest = max(largest, float(off.max(initial=0)))
    return largest


def differences(raw: bytes, cases: Iterable[tuple[Arrays, Arrays]]) -> float:
    """The largest `difference` over inputs and what is expected of them."""
    running = session(raw)
    return max(difference(run(running, feeds), expected) for feeds, expected in cases)


def checked(raw: bytes, cases: Iterable[tuple[Arrays, Arrays]]) -> float:
    """The same, or ElmanError where it is not below CLOSE."""
    found = differences(raw, cases)
    if not found < CLOSE:
        raise ElmanError(
            f"ONNX Runtime answers otherwise than the network, by up to {found:.2g}, and nothing was written: "
            "report it, with the settings of the fit"
        )
    return found
