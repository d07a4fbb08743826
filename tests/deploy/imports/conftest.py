"""Keras models, made once by Keras itself in a process of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def keras_folder(tmp_path_factory):
    for name in ("keras", "h5py"):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed, so there are no Keras files to read")
    folder = tmp_path_factory.mktemp("keras")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("make_keras.py")), str(folder)],
        env={**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder
