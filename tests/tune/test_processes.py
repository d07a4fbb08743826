"""Several processes at one search: whichever of them is ended, each trial is made once, and none is lost."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

import postgres
from searches import over_kills, prices

pytestmark = pytest.mark.slow
TRIALS = 6


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_kills_lose_no_trial_and_make_none_twice(kind, tmp_path):
    if kind == "PostgreSQL" and (why := postgres.absent()):
        pytest.skip(why)
    folder = prices(tmp_path / "here")
    with postgres.server() if kind == "PostgreSQL" else nullcontext() as server:
        storage = server.url if server else "trials.db"
        kills = over_kills(folder, storage, server.near if server else f"sqlite:///{folder / storage}", TRIALS)
    assert kills.codes == {"killed": -9, "asked": 143, "left": 0, "again": 0}
    assert kills.stopped == (
        f"elman: stopped by SIGTERM; the trials are kept in {storage}, and the same command goes on with them\n"
    )
    assert kills.seconds < 15  # a second or two where nobody else uses the machine
    assert kills.made == [1] * TRIALS
    assert [one["state"] for one in kills.found["trials"]].count("failed") == 0
    assert len(kills.found["trials"]) == TRIALS
    assert {file.name for file in folder.iterdir()} <= {"prices.csv", "prices.elman", "trials.db"}
