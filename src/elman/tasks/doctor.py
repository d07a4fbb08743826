"""What is installed here and what will run."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from elman import kernels
from elman.kernels import library
from elman.version import __version__

TESTED_TORCH = "2.13"
EXTRAS = {
    "vega_datasets": "elman demo",
    "pandas": "pandas frames in and out",
    "pyarrow": "pyarrow frames in and out",
    "sacrebleu": "the scores of translations",
    "soundfile": "sounds",
    "pillow": "pictures",
    "av": "clips",
    "optuna": "elman tune",
    "soxr": "sounds at other rates",
    "jiwer": "the scores of what is heard",
    "onnx": "elman export",
    "onnxruntime": "elman export",
    "h5py": "elman import of Keras files",
    "fastapi": "elman serve",
    "uvicorn": "elman serve",
    "websockets": "the streams of elman serve",
}


def examine() -> dict[str, dict[str, Any]]:
    """Versions, machine, the implementation of each cell with its reason, and absent extras with what installs them."""
    packages = {"python": platform.python_version(), "elman": __version__, "torch": torch.__version__}
    for name in ("numpy", "polars", "narwhals", "scikit-learn", "safetensors", "matplotlib"):
        packages[name] = _version(name) or "MISSING"
    machine = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "torch threads": torch.get_num_threads(),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }
    cells = {"native library": library.which()}
    for operation in kernels.OPERATIONS:
        options = kernels.Options(activation="relu" if operation == "indrnn" else "tanh")
        choice = kernels.choose(operation, options=options)
        cells[operation] = f"{choice.implementation}: {choice.reason}"
    extras = {name: _version(name) or f"absent; pip install {name} for {use}" for name, use in EXTRAS.items()}
    return {"packages": packages, "machine": machine, "kernels": cells, "extras": extras}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
