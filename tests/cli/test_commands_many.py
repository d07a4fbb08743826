"""elman predict of many files: a file of answers a file, shared out, gone on with, and equal to what one file gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.cli import many, run
from elman.cli.many import Shard, answers_of
from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.forecast import Forecaster

FILES = 9


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(120) / 7) + np.random.default_rng(0).normal(0, 0.5, 120)
    lines = [f"{np.datetime64('2020-01-01') + at},{value:.3f}" for at, value in enumerate(wave)]
    whole = folder / "prices.csv"
    whole.write_text("\n".join(["Date,Close", *lines]) + "\n")
    Forecaster(target="Close", horizon=2, lookback=8, hidden=4, steps=4).fit(whole).save(folder / "prices.elman")
    words = [f"{word} day {at}" for word in ("good", "bad") for at in range(20)]
    Classifier(hidden=2, steps=2).fit(words, ["good"] * 20 + ["bad"] * 20).save(folder / "moods.elman")
    (folder / "shops" / "far").mkdir(parents=True)
    for at in range(FILES):
        home = folder / "shops" / ("far" if at % 3 == 2 else ".")
        (home / f"shop{at}.csv").write_text("\n".join(["Date,Close", *lines[: 60 + 5 * at]]) + "\n")
    return folder


def answers(folder: Path) -> dict[str, bytes]:
    every = [path for path in folder.rglob("*") if path.is_file() and path.name != many.RECORD]
    return {str(path.relative_to(folder)): path.read_bytes() for path in every}


@pytest.fixture(scope="module")
def alone(made):
    """What the command says of each file by itself."""
    told = {}
    for one in (made / "shops").rglob("*.csv"):
        with redirect_stdout(StringIO()) as said:
            assert run(["predict", str(made / "prices.elman"), str(one)]) == 0
        told[str(one.relative_to(made / "shops"))] = said.getvalue().encode()
    assert len(told) == FILES
    return told


def test_a_file_of_answers_a_file_each_as_by_itself(here, printed, alone):
    found = json.loads(printed("predict", "prices.elman", "shops", "--out", "said", "--json"))
    assert answers(here / "said") == alone
    assert found == {
        "files": FILES, "shard": "1/1", "tried": FILES, "held": FILES, "lost": 0, "skipped": 0, "failures": [],
        "out": "said",
    }  # fmt: skip


def test_the_shards_answer_each_file_once(here, printed, alone):
    counts = []
    for at in (3, 1, 2):
        found = json.loads(printed("predict", "prices.elman", "shops", "--out", "said", "--shard", f"{at}/3", "--json"))
        counts.append((found["tried"], found["skipped"]))
    assert counts == [(3, 0)] * 3
    assert answers(here / "said") == alone


def test_torchrun_says_the_shard_where_nobody_does(here, printed, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = json.loads(printed("predict", "prices.elman", "shops", "--out", "said", "--json"))
    assert (found["shard"], found["tried"]) == ("2/2", FILES // 2)
    found = json.loads(printed("predict", "prices.elman", "shops", "--out", "said", "--shard", "1/1", "--json"))
    assert (found["tried"], found["skipped"]) == (FILES, FILES // 2)


def test_patterns_other_formats_and_texts_with_blanks(here, printed):
    found = json.loads(
        printed("predict", "prices.elman", "shops/**/shop[258].csv", "--out", "a", "--format", "jsonl", "--json")
    )
    assert found["held"] == 3
    assert set(answers(here / "a")) == {f"far/shop{at}.csv.jsonl" for at in (2, 5, 8)}
    rows = [json.loads(line) for line in (here / "a" / "far" / "shop2.csv.jsonl").read_text().splitlines()]
    assert len(rows) == 2
    # A file whose name no table has is read as a file, never as a text of that name.
    (here / "notes").mkdir()
    (here / "notes" / "one day").write_text("text\ngood day\nbad day\n")
    (here / "notes" / "two.csv").write_text("text\nbad day\n")
    printed("predict", "moods.elman", "notes/one day", "notes/two.csv", "--out", "b")
    assert len(answers(here / "b")["one day.csv"].splitlines()) == 3
    assert set(answers(here / "b")) == {"one day.csv", "two.csv"}


def test_a_bad_file_is_told_and_stops_nobody(here, capsys, alone):
    (here / "shops" / "shop4.csv").write_text("nothing\n")
    command = ["predict", "prices.elman", "shops", "gone.csv", "--out", "said", "--json"]
    assert run(command) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["tried"], found["held"], found["lost"]) == (FILES + 1, FILES - 1, 2)
    assert [one["file"] for one in found["failures"]] == ["gone.csv", "shops/shop4.csv"]
    assert "no such file: gone.csv" in err
    assert err.endswith(
        "2 of 10 files could not be answered, the first gone.csv: mend or remove them, and give the "
        "same command again\n"
    )
    assert answers(here / "said") == {name: raw for name, raw in alone.items() if name != "shop4.csv"}
    # Mended, the same command makes what is missing and nothing else.
    (here / "shops" / "shop4.csv").write_bytes((here / "shops" / "shop3.csv").read_bytes())
    (here / "gone.csv").write_bytes((here / "shops" / "shop3.csv").read_bytes())
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == FILES - 1
    assert answers(here / "said")["shop4.csv"] == alone["shop3.csv"]


def test_strict_stops_at_the_first(here, capsys):
    (here / "shops" / "shop0.csv").write_text("nothing\n")
    assert run(["predict", "prices.elman", "shops", "--out", "said", "--strict"]) == 2
    assert "shop0.csv" in capsys.readouterr().err


SLOW = """
import os, sys, time
from elman.cli import main, many
answer = many._answer
def slow(*arguments):
    time.sleep(0.15)
    return answer(*arguments)
