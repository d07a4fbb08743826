"""Each parser under a fuzzer for a minute (ELMAN_FUZZ_SECONDS: another time): no input breaks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = int(os.environ.get("ELMAN_FUZZ_SECONDS", "60"))
TARGETS = (
    *("csv", "jsonl", "times", "text", "vectors", "vocabulary", "toml", "json", "state", "steps", "wav", "png", "npz"),
    *("onnx", "config.json", "encoders.json", "kept.safetensors", "weights.safetensors"),
)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_no_input_breaks_it(target, tmp_path):
    pytest.importorskip("atheris", reason="atheris is not installed, so nothing is fuzzed: pip install atheris")
    page = Path(__file__).with_name("fuzz.py")
    command = [sys.executable, str(page), target, str(tmp_path), f"-max_total_time={SECONDS}", "-print_final_stats=1"]
    own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(
        command, env={**os.environ, **own}, capture_output=True, text=True, errors="replace", timeout=SECONDS + 240
    )
    assert done.returncode == 0, f"{target}: {done.stdout[-1000:]}\n{done.stderr[-4000:]}"
    tried = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    assert int(tried[0].split()[-1]) > 100
