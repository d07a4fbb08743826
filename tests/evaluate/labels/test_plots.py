"""The figures of a classification draw what was counted."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from elman.evaluate.labels import plots

SVG = "{http://www.w3.org/2000/svg}"


def texts(plot):
    return ["".join(element.itertext()) for element in ET.fromstring(plot.svg).iter(f"{SVG}text")]


def test_every_count_is_written_once_in_its_cell():
    table = np.array([[50, 3, 0], [10, 1234, 7], [0, 0, 21]])
    plot = plots.confusion(table, ["negative", "neutral", "positive"])
    written = texts(plot)
    for count in ("50", "3", "10", "1,234", "7", "21"):
        assert written.count(count) == 1
    assert "0" not in written
    assert [written.count(name) for name in ("negative", "neutral", "positive")] == [2, 2, 2]
    assert "true label" in written and "guessed label" in written
    # x grows with the guess, y with the truth
    (axes,) = plot.figure.axes
    place = {text.get_text(): text.get_position() for text in axes.texts}
    assert place["3"] == (1, 0) and place["10"] == (0, 1)
    assert "most often neutral was taken for negative, 10 times" in plot.description


def test_a_cells_shade_is_its_share_of_the_row():
    plot = plots.confusion([[30, 10], [0, 2]], ["a", "b"])
    (axes,) = plot.figure.axes
    shades = {(patch.get_x() + 0.5, patch.get_y() + 0.5): patch.get_alpha() for patch in axes.patches}
    assert shades == {(0, 0): 0.375, (1, 0): 0.125, (1, 1): 0.5}


def test_reliability_shows_share_right_over_probability():
    p = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    plot = plots.reliability([0] * 8 + [1] * 2 + [0] * 6 + [1] * 4, p)
    top, low = plot.figure.axes
    np.testing.assert_allclose(np.transpose(top.lines[1].get_data()), [[60, 60], [90, 80]])
    assert low.patches[0].get_data().values.sum() == 20
    assert "ECE 5.0 %" in texts(plot)
    assert plot.description == (
        "On average the guesses were given 75 % and 70 % were right; calibration error (ECE) 5.0 %."
    )


def test_a_guess_unfolds_step_by_step():
    p = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.45, 0.4, 0.15], [0.1, 0.8, 0.1], [0.05, 0.9, 0.05]])
    plot = plots.unfolding(p, ["left", "right", "still"])
    (axes,) = plot.figure.axes
    np.testing.assert_allclose([line.get_ydata() for line in axes.lines[:3]], 100 * p.T[[1, 0, 2]])
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert plot.description == "right at the end with 90 %, the guess from step 4 of 5 on."
    written = texts(plot)
    assert "steps read" in written and "probability, %" in written
    assert all(any(name in text for text in written) for name in ("left", "right", "still"))


@pytest.mark.parametrize(
    ("p", "said"),
    [
        ([[0.9, 0.1], [0.8, 0.2]], "a at the end with 80 %, the guess from step 1 of 2 on."),
        ([[0.9, 0.1]], "a at the end with 90 %, the guess from step 1 of 1 on."),
        ([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]], "b at the end with 80 %, the guess from step 3 of 3 on."),
    ],
)
def test_when_a_guess_is_settled(p, said):
    assert plots.unfolding(p, ["a", "b"]).description == said


def test_of_many_labels_the_likeliest_unfold():
    p = np.full((3, 20), 0.01)
    p[2, 7], p[1, 3] = 0.7, 0.5
    plot = plots.unfolding(p, [f"label {at}" for at in range(20)])
    written = " ".join(texts(plot))
    assert "label 7" in written and "label 3" in written and "label 19" not in written
