"""Bare layers as a saved model: what was imported, with no task, no encoders and no report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.errors import InputError
from elman.nn.layers import Layers
from elman.tasks import store

NAME = "layers"  # what stands in the place of a task


def save(layers: Layers, path: str | Path, *, source: Mapping[str, Any] | None = None, overwrite: bool = False) -> None:
    """Write the layers as the directory ``path``, with where they came from; `elman.load` reads it.

    Raises InputError where it cannot be written, as `store.write` does.
    """
    head = {"task": NAME, "layers": layers.to_json(), "source": dict(source or {})}
    files = {"config.json": store.dump_json(head), "weights.safetensors": store.dump(layers.state_dict())}
    store.write(Path(path), files, overwrite=overwrite)


def restored(files: Mapping[str, bytes], path: str | Path) -> Layers:
    """The layers that were saved as these files, in evaluation. Raises InputError where they do not fit together."""
    if "weights.safetensors" not in files:
        raise InputError(f"the model {path} lacks weights.safetensors: use the model as it was saved")
    head = store.parse_json(files["config.json"], "config.json")
    weights = store.tensors(files["weights.safetensors"], "weights.safetensors")
    try:
        described = head["layers"]
        if not isinstance(described, list):
            raise ValueError(f"layers is {type(described).__name__}, but a list is needed")
        return Layers.of(described, weights)
    except (KeyError, ValueError) as error:
        raise InputError(f"the model {path} does not fit together ({error}): use the model as it was saved") from None
