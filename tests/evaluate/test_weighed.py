"""One answer taken apart: its sentence, its table, and its pages of each kind."""

import numpy as np
import pytest

from elman.evaluate.weighed import Weighed, of_frames, of_pairs, of_picture, of_steps, of_text, over


def weighed(names, values, shares, attention=None):
    values, shares = np.asarray(values, float), np.asarray(shares, float)
    return Weighed("good (0.9)", "the logit", names, values, shares, 0.5 * shares, float(values.sum()), 16, attention)


def test_the_sentence_names_what_speaks_for_and_what_against():
    one = weighed(["the", "good", "not"], [[0.1], [2], [-1]], [0.1, 2, -1])
    assert one.sentence == "For good (0.9) speaks most good (+2), the (+0.1); against it not (-1)."
    assert one.table.rows[0] == ("good", 2.0, 1.0)
    assert one.facts["total"] == pytest.approx(one.facts["difference"])
    assert weighed(["a"], [[-1]], [-1]).sentence == "Nothing that was read speaks for good (0.9); against it a (-1)."


def test_names_that_are_alike_are_told_apart_and_space_is_seen():
    assert weighed(["a", " ", "a", "\n"], np.eye(4), np.ones(4)).labels == ["a (1)", "␣ (2)", "a (3)", "↵ (4)"]
    assert weighed(["a", " b"], np.eye(2), np.ones(2)).labels == ["a", "b"]


def test_a_text_shows_both_sides_and_attention():
    one = weighed(["good", "not"], [[2], [-1]], [2, -1], np.array([0.7, 0.3]))
    page, plots, table = of_text(one, " ")
    assert [type(item).__name__ for item in page.items] == ["Shaded"] * 3 + ["Figure", "Table", "Facts"]
    assert table.columns[-1] == "attention" and table.rows[0][-1] == 0.7 and set(plots) == {"pieces"}


def test_steps_are_drawn_by_part_even_where_there_are_as_many_of_both():
    values = np.array([[1.0, 0.0], [5.0, -2.0]])
    page, plots, table = of_steps(weighed(["a", "b"], values, values.sum(0), np.array([0.4, 0.6])), values)
    assert table.rows[0][:2] == ("a", 6.0)
    assert plots["steps"].description == "The heaviest place of each: a: 5.00 at 2; b: -2.00 at 2."
    assert set(plots) == {"features", "steps", "attention"} and len(page.items) == 5


def test_pictures_and_clips_are_drawn_over_what_was_seen():
    values = np.zeros((4, 6))
    values[1, 5] = -3
    assert over(values, np.ones((4, 6)), "x").description == "The heaviest place is row 2, column 6: -3.00."
    one = weighed(["p"], values, [-3])
    assert set(of_picture(one, values, values, np.ones((4, 6)))[1]) == {"pixels", "patches"}
    clip = weighed(["frame 1", "frame 2"], np.ones((2, 4 * 6 * 3)), [72, 72])
    assert set(of_frames(clip, np.ones((2, 4, 6, 3)))[1]) == {"frames", "pixels"}


def test_pairs_are_drawn_from_what_was_read_to_what_was_written():
    plot, figure = of_pairs(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]), ["a", "b", "c"], ["x", "y"], "x")
    assert plot.description == "The heaviest place of each: x: 1.00 at a; y: 2.00 at b."
    assert figure.caption == "What x loses when a piece that is read is hidden."
