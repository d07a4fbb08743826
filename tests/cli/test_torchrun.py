"""elman fit as several processes that torchrun has started: the model of one process, written once.

float32 sums in another order differ in their last digits, which a training makes larger with each step: the curves are
compared to 1e-5 over so many steps as rounding stays below that (tests/train/test_world.py: in double precision).
"""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import elman
from small_sources import FIT, TASKS, sources, write_series

SOURCE = str(Path(elman.__file__).parents[1])
PATIENCE = 240  # seconds that any of these may take on a machine that others use as well


def environment(**more):
    return {**os.environ, "PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **more}


def command(processes, *arguments, options=()):
    python = [sys.executable, "-m"]
    if processes == 1:
        return [*python, "elman", *map(str, arguments)]
    run = ["torch.distributed.run", "--nproc-per-node", str(processes), "--standalone", *options]
    return [*python, *run, "-m", "elman", *map(str, arguments)]


def start(processes, *arguments, options=(), cwd=None, **more):
    return subprocess.Popen(
        command(processes, *arguments, options=options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(**more),
    )


def ended(process):
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode, out, err


def fitted(processes, *arguments, cwd=None, options=()):
    code, out, err = ended(start(processes, "fit", *arguments, "--json", cwd=cwd, options=options))
    assert code == 0, err
    return out, err


def told(err):
    """What elman says, without what torchrun says."""
    return [line for line in err.splitlines() if line.startswith("elman:")]


def children(process):
    """The processes that torchrun has started, by their rank."""
    found = {}
    for place in Path("/proc").iterdir():
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process.pid:
                given = dict(entry.partition("=")[::2] for entry in (place / "environ").read_text().split("\0"))
                found[int(given["RANK"])] = int(place.name)
        except (OSError, ValueError, KeyError):
            continue
    return found


def wait_for(what, process):
    """Until ``what()`` is there."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def history(model):
    lines = [json.loads(line) for line in (Path(model) / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "valid" in line]


def weights(model):
    return (Path(model) / "weights.safetensors").read_bytes()


def compare(one, other, rel=1e-5):
    """The curves of two fits, and what they were judged to be worth."""
    ours, theirs = history(one), history(other)
    assert [record["step"] for record in ours] == [record["step"] for record in theirs]
    for name in ("loss", "valid"):
        np.testing.assert_allclose([r[name] for r in ours], [r[name] for r in theirs], rtol=rel, atol=1e-7)
    assert len({record["loss"] for record in ours}) > 1  # something is learnt
    judged = [json.loads((Path(model) / "metrics.json").read_text()) for model in (one, other)]
    for name, value in judged[0]["metrics"].items():
        if value is not None and name not in ("seconds",):
            assert math.isclose(value, judged[1]["metrics"][name], rel_tol=1e-2, abs_tol=1e-3), name
    assert judged[0]["verdict"] and judged[0]["rows"] == judged[1]["rows"]


@pytest.fixture
def table(tmp_path):
    write_series(tmp_path, np.random.default_rng(0))
    return tmp_path


def test_two_processes_fit_the_model_of_one_and_the_first_alone_writes(table):
    short = (*FIT, "--steps", 16)
    fitted(1, *short, "--out", "one.elman", cwd=table)
    out, err = fitted(2, *short, "--out", "two.elman", cwd=table)
    compare(table / "one.elman", table / "two.elman")
    assert sorted(entry.name for entry in table.iterdir()) == ["a.csv", "one.elman", "two.elman"]
    assert json.loads(out)["task"] == "forecast" and err.count("Saved two.elman") == 1


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_each_task_learns_in_several_processes_what_it_learns_in_one(table, task):
    """Adam makes the rounding of gradients that are nearly 0 as large as a step, so that digits are lost sooner than of
    a forecast; tests/tasks/test_parts.py compares the gradients themselves.

    There are few items: of more than 1,000 each process of a recommender draws those that it compares with by itself.
    """
    file, given = sources(table)[task]
    flags = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]
    shared = (task, file, *flags, "--dropout", 0, "--hidden", 8, "--batch-size", 16, "--steps", 12, "--quiet")
    fitted(1, *shared, "--out", "one.elman", cwd=table)
    for processes in (3, 2):
        fitted(processes, *shared, "--out", "x.elman", "--overwrite", cwd=table)
        compare(table / "one.elman", table / "x.elman", rel=2e-4)
    assert {entry.name for entry in table.iterdir() if "elman" in entry.name} == {"one.elman", "x.elman"}


LONG = (*FIT, "--steps", 400, "--patience", 0, "--checkpoint-minutes", 0.02)


def kept(place):
    return [*(place / "x.elman.unfinished").glob("0*")] if (place / "x.elman.unfinished").is_dir() else []


@pytest.mark.slow
def test_a_killed_process_ends_the_others_soon_and_a_restart_ends_with_the_same_bits(table):
    fitted(2, *LONG, "--out", "whole.elman", cwd=table)
    running = start(2, "fit", *LONG, "--out", "x.elman", cwd=table)
    wait_for(lambda: kept(table), running)
    os.kill(children(running)[1], signal.SIGKILL)
    killed = time.monotonic()
    code, _, err = ended(running)
    assert code == 1 and time.monotonic() - killed < 60
    (sentence,) = told(err)
    assert re.search(r"process 0 of 2 lost another one.*step \d+ is kept in x.elman.unfinished: .* --resume", sentence)
    assert not (table / "x.elman").exists()
    _, err = fitted(2, *LONG, "--out", "x.elman", "--resume", cwd=table)
    assert "went on from step" in err and weights(table / "x.elman") == weights(table / "whole.elman")
    assert not kept(table)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_torchrun_restarts_what_was_killed(table, rank):
    """Without --resume too: what lies there is its own."""
    fitted(2, *LONG, "--out", "whole.elman", cwd=table)
    running = start(2, "fit", *LONG, "--out", "x.elman", cwd=table, options=("--max-restarts", "2"))
    wait_for(lambda: kept(table), running)
    os.kill(children(running)[rank], signal.SIGKILL)
    code, _, err = ended(running)
    assert code == 0, err
    assert "went on from step" in err and weights(table / "x.elman") == weights(table / "whole.elman")


@pytest.mark.slow
@pytest.mark.parametrize("again", [2, 3, 1])
def test_sigterm_keeps_a_checkpoint_from_which_any_number_of_processes_goes_on(table, again):
    running = start(2, "fit", *LONG[:-2], "--checkpoint-minutes", 0, "--out", "x.elman", cwd=table)
    wait_for(lambda: len(children(running)) == 2, running)
    seen = ""
    while " loss " not in seen:  # it learns
        seen = running.stderr.readline()
        assert seen or running.poll() is None
    running.send_signal(signal.SIGTERM)
    code, _, err = ended(running)
    assert code != 0
    (sentence,) = told(err)
    assert re.search(r"stopped by SIGTERM; step \d+ is kept in x.elman.unfinished: .* --resume", sentence)
    _, err = fitted(again, *LONG[:-2], "--checkpoint-minutes", 0, "--out", "x.elman", "--resume", cwd=table)
    assert "went on from step" in err
    fitted(2, *LONG, "--out", "whole.elman", cwd=table)
    if again == 2:
        assert weights(table / "x.elman") == weights(table / "whole.elman")
    else:
        assert f"with {again} process{'es' * (again > 1)} instead of 2" in err.replace("\n", " ")
        ours, theirs = history(table / "x.elman"), history(table / "whole.elman")
        assert [record["step"] for record in ours] == [record["step"] for record in theirs]
        assert ours[-1]["valid"] == pytest.approx(theirs[-1]["valid"], rel=0.05)


@pytest.mark.slow
def test_all_end_together_when_the_time_is_over(table):
    began = time.monotonic()
    running = start(2, "fit", *FIT, "--minutes", 0.25, "--out", "x.elman", cwd=table)
    code, _, err = ended(running)
    assert code == 0, err
    assert time.monotonic() - began < 120 and (table / "x.elman" / "report.html").exists()


@pytest.mark.slow
def test_one_wrong_argument_is_said_once(table):
    code, _, err = ended(start(2, "fit", "forecast", "a.csv", "--target", "z", "--steps", 4, cwd=table))
    assert code != 0 and len(told(err)) == 1 and "'z'" in err
    assert "elman/" not in err.replace(SOURCE, "")  # no traceback of ours


# Each process has a folder of its own here, as on another host.

LAUNCH = """
import os, sys
os.chdir("host" + os.environ["RANK"])
from elman.cli import main
main()
"""


def apart(place, *arguments):
    (place / "launch.py").write_text(LAUNCH)
    whole = command(2)[:-2]
    return ended(
        subprocess.Popen(
            [*whole, str(place / "launch.py"), "fit", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=place,
            env=environment(),
        )
    )


@pytest.mark.slow
def test_another_file_on_another_host_is_noticed_at_once(table):
    for rank in (0, 1):
        (table / f"host{rank}").mkdir()
        (table / f"host{rank}" / "a.csv").write_text((table / "a.csv").read_text() + "0.5\n" * rank)
    code, _, err = apart(table, *FIT, "--steps", 5000)
    (sentence,) = told(err)
    assert code != 0 and "process 1 of 2 has another file than process 0" in sentence
    assert not [*table.glob("host*/*.elman*")]


@pytest.mark.slow
def test_a_file_that_is_on_one_host_alone_ends_both(table):
    for rank in (0, 1):
        (table / f"host{rank}").mkdir()
    (table / "host0" / "a.csv").write_text((table / "a.csv").read_text())
    code, _, err = apart(table, *FIT, "--steps", 5000)
    (sentence,) = told(err)
    assert code != 0 and "process 1 of 2 has another file than process 0" in sentence
