"""One search on two hosts, here two network namespaces; the trials are in a PostgreSQL server on the first."""

from __future__ import annotations

import json
import time

import pytest

import namespaces
import postgres
from searches import PATIENCE, Seen, prices, put_away, start, until

pytestmark = pytest.mark.slow
TRIALS = 6


@pytest.fixture
def hosts():
    if why := postgres.absent():
        pytest.skip(why)
    try:
        with namespaces.two_hosts() as names:
            yield [namespaces.within(name) for name in names]  # a's and b's
    except namespaces.Absent as why:
        pytest.skip(str(why))


def test_a_kill_and_a_storage_that_is_gone_for_a_while_lose_nothing(hosts, tmp_path):
    a, b = (prices(tmp_path / name) for name in "ab")
    every = []

    def begin(folder, within, *more):
        every.append(start(folder, server.url, TRIALS, *more, within=within))
        return every[-1]

    with postgres.server(namespaces.ADDRESSES[0], hosts[0]) as server:
        seen = Seen(server.near)
        try:
            main, killed, joined = begin(a, hosts[0]), begin(b, hosts[1], "--join"), begin(b, hosts[1], "--join")
            until(lambda: seen.at_work() == 3, "three processes at work, on both hosts")
            killed.kill()
            until(lambda: sum(seen.made()) >= 2, "the others go on")
            seen.close()
            server.stop()
            for one in (main, joined):
                said = one.communicate(timeout=PATIENCE)[1]
                assert one.returncode == 1
                assert said.startswith(f"elman: the storage {server.url} does not answer any more (")
                assert said.endswith("): see that it does; the same command goes on with the trials in it\n")
                assert said.count("\n") == 1
            for folder in (a, b):
                assert [file.name for file in folder.iterdir()] == ["prices.csv"]
            server.start()
            before = sum(seen.made())
            assert 2 <= before < TRIALS
            main, joined = begin(a, hosts[0], "--json"), begin(b, hosts[1], "--join", "--json")
            found, theirs = (one.communicate(timeout=PATIENCE)[0] for one in (main, joined))
            assert (main.returncode, joined.returncode) == (0, 0)
            assert seen.made()[:TRIALS] == [1] * TRIALS
            assert len(json.loads(found)["trials"]) == json.loads(theirs)["trials"] == TRIALS
            assert {file.name for file in a.iterdir()} == {"prices.csv", "prices.elman"}
        finally:
            seen.close()
            put_away(every)


def test_a_network_that_says_nothing_is_given_up_and_the_trial_is_made_later(hosts, tmp_path):
    folder, every = prices(tmp_path / "b"), []
    with postgres.server(namespaces.ADDRESSES[0], hosts[0]) as server:
        seen = Seen(server.near)
        try:
            every.append(start(folder, server.url, 1, "--join", within=hosts[1], slow=2))
            until(lambda: seen.at_work() == 1, "a process at work")
            namespaces.ip("-n", hosts[0][-1], "link", "set", "e0", "down")
            cut = time.monotonic()
            said = every[0].communicate(timeout=PATIENCE)[1]
            assert (every[0].returncode, said.count("\n")) == (1, 1)
            assert "does not answer any more (" in said
            assert time.monotonic() - cut < 90
            namespaces.ip("-n", hosts[0][-1], "link", "set", "e0", "up")
            every.append(start(folder, server.url, 1, "--join", within=hosts[1]))
            said = every[1].communicate(timeout=PATIENCE)[1]
            assert every[1].returncode == 0, said
            assert seen.made() == [1]
        finally:
            seen.close()
            put_away(every)
