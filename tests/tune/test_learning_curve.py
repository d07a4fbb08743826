"""The learning curve: the same rows judge every share, and its sentence says no more than they can."""

from __future__ import annotations

import numpy as np
import pytest

from elman.data.labelled import Pairs
from elman.evaluate.costs import Difference
from elman.tasks.classify import Classifier
from elman.tasks.generate import Generator
from elman.tune import learning_curve as page
from elman.tune.learning_curve import Point, curve, spread


def test_a_series_is_learnt_from_its_end_on(quick, weekly):
    lines = []
    result = curve(quick(), weekly, seeds=2, told=lines.append)
    assert [point.rows for point in result.points] == [24, 48, 96, 192]
    assert all(len(point.scores) == 2 for point in result.points)
    assert (result.measure, result.unit) == ("MAE", "steps")
    assert "from 96 steps to 192 MAE went from " in result.sentence
    assert lines[-1].startswith("100 % of the rows: MAE ")
    assert result.to_json()["points"][0]["share"] == 0.125


def test_shares_that_are_too_small_are_left_out(quick, weekly):
    lines = []
    result = curve(quick(lookback=60), weekly, seeds=1, told=lines.append)
    assert [point.share for point in result.points] == [0.5, 1.0]
    assert "too few to learn from" in lines[0]


def test_more_rows_help_where_they_do():
    """A rule that takes many rows to see, and takes no more than that."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 4, 1))
    result = curve(
        Classifier(steps=150, hidden=8, learning_rate=2e-2, blend=False, pool="last", test_share=0.5),
        Pairs(x, x[:, -1, 0] + 0.3 * rng.normal(size=600) > 0),
        seeds=2,
    )
    scores = [np.mean(point.scores) for point in result.points]
    assert scores[-1] < scores[0]
    assert result.unit == "rows"


def test_a_text_is_counted_in_characters():
    text = "".join(f"{at} and on " for at in range(400))
    result = curve(Generator(steps=6, hidden=4, batch_size=4), text, seeds=1)
    assert result.unit == "characters"
    assert result.points[-1].rows == round(0.9 * len(text))
    assert spread(result.points[0]) == np.inf


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (Difference(-0.2, -0.3, -0.1), "More data would likely help: from 50 rows to 100 MAE went from 1.20 to 1.00"),
        (Difference(-0.2, -0.5, 0.1), "It is not clear that more data would help: "),
        (Difference(0.2, 0.1, 0.3), "More data of this kind does NOT help: "),
    ],
)
def test_what_is_said(gain, said):
    points = [Point(0.5, 50, (1.1, 1.3), 1.0), Point(1.0, 100, (0.9, 1.1), 1.0)]
    assert page._sentence("MAE", "rows", points, gain).startswith(said)
