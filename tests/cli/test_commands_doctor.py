"""The command that says what is wrong with how a model learnt, and the flag that shows it while it learns."""

import json

import numpy as np
import pytest

from elman import Regressor
from elman.cli import run


def adding(count, steps, seed=0):
    """The adding problem: (N, T, 2) of values and two marks, and the sum of the two values that are marked."""
    rng = np.random.default_rng(seed)
    values, marks, rows = rng.random((count, steps)), np.zeros((count, steps)), np.arange(count)
    marks[rows, rng.integers(0, steps // 2, count)] = 1
    marks[rows, rng.integers(steps // 2, steps, count)] = 1
    return np.stack([values, marks], -1).astype(np.float32), (values * marks).sum(1)


def adder(**settings):
    plain = {"hidden": 16, "steps": 15, "batch_size": 16, "bidirectional": False, "pool": "last", "blend": False}
    return Regressor(**(plain | settings)).fit(*adding(64, 120), test=adding(32, 120, 1))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    adder(cell="rnn").save(folder / "faint.elman")
    adder(cell="lstm", memory=120).save(folder / "sound.elman")
    rows = "".join(f"{day},{day % 7}\n" for day in range(120))
    (folder / "sales.csv").write_text("day,units\n" + rows)
    return folder


def test_it_names_the_cause_and_the_flags_that_mend_it(here, printed, capsys):
    found = json.loads(printed("doctor", "faint.elman", "--json"))
    assert found["findings"][0]["kind"] == "problem"
    assert found["findings"][0]["settings"] == {"cell": "lstm", "memory": 120}
    assert found["inside"][0]["verdict"] == "vanishing"
    assert run(["doctor", "faint.elman"]) == 0
    out, err = capsys.readouterr()
    told = " ".join(err.split())
    assert out == "" and "problem The gradient vanishes in the layer" in told and "--cell lstm --memory 120" in told


def test_a_sound_model_is_called_sound(here, printed):
    found = json.loads(printed("doctor", "sound.elman", "--json"))
    assert "problem" not in {one["kind"] for one in found["findings"]}
    assert found["inside"][0]["verdict"] == "healthy"


def test_the_report_shows_it(here):
    page = (here / "faint.elman" / "report.html").read_text()
    assert "Gradients through time" in page and "The gradient vanishes in the layer" in page


def test_without_a_record_there_is_nothing_to_say(here, refused):
    model = Regressor.load("faint.elman")
    model.carried = {}
    model.save(here / "bare.elman")
    assert "no record of its training" in refused("doctor", "bare.elman")
    assert "no model at" in refused("doctor", "absent.elman")


def test_fit_shows_it_while_it_learns(here, capsys):
    fit = ("fit", "forecast", "sales.csv", "--target", "units", "--steps", "12", "--hidden", "8")
    assert run([*fit, "--watch"]) == 0
    assert "encoder  " in capsys.readouterr().err
    assert run([*fit, "--overwrite"]) == 0
    assert "encoder  " not in capsys.readouterr().err


def test_memory_wants_gates(refused):
    fit = ("fit", "forecast", "sales.csv", "--target", "units", "--memory")
    assert "--memory must be left out for --cell rnn" in refused(*fit, "50", "--cell", "rnn")
    assert "--memory must be at least 2" in refused(*fit, "1")
