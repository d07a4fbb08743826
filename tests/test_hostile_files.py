"""Mutated files of every kind: read or refused in a sentence, whatever is in them, in little time and memory."""

import pytest

import mutated
from parsers import PARSERS


def check(found, count):
    assert found["lost"] == []
    assert sum(found["found"].values()) == found["tried"] == count
    # Neither may be rare, or the files are too good or too bad to show anything.
    assert found["found"]["refused"] > count / 3 and found["found"]["read"] > count / 20
    assert found["slowest"] < mutated.SECONDS


def test_three_hundred_mutated_files(tmp_path):
    quick = [kind for kind in PARSERS if kind not in ("keras", "h5")]  # each of which needs a process of its own
    check(mutated.main(tmp_path, 300, 0, quick), 300)


def test_what_fails_crashes_hangs_or_takes_too_much_is_found(tmp_path):
    found = mutated.main(tmp_path, 4, 0, list(mutated.BROKEN))
    said = [one.split(":")[1].split()[0] for one in found["lost"]]
    assert said == ["ZeroDivisionError", "MemoryError", "exit", "Late"]


@pytest.mark.slow
def test_five_thousand_mutated_files(tmp_path):
    check(mutated.main(tmp_path, 5000, 1), 5000)
