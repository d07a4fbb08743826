"""One training on two hosts, which here are two network namespaces of this machine with a link between them.

Each has a folder of its own with a copy of the file; the first writes the model.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import elman
from namespaces import ADDRESSES, Absent, ip, two_hosts, within
from small_sources import FIT, write_series

PATIENCE = 300  # seconds that any of these may take on a machine that others use as well
pytestmark = pytest.mark.slow


@pytest.fixture
def spaces():
    """The names of the two namespaces; their ends of the link are both called e0."""
    try:
        with two_hosts() as names:
            yield names
    except Absent as why:
        pytest.skip(str(why))


@pytest.fixture
def hosts(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        write_series(folder, np.random.default_rng(0))
    return folders


def environment(**more):
    source = str(Path(elman.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "e0", **more}


def start(space, folder, rank, *arguments, **more):
    run = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    run += ["--node-rank", str(rank), "--master-addr", ADDRESSES[0], "-m", "elman", "fit", *arguments]
    return subprocess.Popen(
        [*within(space), *run], cwd=folder, env=environment(**more), stderr=subprocess.PIPE, text=True
    )


def both(spaces, hosts, *arguments, **more):
    pairs = zip(spaces, hosts, strict=True)
    return [start(space, folder, rank, *arguments, **more) for rank, (space, folder) in enumerate(pairs)]


def ended(running):
    """What both have said on stderr."""
    try:
        return [one.communicate(timeout=PATIENCE)[1] for one in running]
    finally:
        for one in running:
            one.kill()
            one.wait()


def history(model):
    lines = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "valid" in line]


def alone(folder, *arguments):
    subprocess.run(
        [sys.executable, "-m", "elman", "fit", *arguments],
        cwd=folder,
        env=environment(),
        check=True,
        capture_output=True,
    )


def test_two_hosts_learn_what_one_learns_and_the_first_writes(spaces, hosts):
    alone(hosts[0], *FIT, "--steps", "16", "--out", "alone.elman")
    running = both(spaces, hosts, *FIT, "--steps", "16", "--out", "x.elman")
    said = ended(running)
    assert [one.returncode for one in running] == [0, 0], said
    ours, theirs = history(hosts[0] / "x.elman"), history(hosts[0] / "alone.elman")
    for name in ("loss", "valid"):
        np.testing.assert_allclose([r[name] for r in ours], [r[name] for r in theirs], rtol=1e-5)
    assert [entry.name for entry in hosts[1].iterdir()] == ["a.csv"] and "Saved" not in said[1]


def test_a_link_that_is_cut_ends_both_in_time_and_they_go_on_when_it_is_back(spaces, hosts):
    fit = [*FIT, "--steps", "300", "--patience", "0", "--checkpoint-minutes", "0.02", "--out", "x.elman", "--quiet"]
    running = both(spaces, hosts, *fit, ELMAN_PATIENCE="10")
    begun = time.monotonic()
    while not [*hosts[0].glob("x.elman.unfinished/0*")]:
        assert time.monotonic() - begun < PATIENCE and running[0].poll() is None
        time.sleep(0.1)
    ip("-n", spaces[0], "link", "set", "e0", "down")
    cut = time.monotonic()
    said = ended(running)
    assert all(one.returncode for one in running) and time.monotonic() - cut < 180
    for rank, lines in enumerate(said):
        (sentence,) = [line for line in lines.splitlines() if line.startswith("elman:")]
        assert f"process {rank} of 2 lost another one, which has ended or cannot be reached" in sentence
    assert re.search(r"step \d+ is kept in x.elman.unfinished: .* --resume goes on from there", said[0])
    assert not (hosts[0] / "x.elman").exists()
    ip("-n", spaces[0], "link", "set", "e0", "up")
    running = both(spaces, hosts, *fit, "--resume")
    said = ended(running)
    assert [one.returncode for one in running] == [0, 0], said
    assert "went on from step" in said[0]
    running = both(spaces, hosts, *fit[:-2], "whole.elman", "--quiet")
    said = ended(running)
    assert [one.returncode for one in running] == [0, 0], said
    whole, resumed = ((hosts[0] / name / "weights.safetensors").read_bytes() for name in ("whole.elman", "x.elman"))
    assert whole == resumed
