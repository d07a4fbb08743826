"""The pages: whole, alone, with every trial in the table and in the picture."""

from __future__ import annotations

import numpy as np
import pytest

from elman.evaluate.costs import Difference
from elman.tune import pictures, report
from elman.tune.comparison import Arm, Comparison
from elman.tune.learning_curve import Curve, Point
from elman.tune.search import Trial
from elman.tune.space import Choice, Range
from elman.tune.tuning import tune

SPACE = (Choice("cell", {"rnn": "rnn", "gru": "gru"}), Range("learning_rate", 1e-4, 1e-2, whole=False))


def trial(number, score, *, default=False, **words):
    state = "complete" if score is not None else "failed"
    folds = () if score is None else (score - 0.1, score + 0.1)
    return Trial(number, words, words, score, folds, 1.5, state, default, "" if score else "<b>broken</b>")


TRIALS = (
    trial(0, 1.2, default=True, cell="gru", learning_rate=1e-3),
    trial(1, 1.1, cell="rnn", learning_rate=1e-4),
    trial(2, 1.5, cell="rnn", learning_rate=1e-2),
    trial(3, None, cell="gru", learning_rate=5e-3),
)


def lines(plot):
    return [line for line in plot.figure.axes[0].lines if len(line.get_xdata()) == 3]


def test_every_scored_trial_is_a_line_through_its_settings():
    plot = pictures.parallel(TRIALS, SPACE, "MAE")
    heights = {tuple(np.round(line.get_ydata(), 3)) for line in lines(plot)}
    assert heights == {(1.0, 0.5, 0.25), (0.0, 0.0, 0.0), (0.0, 1.0, 1.0)}
    assert "3 trials; the best has MAE 1.10, the worst 1.50." in plot.svg
    assert "the default" in plot.svg


def test_a_value_outside_of_the_space_is_not_drawn():
    plot = pictures.parallel([trial(0, 1.0, default=True, learning_rate=1e-3)], SPACE, "MAE")
    (line,) = lines(plot)
    assert np.isnan(line.get_ydata()).tolist() == [True, False, False]


def test_the_page_of_a_search(quick, weekly):
    tuned = tune(quick(), weekly, trials=5, folds=2, seeds=2)
    page = report.tuned_page(tuned, "<prices>.csv")
    assert page.lower().startswith("<!doctype html>")
    for piece in (tuned.sentence.split(":")[0], "&lt;prices&gt;.csv", "Trials", "the default", "What mattered"):
        assert piece in page
    assert "<prices>" not in page


def test_the_page_of_a_comparison():
    arms = (
        Arm("gru", np.array([[1.0], [1.2]]), 2.0, 0.004, 1.0),
        Arm("lstm", np.array([[1.1], [1.4]]), 2.0, 0.005, 1.5),
    )
    behind = {"lstm": Difference(0.15, -0.1, 0.4)}
    reach = {"gru": 0.3, "lstm": np.inf}
    made = Comparison("cell", "MAE", arms, reach, behind, "No clear winner.", None, 9.0, ("two",))
    page = report.comparison_page(made, "forecast", "prices.csv")
    for piece in ("No clear winner.", "gru", "ms a step", "behind the best", "Two."):
        assert piece in page
    assert made.to_json()["values"][1]["reach"] is None


@pytest.mark.parametrize("scores", [((1.2,), (1.0,)), ((1.2, 1.3), (1.0, 1.1))])
def test_the_page_of_a_curve(scores):
    points = tuple(
        Point(share, rows, own, 1.0) for (share, rows), own in zip(((0.5, 50), (1.0, 100)), scores, strict=True)
    )
    made = Curve("log loss", "rows", points, Difference(-0.2, -0.3, -0.1), "More data would help.", True, 4.0, ())
    page = report.curve_page(made, "classify", "reviews.csv")
    for piece in ("More data would help.", "50 %", "rows learnt from", "log loss"):
        assert piece in page
