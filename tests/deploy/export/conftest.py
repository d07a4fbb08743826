"""Models that learnt for a moment, and what ONNX Runtime makes of their files."""

import json

import numpy as np
import polars as pl
import pytest

GOOD, BAD = ["lovely", "quiet", "Spotless", "fresh"], ["dirty", "noisy", "rude", "stale"]


@pytest.fixture(scope="session")
def moods():
    """Texts and their labels."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(120):
        mood = rng.integers(0, 2)
        words = rng.choice([BAD, GOOD][mood], 2)
        rows.append((f"The {rng.choice(['room', 'staff'])} was {words[0]}, and {words[1]}.", ["bad", "good"][mood]))
    return [list(column) for column in zip(*rows, strict=True)]


@pytest.fixture(scope="session")
def sentences(moods):
    words = [text.split() for text in moods[0]]
    return words, [["LONG" if len(word) > 4 else "SHORT" for word in row] for row in words]


@pytest.fixture(scope="session")
def daily():
    """A frame of a price by day, with what stands beside it, some of it missing, some known ahead."""
    rng, rows = np.random.default_rng(0), 300
    price = 50_000 + 10 * np.sin(np.arange(rows) / 3) + rng.standard_normal(rows)
    return pl.DataFrame(
        {
            "day": np.datetime64("2020-01-01") + np.arange(rows),
            "price": price,
            "high": price + rng.random(rows),
            "rain": [None if at % 7 == 3 else float(value) for at, value in enumerate(rng.random(rows))],
            "holiday": (np.arange(rows) % 11 == 0).astype(float),
        }
    )


@pytest.fixture
def answers():
    """What a file answers to inputs, by the names of its outputs, and what stands beside it."""
    onnxruntime = pytest.importorskip("onnxruntime")

    def of(done):
        session = onnxruntime.InferenceSession(done.onnx, providers=["CPUExecutionProvider"])
        names = [one.name for one in session.get_outputs()]
        told = json.loads(done.json.read_text(encoding="utf-8"))
        return (lambda feeds: dict(zip(names, session.run(names, feeds), strict=True))), told

    return of
