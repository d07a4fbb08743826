"""The command line: one JSON object on stdout, words on stderr, 0 / 1 / 2, and nothing left behind after a refusal."""

import gc
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from elman.cli import main, run
from elman.errors import ElmanError
from elman.tasks.forecast import Forecaster

FIT = ["--target", "Close", "--horizon", "3", "--steps", "20", "--hidden", "4", "--lookback", "10", "--quiet"]
KEYS = {"task", "metrics", "baselines", "skill", "verdict", "rows", "seconds", "good", "notes"}


def rows(count=200, **changed):
    """Lines of a CSV of daily prices; a keyword such as row42 replaces that row's value."""
    wave = 50 + 10 * np.sin(2 * np.pi * np.arange(count) / 7) + np.random.default_rng(0).normal(0, 0.5, count)
    values = [changed.get(f"row{at}", f"{value:.3f}") for at, value in enumerate(wave, 1)]
    return [f"{date(2020, 1, 1) + timedelta(at)},{value}" for at, value in enumerate(values)]


def table(path, lines, head="Date,Close"):
    path.write_text("\n".join([head, *lines]) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with prices.csv and a model of it."""
    folder = tmp_path_factory.mktemp("made")
    table(folder / "prices.csv", rows())
    assert run(["fit", "forecast", str(folder / "prices.csv"), *FIT, "--out", str(folder / "prices.elman")]) == 0
    return folder


# What a program reads.


def test_fit_prints_one_object(here, printed):
    found = json.loads(printed("fit", "forecast", "prices.csv", *FIT, "--out", "new.elman", "--json"))
    assert set(found) == KEYS | {"model"}
    assert found["model"] == "new.elman"
    assert (here / "new.elman" / "report.html").is_file()


def test_fit_in_chinese_from_changed_windows(here, printed):
    asked = ["--lang", "zh", "--augment", "jitter", "warp", "--out", "new.elman"]
    printed("fit", "forecast", "prices.csv", *FIT, *asked)
    config = json.loads((here / "new.elman" / "config.json").read_text())["config"]
    assert config["lang"] == "zh" and config["augment"] == ["jitter", "warp"]
    page = (here / "new.elman" / "report.html").read_text("utf-8")
    assert '<html lang="zh-CN">' in page and "预测 Close：未来 3 步" in page
    printed("refit", "new.elman", "prices.csv", "--out", "again.elman", "--quiet")
    weights = [(here / name / "weights.safetensors").read_bytes() for name in ("new.elman", "again.elman")]
    assert weights[0] == weights[1]


def test_evaluate_prints_one_object(here, printed):
    for arguments in (["prices.elman"], ["prices.elman", "prices.csv"]):
        out = printed("evaluate", *arguments, "--json")
        found = json.loads(out)
        assert out.count("\n") == 1
        assert set(found) == KEYS
        assert found["task"] == "forecast"
        assert set(found["metrics"]) >= {"mae", "rmse", "smape", "mase", "coverage_80", "coverage_95"}
        assert set(found["baselines"]) == {"naive", "drift", "seasonal_naive"}
        assert isinstance(found["rows"], int)
        assert found["verdict"].endswith(".")
    assert printed("evaluate", "prices.elman") == ""


def test_predict_prints_one_object_or_a_table(here, printed):
    found = json.loads(printed("predict", "prices.elman", "--json"))
    assert [row["time"] for row in found["rows"]] == [f"2020-07-{day}T00:00:00" for day in (19, 20, 21)]
    assert set(found["rows"][0]) == {"time", "forecast", "lower", "upper", "lower_80", "upper_80"}
    lines = printed("predict", "prices.elman", "prices.csv").splitlines()
    assert lines[0] == "time,forecast,lower,upper,lower_80,upper_80"
    assert float(lines[1].split(",")[1]) == pytest.approx(found["rows"][0]["forecast"])


@pytest.mark.parametrize("name", ["next.csv", "next.tsv", "next.parquet", "next.jsonl"])
def test_predict_writes_a_file(here, printed, name):
    import polars as pl

    assert printed("predict", "prices.elman", "--out", name) == ""
    read = {
        ".csv": pl.read_csv,
        ".tsv": lambda path: pl.read_csv(path, separator="\t"),
        ".parquet": pl.read_parquet,
        ".jsonl": pl.read_ndjson,
    }[Path(name).suffix]
    assert read(name)["forecast"].to_list() == pytest.approx(Forecaster.load("prices.elman").predict()["forecast"])


def test_doctor_prints_one_object_or_lines(printed, capsys):
    found = json.loads(printed("doctor", "--json"))
    assert set(found) == {"packages", "machine", "kernels", "extras"}
    assert found["packages"]["torch"] == torch.__version__
    assert run(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    for name, said in found["kernels"].items():
        assert f"  {name}: {said}\n" in err


def test_a_skill_without_bound_is_null(here, printed):
    table(here / "still.csv", rows(**{f"row{at}": "50" for at in range(120, 201)}))
    found = json.loads(printed("fit", "forecast", "still.csv", *FIT, "--json"))
    assert found["skill"] is None
    assert json.loads(printed("evaluate", "still.elman", "--json"))["good"] is False


# What people read.


def test_words_for_people_are_not_cut(here, capsys):
    assert run(["evaluate", "prices.elman"]) == 0
    err = capsys.readouterr().err
    found = Forecaster.load("prices.elman").evaluate()
    for sentence in (*found.notes, found.verdict):
        assert f"{sentence}\n" in err
    assert "…" not in err
    assert "seasonal naive" in err
    assert "\x1b" not in err


def test_fit_says_where_the_model_is(here, capsys):
    assert run(["fit", "forecast", "prices.csv", *FIT[:-1], "--overwrite"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "step 20/20  loss " in err
    assert "Saved prices.elman: open prices.elman/report.html, or\n" in err
    assert "elman predict prices.elman" in err


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["fit", "forecast", "--help"], ["--version"]])
def test_help_and_version(arguments, capsys):
    assert run(arguments) == 0
    said, err = capsys.readouterr()
    assert err == ""
    assert ("elman" in said) or said.strip()[0].isdigit()
    if arguments[-1] == "--help" and len(arguments) == 3:
        for option in ("--target", "--horizon", "--minutes", "--learning-rate", "--out", "--json"):
            assert option in said


# Settings from a file.

CONFIG = (
    "# a fit\ntarget = ['Close']\nhorizon = 3\nlookback = 10\nsteps = 20\nhidden = 4\nresidual = false\nknown = []\n"
)


@pytest.mark.parametrize("form", [["--config", "fit.toml"], ["--config=fit.toml"]])
def test_settings_come_from_a_file_and_flags_win(here, printed, form):
    (here / "fit.toml").write_text(CONFIG)
    for at, (flags, horizon, residual) in enumerate(
        [([], 3, False), (["--horizon", "2"], 2, False), (["--horizon=2", "--residual"], 2, True)]
    ):
        printed("fit", "forecast", "prices.csv", *form, *flags, "-q", "--out", f"{at}.elman")
        config = Forecaster.load(f"{at}.elman").config_
        assert (config.horizon, config.residual, config.hidden, config.known) == (horizon, residual, 4, ())


def test_a_file_can_say_yes_and_a_flag_no(here, printed):
    (here / "fit.toml").write_text(CONFIG.replace("false", "true"))
    for flags, residual in ([], True), (["--no-residual"], False):
        printed("fit", "forecast", "prices.csv", "--config", "fit.toml", *flags, "-q", "--overwrite")
        assert Forecaster.load("prices.elman").config_.residual is residual


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no file fit.toml for --config"),
        (b"target = \n", "fit.toml is not readable as TOML"),
        (b"\xff\xfe", "fit.toml is not readable as TOML"),
        (b"steps = " + b"9" * 5000, "fit.toml is not readable as TOML"),
        (b"target = 'Close'\nhorizn = 3\n", "Unknown option: --horizn"),
        (b"target = 'Close'\nhorizon = -3\n", "--horizon must be a whole number, at least 1, but is -3"),
        (b"target = 'Close'\nsteps = 'many'\n", 'unable to convert "many" into int'),
    ],
)
def test_a_bad_settings_file(here, refused, text, said):
    if text is not None:
        (here / "fit.toml").write_bytes(text)
    assert said in refused("fit", "forecast", "prices.csv", "--config", "fit.toml")


def test_a_settings_file_that_is_none(here, refused):
    assert "cannot read" in refused("fit", "forecast", "prices.csv", "--config", here)
    assert "needs the name of a TOML file" in refused("fit", "forecast", "prices.csv", "--config")


# What is refused.

TABLES = {
    "empty": (b"", "is empty: a header and rows are needed"),
    "header only": (b"Date,Close\n", "holds a header but no rows"),
    "binary": (bytes(range(256)) * 8, "NUL byte at position 0"),
    "text": (rows(row42="oops"), "column 'Close' of bad.csv must hold numbers, but row 42 (line 43) holds 'oops'"),
    "infinite": (rows(row42="inf"), "must hold finite numbers, but row 42 (line 43) holds 'inf'"),
    "all missing": (rows(**{f"row{at}": "" for at in range(1, 201)}), "target 'Close' holds no value"),
    "constant": (rows(**{f"row{at}": "5" for at in range(1, 201)}), "target 'Close' is always 5"),
    "too few rows": (rows(12), "give more rows, or a smaller --horizon or --lookback"),
    "duplicate times": ([*rows(), rows()[-1]], "choose --duplicates mean, first or last"),
    "no time": ([*rows(), ",5"], "201 (line 202) holds none"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_bad_table_is_refused(here, refused, name):
    lines, said = TABLES[name]
    if isinstance(lines, bytes):
        (here / "bad.csv").write_bytes(lines)
    else:
        table(here / "bad.csv", lines)
    assert said in refused("fit", "forecast", "bad.csv", *FIT, "--out", "new.elman")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.csv"], "no such file: none.csv"),
        (["price.csv"], "did you mean prices.csv?"),
        (["."], "is a folder, but a file is needed"),
        (["prices.csv", "--target", "Clsoe"], "has no column 'Clsoe' (did you mean 'Close'?)"),
        (["prices.csv", "--horizon", "-3"], "--horizon must be a whole number, at least 1, but is -3"),
        (["prices.csv", "--horizon", "much"], 'unable to convert "much" into int'),
        (["prices.csv", "--cell", "mamba"], '"mamba"'),
        (["prices.csv", "--horizn", "3"], "Unknown option: --horizn. Did you mean --horizon?"),
        (["prices.csv", "--minutes", "1"], "--steps must be left out when --minutes is given"),
        (["prices.csv", "--valid-share", "0.6", "--test-share", "0.6"], "valid + test < 1"),
        (["prices.csv", "--test", "none.csv"], "no such file: none.csv"),
        (["prices.csv", "--out", "prices.elman"], "already holds a model: give another --out, or --overwrite"),
        (["prices.csv", "--out", "prices.csv"], "is a file or a link"),
        (["prices.csv", "--out", "."], "already holds files that are no elman model"),
        (["prices.csv", "--out", "no/such/place.elman"], "there is no directory no/such to write place.elman into"),
        (["prices.csv", "--out", "prices.csv/new.elman"], "there is no directory prices.csv"),
    ],
)
def test_a_bad_fit_is_refused(refused, arguments, said):
    chosen = {name: value for name, value in zip(FIT[:-1:2], FIT[1:-1:2], strict=True) if name not in arguments}
    others = [token for pair in chosen.items() for token in pair]
    out = [] if "--out" in arguments else ["--out", "new.elman"]
    assert said in refused("fit", "forecast", *arguments, *others, *out, "-q")


def test_a_place_that_cannot_be_written(here, refused, monkeypatch):
    (here / "closed").mkdir()
    (here / "closed" / "note").write_text("x")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed" and access(path, mode))
    said = refused("fit", "forecast", "prices.csv", *FIT, "--out", "closed/new.elman")
    assert "closed is not writable: give another --out" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fitt"], 'Unknown command "fitt". Did you mean "fit"?'),
        (["fit", "forcast", "prices.csv"], "forecast"),
        (["fit", "forecast", "prices.csv"], "--target"),
        (["fit", "forecast", "--target", "Close"], "FILE"),
        (["evaluate"], "MODEL"),
        (["evaluate", "none.elman"], "there is no model at none.elman"),
        (["predict", "prices.csv"], "is not a saved model"),
        (["predict", "prices.elman", "none.csv"], "no such file: none.csv"),
        (["predict", "prices.elman", "other.csv"], "has no column 'Close'"),
        (["evaluate", "prices.elman", "other.csv"], "has no column 'Close'"),
        (["predict", "prices.elman", "few.csv"], "but the model reads 10: give more rows"),
        (["evaluate", "prices.elman", "few.csv"], "there is no window to judge"),
        (["predict", "prices.elman", "--out", "no/next.csv"], "there is no directory no to write next.csv into"),
        (["refit", "prices.elman", "prices.csv", "--out", "prices.elman"], "already holds a model"),
        (["refit", "none.elman", "prices.csv", "--out", "new.elman"], "there is no model at none.elman"),
    ],
)
def test_a_bad_command_is_refused(here, refused, arguments, said):
    table(here / "other.csv", rows(), head="Date,Open")
    table(here / "few.csv", rows(9))
    assert said.lower() in refused(*arguments).lower()


@pytest.mark.parametrize("arguments", [["predict"], ["evaluate"], ["evaluate", "--json"]])
def test_a_damaged_model_is_refused(here, refused, arguments):
    path = here / "prices.elman" / "weights.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    said = refused(arguments[0], "prices.elman", *arguments[1:])
    assert "weights.safetensors of prices.elman is not as it was saved" in said


def test_what_fails_under_way_is_1(refused, monkeypatch):
    def fails(self, *arguments, **options):
        raise ElmanError("the gradient was not finite: lower --learning-rate")

    monkeypatch.setattr(Forecaster, "fit", fails)
    said = refused("fit", "forecast", "prices.csv", *FIT, "--out", "new.elman", code=1)
    assert "lower --learning-rate" in said


def test_an_interrupt_writes_nothing(refused, monkeypatch):
    def stopped(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Forecaster, "fit", stopped)
    said = refused("fit", "forecast", "prices.csv", *FIT, "--out", "new.elman", code=1)
    assert "stopped; nothing was written" in said


def test_a_full_disk_is_1_and_leaves_nothing(refused, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = refused("fit", "forecast", "prices.csv", *FIT, "--out", "new.elman", code=1)
    assert said == "elman: No space left on device\n"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_full_memory_is_1_and_said_in_a_sentence(refused, monkeypatch, error):
    def full(self, *arguments, **options):
        raise error

    monkeypatch.setattr(Forecaster, "fit", full)
    said = refused("fit", "forecast", "prices.csv", *FIT, "--out", "new.elman", code=1)
    assert said.startswith("elman: there is not enough memory: give")


# From beginning to end.


def test_refit_repeats_a_timed_fit(here, printed):
    timed = [*FIT[:4], "--minutes", "0.03", "--hidden", "4", "--batch-size", "16", "-q"]
    printed("fit", "forecast", "prices.csv", *timed, "--out", "timed.elman")
    printed("refit", "timed.elman", "prices.csv", "--out", "again.elman", "-q")
    first, second = ((here / name / "weights.safetensors").read_bytes() for name in ("timed.elman", "again.elman"))
    assert first == second


def test_demo_runs_from_the_package_alone(here, printed):
    pytest.importorskip("vega_datasets")
    found = json.loads(printed("demo", "--minutes", "0.05", "--out", "demo", "--json", "--quiet"))
    assert found["model"] == "demo"
    assert set(found["baselines"]) >= {"naive", "drift"}


def test_the_real_command(command):
    done = command("predict", "prices.elman", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["rows"]) == 3
    failed = command("fit", "forecast", "none.csv", "--target", "Close")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "elman: no such file: none.csv; check the name and the folder\n"


def test_a_reader_that_goes_away_is_no_traceback(here):
    script = f"{sys.executable} -c 'from elman.cli import main; main()' predict prices.elman prices.csv | true"
    done = subprocess.run(["sh", "-c", script], cwd=here, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""


def test_a_fraction_is_no_horizon(refused):
    said = refused("fit", "forecast", "prices.csv", "--target", "Close", "--horizon", "3.7")
    assert "--horizon must be a whole number, but is 3.7" in said
    assert "--horizon" in refused("fit", "forecast", "prices.csv", "--target", "Close", "--horizon=2.5")


def test_predict_replaces_no_file_unasked_and_writes_no_unknown_kind(here, refused):
    assert "prices.csv exists" in refused("predict", "prices.elman", "--out", "prices.csv")
    assert "ends in '.xlsx'" in refused("predict", "prices.elman", "--out", "next.xlsx")
    assert run(["predict", "prices.elman", "--out", "prices.csv", "--overwrite"]) == 0
    assert (here / "prices.csv").read_text().startswith("time,forecast")


def test_a_process_ends_without_a_search_for_cycles(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["elman", "--version"])
    before = gc.get_freeze_count()
    try:
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
