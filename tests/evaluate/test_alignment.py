"""The figure of attention says which step belongs to which, and stands in a page."""

import numpy as np
import pytest

from elman.evaluate.alignment import alignment
from elman.evaluate.report import Figure


def test_named_steps_along_both_sides():
    plot = alignment([[0.9, 0.1], [0.2, 0.8], [0.0, 1.0]], ["I", "love", ""], along=["我", "爱"])
    assert plot.description == "The heaviest step of each: I – 我; love – 爱; ␣ – 爱."
    assert all(word in plot.svg for word in ("love", "我", "爱", "␣"))
    Figure(plot.svg)


def test_steps_along_a_span():
    plot = alignment(np.eye(4), "abcd", along=2.0, label="seconds")
    assert "a – 0.25" in plot.description and "d – 1.8" in plot.description
    assert "seconds" in plot.svg


@pytest.mark.parametrize("many", [1, 300])
def test_any_number_of_steps(many):
    plot = alignment(np.zeros((many, 7)), ["word"] * many, along=[f"a rather long word {i}" for i in range(7)])
    assert plot.svg.count(">word<") <= 40


def test_nothing_is_no_alignment():
    with pytest.raises(ValueError, match="steps on both sides"):
        alignment(np.zeros((0, 3)), [], along=1.0)
