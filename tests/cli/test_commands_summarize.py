"""The command line of a summarizer: what programs and people read, and bad input in one sentence."""

import json

import polars as pl
import pytest

from elman.cli import run

QUICK = [
    "--source",
    "document",
    "--target",
    "summary",
    "--steps",
    "20",
    "--hidden",
    "8",
    "--batch-size",
    "16",
    "--quiet",
]
NAMES = [a + b for a in ("mi", "ko", "ra", "tu", "se") for b in ("lan", "dor", "vik", "sum", "pex", "qua", "zed", "fy")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    rows = [(f"title : {name} tool . it is of use to some", f"{name} tool") for name in NAMES]
    pl.DataFrame(rows, schema=["document", "summary"], orient="row").write_csv(folder / "texts.tsv", separator="\t")
    assert run(["fit", "summarize", str(folder / "texts.tsv"), *QUICK, "--out", str(folder / "texts.elman")]) == 0
    return folder


def test_fit_evaluate_and_refit_print_one_object(here, printed):
    found = json.loads(printed("fit", "summarize", "texts.tsv", *QUICK, "--out", "new.elman", "--json"))
    assert (found["task"], set(found["baselines"])) == ("summarize", {"lead", "central"})
    assert set(found["metrics"]) == {"rouge1", "rouge2", "rougeL"}
    assert "Summaries" in (here / "new.elman" / "report.html").read_text()
    fresh = json.loads(printed("evaluate", "new.elman", "texts.tsv", "--json"))
    assert fresh["rows"] == 40
    printed("refit", "texts.elman", "texts.tsv", "--out", "again.elman", "-q")
    first, second = ((here / name / "weights.safetensors").read_bytes() for name in ("texts.elman", "again.elman"))
    assert first == second


def test_predict_a_text_and_a_file(here, printed):
    one = json.loads(printed("predict", "texts.elman", "title : Wumpus tool . of use", "--json"))["rows"]
    assert [row["document"] for row in one] == ["title : Wumpus tool . of use"]
    assert printed("predict", "texts.elman", "texts.tsv", "--out", "short.tsv") == ""
    assert pl.read_csv("short.tsv", separator="\t").columns == ["document", "summary"]


def test_help_names_what_matters(capsys):
    assert run(["fit", "summarize", "--help"]) == 0
    said = "".join(capsys.readouterr())
    for option in ("--source", "--target", "--longest", "--coverage", "--no-repeat", "--beam", "--no-lower"):
        assert option in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--longest", "0"], "--longest must be at least 1"),
        (["--attention", "local"], '"local"'),
        (["--valid-share", "0.95"], "--test-share must be below"),
    ],
)
def test_a_bad_fit_is_refused(refused, arguments, said):
    assert said in refused("fit", "summarize", "texts.tsv", *QUICK, *arguments, "--out", "new.elman")


def test_a_column_that_is_not_there_is_named(refused):
    arguments = ["--source", "document", "--target", "sumary", *QUICK[4:], "--out", "new.elman"]
    assert "has no column 'sumary' (did you mean 'summary'?)" in refused("fit", "summarize", "texts.tsv", *arguments)


def test_a_bad_use_is_refused(refused):
    assert "there is nothing to summarize" in refused("predict", "texts.elman")
    assert "no such file: none.tsv" in refused("predict", "texts.elman", "none.tsv")
    assert "--prompt is for generate models" in refused("predict", "texts.elman", "--prompt", "a")
