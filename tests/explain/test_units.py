"""Units that follow a signal are found, and those that follow chance are not."""

import numpy as np
import pytest

from elman.explain.units import followed, movers


def wandering(rows, columns, rng, keep=0.95):
    steps = rng.normal(size=(rows, columns))
    for at in range(1, rows):
        steps[at] += keep * steps[at - 1]
    return steps


def test_a_unit_that_is_a_signal_is_found():
    rng = np.random.default_rng(0)
    signals = {"hour": rng.normal(size=500), "price": rng.normal(size=500)}
    states = rng.normal(size=(500, 4))
    states[:, 2] = -signals["price"] + 0.1 * rng.normal(size=500)
    (found,) = followed(states, signals)
    assert (found.unit, found.signal) == (2, "price")
    assert found.correlation < -0.98 and 0 < found.chance < 0.25


def test_what_wanders_by_itself_is_seldom_taken_for_following():
    wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        signals = {str(at): row for at, row in enumerate(wandering(400, 3, rng).T)}
        wrong += bool(followed(wandering(400, 5, rng), signals))
    assert wrong <= 6  # one in twenty is promised; without the rows' likeness it is nearly all


def test_of_what_never_moves_and_of_few_rows_nothing_is_said():
    assert followed(np.ones((50, 3)), {"a": np.arange(50.0)}) == []
    assert followed(np.arange(50.0)[:, None], {"a": np.ones(50)}) == []
    assert followed(np.zeros((3, 2)), {"a": np.arange(3.0)}) == followed(np.zeros((9, 2)), {}) == []


def test_a_symbol_that_moves_a_unit_is_found():
    rng = np.random.default_rng(0)
    symbols = rng.choice(["the", "not", "good", "."], 400).tolist()
    moves = 0.1 * rng.normal(size=(400, 3))
    moves[np.array(symbols) == "not", 1] -= 1.0
    ((unit, found),) = movers(moves, symbols)
    assert unit == 1 and found[0][0] == "not" and found[0][1] == pytest.approx(-1, abs=0.05)


def test_a_symbol_that_was_seldom_read_is_not_believed():
    assert movers(np.full((4, 2), 5.0), ["a"] * 4) == []
    noise = [np.random.default_rng(seed).normal(size=(300, 2)) for seed in range(40)]
    assert sum(bool(movers(moves, ["a", "b", "c"] * 100)) for moves in noise) <= 6