many._answer = slow
if os.environ.get("HALF"):  # a process killed while it writes
    write = many.write_frame
    def half(frame, path):
        path.write_text("time,fore")
        print("half", flush=True)
        time.sleep(60)
    many.write_frame = half
main()
"""


def started(here, *arguments, **environment):
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    words = [sys.executable, "-c", SLOW, "predict", "prices.elman", "shops", "--out", "said", *arguments]
    return subprocess.Popen(words, cwd=here, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_shards_that_are_killed_leave_whole_answers_and_are_gone_on_with(here, printed, alone):
    shards = [started(here, "--shard", f"{at}/2") for at in (1, 2)]
    until(lambda: len(list((here / "said").rglob("*.csv"))) >= 3)
    for shard in shards:
        shard.kill()
        shard.communicate()
    there = answers(here / "said")
    whole = {name: raw for name, raw in there.items() if not Path(name).name.startswith(".")}
    assert 3 <= len(whole) < FILES
    assert whole == {name: alone[name] for name in whole}
    skipped = 0
    for at in (1, 2):
        told = printed("predict", "prices.elman", "shops", "--out", "said", "--shard", f"{at}/2", "--json")
        skipped += json.loads(told)["skipped"]
    assert skipped == len(whole)
    assert {name: raw for name, raw in answers(here / "said").items() if name in alone} == alone


def test_half_an_answer_is_none_and_is_cleared_away_later(here, printed, alone):
    shard = started(here, HALF="1")
    assert shard.stdout.readline() == "half\n"
    shard.kill()
    shard.communicate()
    (half,) = answers(here / "said")
    assert Path(half).name.startswith(".")
    (here / "said" / ".own").write_text("theirs")
    printed("predict", "prices.elman", "shops", "--out", "said")
    assert answers(here / "said").keys() == {*alone, half, ".own"}  # it might be another shard's, still at work
    os.utime(here / "said" / half, (0, 0))
    os.utime(here / "said" / ".own", (0, 0))
    printed("predict", "prices.elman", "shops", "--out", "said")
    assert answers(here / "said") == {**alone, ".own": b"theirs"}


@pytest.mark.slow
def test_sigterm_says_how_far_it_came(here, printed, alone):
    shard = started(here)
    until(lambda: len(list((here / "said").rglob("[!.]*.csv"))) >= 2)
    shard.send_signal(signal.SIGTERM)
    _, err = shard.communicate(timeout=20)
    assert shard.returncode == 143
    assert "stopped by SIGTERM; " in err
    assert f"of {FILES} answers are in said, and the same command goes on with the others\n" in err
    assert all(not Path(name).name.startswith(".") for name in answers(here / "said"))
    printed("predict", "prices.elman", "shops", "--out", "said")
    assert answers(here / "said") == alone


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shops"], "is a folder: give --out FOLDER"),
        (["prices.csv", "prices.csv"], "many files are answered into a folder: give --out FOLDER"),
        (["shops", "--shard", "0/2", "--out", "x"], "--shard is 0/2, but the first number must be from 1"),
        (["shops", "--shard", "3/2", "--out", "x"], "--shard is 3/2"),
        (["shops", "--shard", "half", "--out", "x"], "--shard is 'half', but the K-th of N parts is needed"),
        (["--shard", "1/2", "--out", "x"], "--shard is for many files: name them, or their folder"),
        (["shops", "--out", "shops"], "lies in shops, where the answers go: give another --out"),
        (["shops", "--out", "."], "lies in ., where the answers go"),
        (["shops", "prices.csv", "--out", "prices.csv"], "prices.csv is a file, but a folder is needed"),
        (["shops", "--out", "no/where"], "there is no directory no to make where in"),
        (["none*.csv", "--out", "x"], "none*.csv holds no files"),
        (["prices.csv", "shops/shop0.csv", "shops/../shops/shop0.csv", "--out", "x"], "would both be answered in"),
    ],
)
def test_what_is_refused(refused, arguments, said):
    assert said in refused("predict", "prices.elman", *arguments)


def test_answers_of_two_models_or_to_two_questions_are_kept_apart(here, printed, refused):
    printed("predict", "prices.elman", "shops", "--out", "said")
    other = refused("predict", "moods.elman", "shops", "--out", "said")
    assert "said holds the answers of another model, or to other options: give another --out, or --overwrite" in other
    assert "another model" in refused("predict", "prices.elman", "shops", "--out", "said", "--format", "tsv")
    # Nor is a file of something else taken for an answer.
    (here / "own").mkdir()
    (here / "own" / "shop0.csv").write_text("mine\n")
    assert "own holds files of something else" in refused("predict", "prices.elman", "shops", "--out", "own")


@given(st.integers(1, 9), st.integers(0, 40))
def test_shards_part_every_list(of, count):
    every = {Path(f"{at:02}"): Path(f"in/{at}") for at in range(count)}
    parts = [Shard(at, of).mine(every) for at in range(1, of + 1)]
    assert sorted(place for part in parts for place in part) == list(every)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_two_files_never_have_one_place(tmp_path):
    for name in ("a/x.csv", "a/x", "b/x.csv", "b/.hidden.csv", "b/.git/y.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x\n")
    out = tmp_path / "out"
    assert set(answers_of([str(tmp_path / "b")], out, "csv")) == {out / "x.csv"}
    found = answers_of([str(tmp_path)], out, "tsv")
    assert set(found) == {out / "a" / "x.tsv", out / "a" / "x.csv.tsv", out / "b" / "x.csv.tsv"}
    for sources in (["a"], ["a/x.csv", "b/x.csv"], ["a/*"]):
        with pytest.raises(InputError, match="would both be answered in"):
            answers_of([str(tmp_path / one) for one in sources], out, "csv")
