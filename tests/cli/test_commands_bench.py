"""``elman bench``: one JSON object on stdout, a table and the kernels' name on stderr, refusals before any work."""

import json

import pytest
import torch

from elman.bench import WORKLOADS, Measured, Row
from elman.cli import run
from elman.cli.console import show_times
from elman.kernels import library

TINY = ["bench", "--only", "rnn train, tiny", "--threads", "1", "--seconds", "0.01"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def unmeasured(monkeypatch):
    """Fail when something is measured."""

    def bench(*arguments, **more):
        raise AssertionError("the work began")

    monkeypatch.setattr("elman.bench.bench", bench)


@pytest.fixture
def recorded(monkeypatch):
    """Ready figures in place of a measurement; returns what the command asked for."""
    asked = {}

    def bench(workloads, **more):
        asked.update(more, workloads=list(workloads))
        more["watch"]("1 thread: scan [x]")
        rows = [
            Row("bi-lstm train, lengths 10-100", 1, 3.2, {"torch packed": 12.4, "torch padded": 0.9}, 0.42, 15),
            Row("lstm streaming step, 1 layer", 2, 0.0123, {"torch": 11.5, "onnx runtime": 2.25}, 0.004, 99),
        ]
        return Measured({"library": "avx512 [x]", "limits": {}}, rows, ["gru: left out, [x] is not there"])

    monkeypatch.setattr("elman.bench.bench", bench)
    return asked


def test_a_real_measurement_prints_one_object(here, capsys):
    threads = torch.get_num_threads()
    assert run([*TINY, "--json", "--quiet", "--out", "times.json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert out.count("\n") == 1
    assert err == ""
    assert json.loads((here / "times.json").read_text()) == found
    assert set(found) == {"machine", "rows", "notes"}
    (row,) = found["rows"]
    assert set(row) == {"workload", "threads", "ms", "ratio", "limit_share", "rounds"}
    assert (row["workload"], row["threads"]) == ("rnn train, tiny", 1)
    assert row["ms"] > 0
    assert row["rounds"] >= 15
    assert set(row["ratio"]) == {"torch"}
    assert 0 < row["limit_share"] < 2
    assert found["machine"]["library"] == library.which()
    assert set(found["machine"]["limits"]["1"]) == {"sgemm_gflops", "stream_gbs"}
    assert torch.get_num_threads() == threads


def test_people_get_a_table_and_the_name_of_the_kernels(recorded, capsys):
    assert run(["bench"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "1 thread: scan [x]"
    assert "gru: left out, [x] is not there" in lines
    assert lines[-1] == "Kernels: avx512 [x]"
    cells = {word for line in lines for word in line.split()}
    assert cells >= {"3.20", "12.40x", "0.90x", "42", "0.0123", "11.50x", "2.25x", "runtime", "packed", "threads"}
    assert "less than 1 %" in err
    assert "…" not in err
    assert "\x1b" not in err


def test_quiet_and_json_leave_stderr_empty(recorded, capsys):
    assert run(["bench", "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["notes"] == ["gru: left out, [x] is not there"]
    assert err == ""


def test_what_is_asked_for_is_measured(recorded):
    assert run(["bench", "--only", "lstm train", "scan", "--threads", "1", "--seconds", "2.5"]) == 0
    assert recorded["workloads"] == ["lstm train", "linear scan train"]
    assert recorded["threads"] == (1,)
    assert recorded["seconds"] == 2.5
    assert run(["bench"]) == 0
    assert recorded["workloads"] == list(WORKLOADS)


def test_nothing_measured_is_still_a_table(capsys):
    show_times(Measured({"library": "none"}, [], ["all: left out"]))
    assert capsys.readouterr().err.splitlines()[-3:] == [
        "all: left out",
        "ms: elman's median; 2.00x: the peer takes twice as long; limit: the share of what the machine could do.",
        "Kernels: none",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "transformer"], "there is no workload 'transformer', but rnn train, tiny; gru train, forecasting;"),
        (["--threads", "1", "1.5"], "--threads must be whole numbers from 1 to the "),
        (["--threads", "0"], "here, but holds 0"),
        (["--threads", "100000"], "here, but holds 100000"),
        (["--threads", "nan"], "here, but holds nan"),
        (["--threads", "many"], 'unable to convert "many"'),
        (["--seconds", "0"], "--seconds must be a number above 0, but is 0"),
        (["--seconds", "inf"], "--seconds must be a number above 0, but is inf"),
        (["--seconds", "nan"], "--seconds must be a number above 0, but is nan"),
        (["--out", "there.json"], "there.json exists: give another --out, or --overwrite to replace it"),
        (["--out", "none/times.json"], "there is no directory none to write times.json into"),
        (["--out", ".", "--overwrite"], ". is a folder, but a file is needed: give another --out"),
    ],
)
def test_what_is_refused(here, refused, unmeasured, arguments, said):
    (here / "there.json").write_text("kept")
    assert said in refused("bench", *arguments)


def test_a_file_is_replaced_when_told(here, recorded):
    (here / "there.json").write_text("old")
    assert run(["bench", "--out", "there.json", "--overwrite"]) == 0
    assert json.loads((here / "there.json").read_text())["rows"][0]["threads"] == 1


def test_help(capsys):
    assert run(["bench", "--help"]) == 0
    said = "".join(capsys.readouterr())
    for option in ("--only", "--threads", "--seconds", "--out", "--overwrite", "--json", "--quiet"):
        assert option in said
