"""elman tune: one object on stdout, a model with its page, trials that outlast the command, refusals with no trace."""

from __future__ import annotations

import json
import sqlite3

import numpy as np
import pytest

from elman.cli import run
from elman.tasks.load import load

pytest.importorskip("optuna")
SMALL = ["--target", "Close", "--horizon", "2", "--lookback", "8", "--hidden", "4", "--steps", "8", "--quiet"]
TUNE = [*SMALL, "--trials", "2", "--folds", "2", "--seeds", "1"]


def table(path, head, lines):
    path.write_text("\n".join([head, *lines]) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(200) / 7) + np.random.default_rng(0).normal(0, 0.5, 200)
    days = [str(np.datetime64("2020-01-01") + at) for at in range(200)]
    table(folder / "prices.csv", "Date,Close", [f"{day},{value:.3f}" for day, value in zip(days, wave, strict=True)])
    lines = [f"{word} day {at},{word},{at % 10}" for word in ("good", "bad") for at in range(40)]
    table(folder / "moods.csv", "text,mood,who", lines)
    return folder


def test_tune_prints_one_object_and_saves_the_best(here, printed):
    out = printed("tune", "forecast", "prices.csv", *TUNE, "--json")
    found = json.loads(out)
    assert out.count("\n") == 1
    assert (found["task"], found["measure"], found["model"]) == ("forecast", "MAE", "prices.elman")
    assert len(found["trials"]) == 2
    assert found["trials"][0]["default"]
    # Settings that were given are not searched.
    assert {one.partition("=")[0] for one in found["space"]} == {"cell", "layers", "learning_rate", "dropout"}
    assert found["evaluation"]["metrics"]["mae"] == pytest.approx(found["tuned"]["seeds"][0])
    assert found["verdict"].endswith(".")
    model = load(here / "prices.elman")
    assert model.config_.cell == found["tuned"]["settings"]["cell"]
    assert json.loads((here / "prices.elman" / "tune.json").read_text())["verdict"] == found["verdict"]
    assert "<svg" in (here / "prices.elman" / "tune.html").read_text()
    assert printed("predict", "prices.elman").startswith("time,forecast")
    # What was said of the search stays with the model when it is saved again.
    model.save(here / "copy.elman")
    assert (here / "copy.elman" / "tune.html").read_text() == (here / "prices.elman" / "tune.html").read_text()


def test_the_same_command_goes_on(here, printed):
    first = json.loads(printed("tune", "forecast", "prices.csv", *TUNE, "--json"))
    more = [*TUNE[:-6], "--trials", "3", "--folds", "2", "--seeds", "1", "--overwrite", "--json"]
    second = json.loads(printed("tune", "forecast", "prices.csv", *more))
    assert [one["score"] for one in second["trials"][:2]] == [one["score"] for one in first["trials"]]
    assert len(second["trials"]) == 3
    assert any("2 of them from before" in note for note in second["notes"])
    with sqlite3.connect(here / "prices.tune.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM trials").fetchone() == (3,)
    connection.close()


def test_two_processes_share_a_storage(here, command, printed):
    storage = ["--storage", "shared.db"]
    joined = command("tune", "forecast", "prices.csv", *TUNE, *storage, "--join", "--json")
    assert joined.returncode == 0, joined.stderr
    assert json.loads(joined.stdout) == {"task": "forecast", "trials": 2, "storage": "shared.db"}
    assert not (here / "prices.elman").exists()
    done = json.loads(printed("tune", "forecast", "prices.csv", *TUNE, *storage, "--json"))
    assert any("2 of them from before" in note for note in done["notes"])


