"""Sessions out of tables: grouped, put in order, counted."""

import polars as pl
import pytest
import torch

from elman.data.sessions.items import UNKNOWN, Items
from elman.data.sessions.reader import of_names, read_sessions
from elman.errors import InputError

EVENTS = {
    "who": ["b", "a", "a", "b", "c", "a"],
    "what": ["x", "y", "z", "y", "x", "x"],
    "at": [5, 9, 1, 2, 3, 4],
}


def test_events_are_grouped_and_sorted_and_sessions_ordered_by_their_end():
    found = read_sessions(EVENTS, "who", "what", "at")
    assert found.names == ["c", "b", "a"]
    assert [found.row(at) for at in range(3)] == [["x"], ["y", "x"], ["z", "x", "y"]]
    assert found.notes == (
        "2 of 3 sessions have events out of order, which are sorted by time",
        "1 of 3 sessions have one event",
    )


def test_without_times_the_order_is_that_of_the_rows():
    found = read_sessions(EVENTS, "who", "what")
    assert found.names == ["b", "c", "a"]
    assert found.row(2) == ["y", "z", "x"]


@pytest.mark.parametrize(
    "at",
    [
        ["2024-01-05", "2024-01-09", "2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"],
        [1704412800, 1704758400, 1704067200, 1704153600, 1704240000, 1704326400],
        ["5", "9", "1", "2", "3", "4"],
    ],
)
def test_times_of_any_kind_give_the_same_order(at):
    found = read_sessions({**EVENTS, "at": at}, "who", "what", "at")
    assert found.names == ["c", "b", "a"] and found.row(2) == ["z", "x", "y"]


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.String])
def test_ids_may_be_numbers_or_text(kind):
    frame = pl.DataFrame({"who": [7, 7, 8], "what": [100, 20, 100]}).cast(kind)
    found = read_sessions(frame, "who", "what")
    assert sorted(found.names)[0].startswith("7")
    assert [len(row) for row in (found.row(0), found.row(1))] == [2, 1]


def test_what_is_missing_is_counted_and_left_out(tmp_path):
    file = tmp_path / "clicks.csv"
    file.write_text("who,what,at\na,x,1\na,,2\n,y,3\nb,y,NA\nb,z,4\n")
    found = read_sessions(file, "who", "what", "at")
    assert found.names == ["a", "b"]
    assert found.notes[0] == "3 of 5 events lack a session, an item or a time, and are left out"


def test_what_cannot_be_read_is_one_sentence():
    with pytest.raises(InputError, match="has no column 'user'"):
        read_sessions(EVENTS, "user", "what")
    with pytest.raises(InputError, match="no row of the table has a session, an item and a time"):
        read_sessions({"who": ["", "NA"], "what": ["x", "y"]}, "who", "what")


def test_items_are_numbered_by_how_often_they_come():
    sessions = of_names([["b", "a", "b"], ["c", "b"], ["a"]])
    items = Items.fit(sessions)
    assert items.names[2:] == ["b", "a", "c"]
    assert items.encode(sessions).row(0).tolist() == [2, 3, 2]
    again = Items.from_json(items.to_json())
    assert again.names == items.names
    assert again.encode(of_names([["c", "new"]])).values.tolist() == [4, UNKNOWN]
    assert Items.fit(sessions, rarest=2).names[2:] == ["b", "a"]


def test_sessions_can_be_taken():
    some = of_names([["a"], ["b", "c"], []]).take(torch.tensor([2, 1]))
    assert some.names == ["2", "1"] and some.row(0) == [] and some.row(1) == ["b", "c"]
