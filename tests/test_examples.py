"""The example of the layers runs, on the native library and without it, and says what ran."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "layers.py"


@pytest.mark.parametrize("native", ["", "0"], ids=["as installed", "without the native library"])
def test_the_layers_run(native, tmp_path):
    environment = {**os.environ, "ELMAN_NATIVE": native}
    command = [sys.executable, "-W", "error", str(EXAMPLE)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    assert {row[0] for row in rows} == {"rnn", "lstm", "gru", "slstm", "indrnn", "mingru", "minlstm", "rglru"}
    assert ("ELMAN_NATIVE is 0" in done.stdout) == (native == "0")