def test_people_read_a_line_a_trial_and_a_table(here, capsys):
    assert run(["tune", "forecast", "prices.csv", *[one for one in TUNE if one != "--quiet"]]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("trial ") >= 2
    assert "(the default)" in err
    assert "judging, seed 0: MAE " in err
    assert "Saved prices.elman: open prices.elman/tune.html; the trials are in prices.tune.db\n" in err
    assert "Experimental" not in err
    assert "[I 20" not in err


def test_compare_and_curve_write_a_page_and_no_model(here, printed):
    found = json.loads(printed("tune", "forecast", "prices.csv", *SMALL, "--compare", "cell", "--folds", "2", "--json"))
    assert {one["value"] for one in found["values"]} == {"rnn", "lstm", "gru"}
    assert found["page"] == "prices.cell.html"
    found = json.loads(printed("tune", "forecast", "prices.csv", *SMALL, "--curve", "--seeds", "1", "--json"))
    assert [point["share"] for point in found["points"]] == [0.125, 0.25, 0.5, 1.0]
    assert sorted(path.name for path in here.iterdir()) == [
        "moods.csv", "prices.cell.html", "prices.csv", "prices.curve.html",
    ]  # fmt: skip
    assert "<svg" in (here / "prices.curve.html").read_text()


def test_labels_are_tuned(here, printed):
    settings = ["--text", "text", "--label", "mood", "--hidden", "4", "--steps", "6", "--together", "who"]
    grid = ["--search", "cell=gru,lstm", "layers=1", "--grid", "--folds", "2", "--seeds", "1"]
    found = json.loads(printed("tune", "classify", "moods.csv", *settings, *grid, "--json", "--quiet"))
    assert (found["measure"], len(found["trials"])) == ("log loss", 2)
    assert {one["settings"]["cell"] for one in found["trials"]} == {"gru", "lstm"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--search", "colour=red,blue"], "'colour' cannot be searched: name one of batch_size"),
        (["--search", "hidden=8..4"], "the range hidden=8..4 does not rise"),
        (["--grid"], "there is nothing to search"),
        (["--trials", "0"], "--trials must be at least 1, but is 0"),
        (["--trials", "2.5"], "--trials must be a whole number, but is 2.5"),
        (["--folds", "1"], "--folds must be at least 2"),
        (["--compare", "cell", "--curve"], "--compare and --curve are two questions"),
        (["--compare", "cell", "--trials", "3"], "--trials is for a search, but --compare makes none: leave it out"),
        (["--curve", "--storage", "a.db"], "--storage is for a search, but --curve makes none"),
        (["--curve", "--folds", "3"], "--folds is for a search or --compare"),
        (["--compare", "hidden"], "hidden has no few values of its own"),
        (["--compare", "cell", "--out", "page.txt"], "page.txt does not end in .html"),
        (["--join"], "to join a search its storage is needed: give --storage"),
        (["--storage", "prices.csv"], "prices.csv is no SQLite file"),
        (["--out", "nowhere/m.elman"], "there is no directory nowhere"),
        (["--test-share", "0"], "nothing is left to judge"),
        (["--together", "Close"], "--together is for rows of a table that have no order"),
        (["--valid-share", "0.9"], "a window needs"),
        (["--pruner", "axe"], "axe"),
    ],
)
def test_what_is_refused(refused, arguments, said):
    assert said in refused("tune", "forecast", "prices.csv", *SMALL, *arguments)


def test_what_cannot_be_tuned_is_refused(refused):
    said = refused("tune", "summarize", "prices.csv", "--source", "a", "--target", "b")
    assert "a summarize model cannot be tuned" in said
    assert "no such file: prizes.csv" in refused("tune", "forecast", "prizes.csv", *SMALL)


def test_without_optuna_the_command_that_installs_it_is_said(refused, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install 'elman[tune]'" in refused("tune", "forecast", "prices.csv", *TUNE)


def test_a_search_that_is_stopped_keeps_its_trials(here, capsys, monkeypatch):
    from elman.tune import job as jobs

    fit, made = jobs.Job.fit, []

    def twice(self, *args, **kwargs):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(1)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(jobs.Job, "fit", twice)
    assert run(["tune", "forecast", "prices.csv", *TUNE]) == 1
    assert "stopped; the trials are kept in prices.tune.db" in capsys.readouterr().err
    assert not (here / "prices.elman").exists()
    monkeypatch.setattr(jobs.Job, "fit", fit)
    assert run(["tune", "forecast", "prices.csv", *TUNE]) == 0


def test_help_tells_the_flags(printed):
    said = printed("tune", "forecast", "--help")
    for flag in ("trials", "minutes", "folds", "search", "grid", "compare", "curve", "storage", "target"):
        assert f"--{flag}" in said
