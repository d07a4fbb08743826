"""Figures and sentences of what answers rest on."""

import numpy as np
import pytest

from elman.evaluate.explanation import Drivers, bars, following, heat, moving, shaded, signed


def test_bars_stand_in_order_with_their_intervals():
    plot = bars({"heat": 80.0, "wind": -5.0}, {"heat": (70, 90), "wind": (-9, -1)}, "percent")
    assert plot.description == "The bars, from the top: heat 80.0; wind -5.00."
    axes = plot.figure.axes[0]
    assert [patch.get_width() for patch in axes.patches] == [80, -5]
    assert axes.patches[0].get_facecolor() != axes.patches[1].get_facecolor()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["heat", "wind"]
    assert plot.svg.count("<svg") == 1


def test_a_heat_map_tells_the_heaviest_place_and_stands_on_times():
    values = [[0.0, 2.0, -1.0], [np.nan, 0.0, -3.0]]
    when = np.datetime64("2024-01-01T00", "h") + np.arange(3)
    plot = heat(values, ["a", "b"], when)
    assert plot.description == "The heaviest place of each: a: 2.00 at 2024-01-01 01:00; b: -3.00 at 2024-01-01 02:00."
    left, right, _, _ = plot.figure.axes[0].images[0].get_extent()
    assert (right - left) == pytest.approx(3 / 24)
    assert heat(values, ["a", "b"], ["x", "y", "z"]).description.endswith("b: -3.00 at z.")


def test_colours_tell_the_side_and_their_opacity_the_size():
    colours = signed([[1.0, -2.0, 0.0]])
    assert colours[0, :, 3].tolist() == [0.5, 1, 0]
    assert not np.allclose(colours[0, 0, :3], colours[0, 1, :3])
    assert signed(np.zeros((2, 2)))[..., 3].max() == 0


def test_a_text_is_shaded_on_one_scale_for_both_sides():
    speaks_for, against = shaded(["good", "not"], [2.0, -1.0], " ", "pos")
    assert speaks_for.shades == [("good", 50), ("not", 0)]
    assert against.shades == [("good", 0), ("not", 25)]
    assert len(shaded(["good"], [1.0], " ", "pos")) == 1


def test_only_what_is_beyond_chance_is_named():
    drivers = Drivers({"heat": (1.5, 1.2, 1.8), "day": (0.004, 0.001, 0.007), "wind": (0.002, -0.1, 0.1)})
    assert drivers.sentence("They") == "They rest most on heat (error +150 % when shuffled), day (+0.4 %)."
    assert drivers.table.rows[0] == ("heat", 150.0, 120.0, 180.0)
    nothing = Drivers({"wind": (0.002, -0.1, 0.1)})
    assert nothing.sentence("They") == "They rest on no single part: shuffling none raises the error beyond chance."


def test_units_are_listed_or_said_to_follow_nothing():
    assert "No unit follows" in following([], "Here.").intro
    assert following([(3, "hour", 0.9, 0.2)], "Here.").items[0].rows == [("3", "hour", 0.9, 0.2)]
    assert "No symbol moves" in moving([], "Here.").intro
    assert moving([(1, [("not", -0.5), (" ", 0.25)])], "Here.").items[0].rows == [("1", "not (-0.50), ␣ (+0.25)")]
