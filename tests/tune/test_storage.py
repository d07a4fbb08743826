"""Where trials are kept: a file of their own, and never those of two searches."""

from __future__ import annotations

import sqlite3

import pytest

from elman.data.fingerprint import fingerprint
from elman.errors import InputError
from elman.tune.job import Job
from elman.tune.search import started


@pytest.fixture
def job(quick, weekly):
    return Job.of(quick(), weekly)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("task", "the storage holds the trials of another task: give another --storage"),
        ("source", "another file"),
        ("search", "another --search"),
        ("grid", "a search with and without --grid"),
    ],
)
def test_trials_of_something_else_are_not_gone_on_with(job, tmp_path, name, said):
    file = str(tmp_path / "trials.db")
    started(job, file, {"task": "a", "source": "b", "search": "c", "grid": False}, "none")
    started(job, file, {"task": "a", "source": "b", "search": "c", "grid": False}, "none")
    with pytest.raises(InputError, match=said):
        started(job, file, {"task": "a", "source": "b", "search": "c", "grid": False, name: "x"}, "none")


def test_a_budget_of_minutes_is_not_mixed_with_one_of_steps(job, tmp_path):
    from dataclasses import replace

    file = str(tmp_path / "trials.db")
    started(job, file, {}, "none")
    with pytest.raises(InputError, match="with or without --minutes"):
        started(replace(job, seconds=1.0), file, {}, "none")


def test_what_is_no_storage_is_refused_and_left_alone(job, tmp_path):
    table, other, folder = tmp_path / "prices.csv", tmp_path / "other.db", tmp_path / "folder"
    table.write_text("a,b\n1,2\n")
    folder.mkdir()
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    connection.close()
    before = table.read_bytes(), other.read_bytes()
    for path, said in (
        (table, "prices.csv is no SQLite file: give another --storage"),
        (other, "holds tables of something else"),
        (folder, "cannot hold the trials"),
        (tmp_path / "nowhere" / "a.db", "cannot hold the trials"),
        ("oracle+none://here/there", "cannot be opened"),
    ):
        with pytest.raises(InputError, match=said):
            started(job, str(path), {}, "none")
    assert (table.read_bytes(), other.read_bytes()) == before


def test_a_file_is_known_by_what_it_holds(tmp_path):
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text("x\n1\n")
    b.write_text("x\n1\n")
    assert fingerprint(a) == fingerprint(str(b))
    b.write_text("x\n2\n")
    assert fingerprint(a) != fingerprint(b)
    folder = tmp_path / "folder"
    folder.mkdir()
    empty = fingerprint(folder)
    (folder / "one.txt").write_text("text")
    assert fingerprint(folder) != empty
    assert fingerprint("a text\n" * 200) != fingerprint("another\n" * 200)
    assert fingerprint({"x": [1]}) == "passed from Python"
