"""Keras as the judge of an import, in a process of its own: python -m elman.deploy.imports.keras_peer MODEL X Y."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from elman.deploy.imports.imported import Unchecked

SECONDS = 300


def peer(path: Path) -> Callable[[Tensor], Tensor]:
    """What runs the model of ``path`` in Keras, x and y as in `Layers`. Unchecked where Keras cannot run it."""

    def run(x: Tensor) -> Tensor:
        if find_spec("keras") is None:
            raise Unchecked("Keras is not here: pip install keras, and import again")
        with tempfile.TemporaryDirectory() as folder:
            given, answer = Path(folder, "x.npy"), Path(folder, "y.npy")
            np.save(given, x.transpose(0, 1).numpy())
            # -P: a file keras.py in the working folder must not be taken for Keras.
            command = [
                sys.executable,
                "-P",
                "-m",
                "elman.deploy.imports.keras_peer",
                *map(str, (path.resolve(), given, answer)),
            ]
            environment = {"KERAS_BACKEND": "torch", **os.environ}
            try:
                done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
            except subprocess.TimeoutExpired:
                raise Unchecked(f"Keras took more than {SECONDS} s") from None
            if done.returncode or not answer.is_file():
                last = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
                raise Unchecked(f"Keras cannot run the file here ({last})")
            y = torch.from_numpy(np.load(answer)).float()
        return y.transpose(0, 1) if y.dim() == 3 else y

    return run


def main(model: str, given: str, answer: str) -> None:
    """Run a model that has been read already, and so holds nothing but layers that are known."""
    import keras

    loaded = keras.saving.load_model(model, compile=False, safe_mode=True)
    np.save(answer, keras.ops.convert_to_numpy(loaded(np.load(given), training=False)))


if __name__ == "__main__":
    main(*sys.argv[1:])
