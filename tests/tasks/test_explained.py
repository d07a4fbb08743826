"""An explanation on disk: a page and its figures, at once or not at all."""

import json

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.explanation import bars
from elman.evaluate.report import Section, Table
from elman.tasks.classify import Classifier
from elman.tasks.explained import Explained, chosen_row
from elman.tasks.load import TASKS


def made(sentence="It rests on a."):
    plot = bars({"a": 1.0})
    return Explained("Why", sentence, (Section("Parts", "<b>"),), Table(("part",), [("a",)]), {"parts": plot}, {"n": 1})


def test_a_page_and_its_figures_are_written(tmp_path):
    path = made().save(tmp_path / "why")
    assert sorted(one.name for one in path.iterdir()) == ["explained.html", "parts.svg"]
    assert (
        "It rests on a." in (path / "explained.html").read_text()
        and "&lt;b&gt;" in (path / "explained.html").read_text()
    )
    assert json.dumps(made().to_json()) == '{"title": "Why", "sentence": "It rests on a.", "n": 1, "notes": []}'


def test_what_lies_there_is_left_unless_it_is_an_explanation_to_be_replaced(tmp_path):
    path = made().save(tmp_path / "why")
    with pytest.raises(InputError, match="already holds an explanation"):
        made("Another.").save(path)
    assert "Another." in (made("Another.").save(path, overwrite=True) / "explained.html").read_text()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds files that are no elman explanation"):
        made().save(tmp_path / "mine", overwrite=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mine", "why"]


def test_a_row_is_counted_from_one():
    assert (chosen_row(None, 3), chosen_row(1, 3), chosen_row(3, 3)) == (0, 0, 2)
    for row in (0, -1, 4):
        with pytest.raises(InputError, match=f"--row is {row}, but there are rows 1 to 3: give one of these"):
            chosen_row(row, 3)


@pytest.mark.parametrize("name", ["paint", "speak"])
def test_what_is_not_explained_says_so(name):
    with pytest.raises(InputError, match=f"what a {name} model does is not explained"):
        TASKS[name].why(object.__new__(TASKS[name]))


def test_without_a_source_it_says_what_went_on_inside(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 12, 2))
    model = Classifier(hidden=4, steps=12, blend=False).fit(rows, rows[:, 0, 0] > 0)
    found = model.explain()
    assert [section.title for section in found.sections] == ["Gradients through time"]
    assert found.sentence == f"{model.diagnose()[0]}." and found.facts["inside"] == model.looks_[-1]["inside"]
    assert (found.save(tmp_path / "seen") / "through_time.svg").is_file()
    with pytest.raises(InputError, match="--row is 3, a row of a file, but no file is given"):
        model.explain(None, 3)
    model.looks_ = []
    with pytest.raises(InputError, match="nothing"):
        model.explain()


def test_a_page_ends_with_what_went_on_inside():
    rows = np.random.default_rng(0).normal(size=(60, 12, 2))
    found = Classifier(hidden=4, steps=12, blend=False).fit(rows, rows[:, 0, 0] > 0).explain(rows[:1])
    assert found.sections[-1].title == "Gradients through time" and len(found.sections) > 1
