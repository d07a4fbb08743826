"""The examples run, in a process of their own as a reader would run them, and print what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def printed(example: str, *arguments: str, folder: Path, **environment: str) -> str:
    """What an example prints; warnings are errors."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / example), *arguments]
    own = {**os.environ, **environment}
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("native", ["", "0"], ids=["as installed", "without the native library"])
def test_the_layers_run(native, tmp_path):
    out = printed("layers.py", folder=tmp_path, ELMAN_NATIVE=native)
    rows = [line.split() for line in out.splitlines()[2:]]
    assert {row[0] for row in rows} == {"rnn", "lstm", "gru", "slstm", "indrnn", "mingru", "minlstm", "rglru"}
    assert ("ELMAN_NATIVE is 0" in out) == (native == "0")


def test_the_classifier_tells_the_moods(tmp_path):
    out = printed("classify.py", "60", folder=tmp_path, TMPDIR=str(tmp_path), OMP_NUM_THREADS="1")
    assert "majority" in out and "n-grams" in out
    assert "['negative' 'neutral' 'positive']\n['negative' 'neutral']" in out
    assert list(tmp_path.glob("*/mood.elman/report.html"))


def test_the_generator_goes_on_from_its_prompt(tmp_path):
    out = printed("generate.py", "0.05", folder=tmp_path, OMP_NUM_THREADS="1")
    assert "kneser-ney" in out
    assert len(out.partition("The class ")[2]) >= 300


def test_the_translator_says_numbers(tmp_path):
    out = printed("translate.py", "120", folder=tmp_path, TMPDIR=str(tmp_path), OMP_NUM_THREADS="1")
    assert "memory" in out and "三百一十四" in out and "score" in out
    assert list(tmp_path.glob("*/numbers.elman/report.html"))


def test_the_digits_are_read_painted_and_watched(tmp_path):
    where = {"TMPDIR": str(tmp_path), "ELMAN_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    out = printed("pictures.py", "0.08", folder=tmp_path, **where)
    assert "linear pixels" in out and "neighbours" in out and "the guess over time" in out
    assert list(tmp_path.glob("*/painted.png"))


def test_the_equations_agree_with_autograd(tmp_path):
    out = printed("from_scratch.py", folder=tmp_path)
    differences = [float(line.rpartition(" ")[2]) for line in out.splitlines() if "gradients differ" in line]
    assert len(differences) == 3 and max(differences) < 1e-12
    far = {
        line.split()[0]: float(norms.rpartition(" ")[2])
        for line, norms in zip(*[iter(out.splitlines())] * 2, strict=True)
    }
    assert far["LSTM"] > 100 * far["RNN"] and far["GRU"] > 100 * far["RNN"]


def test_what_the_doctor_advises_helps(tmp_path):
    out = printed("inside.py", folder=tmp_path, OMP_NUM_THREADS="1")
    before, after = (float(line.split()[-1]) for line in out.splitlines() if "mean error" in line)
    assert "problem: The gradient vanishes" in out and "--cell lstm --memory 100" in out
    assert before > 0.4 and after < 0.1


def test_a_stream_goes_on_elsewhere_and_a_thousand_are_stepped(tmp_path):
    out = printed("stream.py", folder=tmp_path, OMP_NUM_THREADS="1")
    assert out.endswith("{'good'} {'bad'}\n")
