"""The command line of a translator: what programs and people read, and bad input in one sentence."""

import json
import os
import subprocess
import sys

import polars as pl
import pytest

from elman.cli import run

pytest.importorskip("sacrebleu")

QUICK = ["--source", "digits", "--target", "zh", "--steps", "20", "--hidden", "8", "--batch-size", "16", "--quiet"]
DIGITS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    numbers = [str(7919 * at % 10_000) for at in range(60)]
    rows = {"digits": numbers, "zh": ["".join(DIGITS[digit] for digit in number) for number in numbers]}
    pl.DataFrame(rows).write_csv(folder / "pairs.tsv", separator="\t")
    assert run(["fit", "translate", str(folder / "pairs.tsv"), *QUICK, "--out", str(folder / "pairs.elman")]) == 0
    return folder


def test_fit_evaluate_and_refit_print_one_object(here, printed):
    found = json.loads(printed("fit", "translate", "pairs.tsv", *QUICK, "--out", "new.elman", "--json"))
    assert (found["task"], set(found["baselines"])) == ("translate", {"copy", "memory"})
    assert set(found["metrics"]) == {"bleu", "chrf"}
    assert json.loads(printed("evaluate", "new.elman", "pairs.tsv", "--json"))["rows"] == 60
    printed("refit", "pairs.elman", "pairs.tsv", "--out", "again.elman", "-q")
    first, second = ((here / name / "weights.safetensors").read_bytes() for name in ("pairs.elman", "again.elman"))
    assert first == second


def test_predict_a_text_a_file_and_alternatives(here, printed):
    one = json.loads(printed("predict", "pairs.elman", "314", "--json"))["rows"]
    assert [set(row) for row in one] == [{"digits", "zh"}]
    several = json.loads(printed("predict", "pairs.elman", "314", "--best", "3", "--json"))["rows"]
    assert len(several) == 3 and several[0]["zh"] == one[0]["zh"] and "score" in several[0]
    assert printed("predict", "pairs.elman", "pairs.tsv", "--out", "said.tsv") == ""
    assert pl.read_csv("said.tsv", separator="\t").height == 60


def test_a_pipe_of_few_letters_gets_utf_8_or_escapes(here):
    def bytes_of(*arguments, **extra):
        environment = {**os.environ, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", **extra}
        start = [sys.executable, "-c", "from elman.cli import main; main()", *arguments]
        done = subprocess.run(start, cwd=here, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    asked = ("predict", "pairs.elman", "pairs.tsv")
    assert "零" in bytes_of(*asked).decode("utf-8")
    assert "\\u96f6" in bytes_of(*asked, PYTHONIOENCODING="cp1252").decode("cp1252")
    rows = json.loads(bytes_of(*asked, "--json", PYTHONIOENCODING="cp1252"))["rows"]
    assert any("零" in row["zh"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "translate", "pairs.tsv", "--source", "digits", "--target", "fr", "--out", "x"], "has no column 'fr'"),
        (
            ["fit", "translate", "pairs.tsv", "--source", "digits", "--target", "zh", "--beam", "0", "--out", "x"],
            "--beam must be",
        ),
        (["fit", "translate", "pairs.tsv", "--source", "zh"], "fit translate needs --target, which is missing"),
        (["predict", "pairs.elman", "1", "--beam", "0"], "--beam must be at least 1"),
        (["fit", "translate", "none.tsv", "--source", "digits", "--target", "zh"], "none.tsv"),
        (["predict", "pairs.elman", "314", "--best", "0"], "--best must be at least 1"),
        (["predict", "pairs.elman", "314", "--top-k", "3"], "--top-k is for generate models"),
        (["predict", "pairs.elman"], "there is nothing to translate"),
    ],
)
def test_bad_input_is_one_sentence(refused, arguments, said):
    assert said in refused(*arguments)
