"""Shapes take what they describe and say in a sentence what else they were given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import InputError
from elman.tasks.shapes import (
    also,
    distinct,
    either,
    fields,
    flag,
    kinds,
    maybe,
    real,
    rows,
    same_length,
    several,
    table,
    text,
    whole,
    word,
)

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
SHAPE = fields(
    size=whole(1, 9),
    names=distinct(text),
    rest=maybe(rows(either(flag, real(0, 1), several(word("a", "b"), table(whole()))))),
)


@pytest.mark.parametrize(
    "value",
    [
        {"size": 1, "names": [], "rest": None},
        {"size": 9, "names": ["a", "b"], "rest": [True, 0.5, 1, ["a", {"x": 3}]]},
    ],
)
def test_what_is_described_is_taken(value):
    SHAPE(value, "file")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 0}, r"file\.size is 0, but must be a whole number from 1 to 9"),
        ({"size": True}, "file.size is True"),
        ({"size": 1.0}, "file.size is 1.0"),
        ({"names": ["a", "a"]}, "in which nothing occurs twice"),
        ({"names": ["\ud800"]}, r"file\.names\[0\] is '\\ud800', but must be a text"),
        ({"names": "ab"}, "must be a list"),
        ({"rest": [2.0]}, r"file\.rest\[0\] is 2\.0, but must be a list of 2"),
        ({"rest": [["c", {}]]}, "one of a, b"),
        ({"more": 1}, "file is an object of 4, but must be an object of size, names, rest"),
    ],
)
def test_what_is_not_is_told_with_its_place(changes, said):
    with pytest.raises(InputError, match=said):
        SHAPE({"size": 1, "names": [], "rest": None, **changes}, "file")


@given(ANY)
def test_anything_else_is_refused_in_a_line(value):
    with pytest.raises(InputError) as caught:
        SHAPE({"size": value, "names": value, "rest": value}, "file")
    assert len(str(caught.value)) < 250 and "\n" not in str(caught.value)


def test_a_field_says_which_shape_it_is():
    shape = kinds("kind", {"a": fields(kind=text, x=whole()), "b": fields(kind=text)})
    shape({"kind": "a", "x": 1}, "file")
    for value in ({"kind": "b", "x": 1}, {"kind": "c"}, {"kind": ["a"]}, {}, []):
        with pytest.raises(InputError):
            shape(value, "file")


def test_what_must_also_hold_is_asked_last():
    shape = also(fields(a=rows(whole()), b=rows(whole())), lambda value, at: same_length(value, at, "a", "b"))
    shape({"a": [1], "b": [2]}, "file")
    with pytest.raises(InputError, match=r"file\.b is a list of 0, but must be a list of 1"):
        shape({"a": [1], "b": []}, "file")
