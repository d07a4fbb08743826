"""Files that were damaged or made to do harm: how many are tried, and how many are met as they should be.

python benchmarks/hostile_files.py prints a line a kind of harm as JSON: ``held`` of so many ``tried``, and what was
``lost``. It uses the tests' own pages, and takes some minutes.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))


def harmed_model(folder: Path, flips: int, truncations: int, seed: int) -> list[dict[str, Any]]:
    """Bits flipped in a saved model, and ends cut off it: each is to be refused."""
    from elman.tasks.load import load
    from harmed import harm
    from tiny_models import forecast

    model, _ = forecast(folder)
    path = model.save(folder / "model")
    found = [("a model with a bit flipped", harm(path, load, flips, 0, seed))]
    found.append(("a model cut short", harm(path, load, 0, truncations, seed)))
    return [{"name": name, "tried": one.tried, "held": one.refused, "lost": one.wrong} for name, one in found]


def harmed_checkpoint(folder: Path, flips: int, truncations: int, seed: int) -> list[dict[str, Any]]:
    """The same of what is kept of an unfinished fit, as it lies on disk."""
    import torch
    from safetensors.torch import save

    from elman.tasks import checkpoints, store
    from harmed import harm

    path = folder / "000000120"
    state = save({"weight": torch.randn(8, 8), "step": torch.arange(3)})
    store.put(path, {checkpoints.RUN: store.dump_json({"step": 120}), checkpoints.STATE: state})

    def read(place: Path) -> Any:
        return store.read(place, checkpoints.LARGEST)

    found = [("a checkpoint with a bit flipped", harm(path, read, flips, 0, seed))]
    found.append(("a checkpoint cut short", harm(path, read, 0, truncations, seed)))
    return [{"name": name, "tried": one.tried, "held": one.refused, "lost": one.wrong} for name, one in found]


def strange_models(folder: Path, count: int, seed: int) -> list[dict[str, Any]]:
    """Models of every kind, something in them changed and signed again: refused, or a bad model and no more."""
    import subprocess

    import strangers

    command = [sys.executable, strangers.__file__, str(folder), str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    held = sum(number for said, number in found["found"].items() if said in strangers.GOOD)
    lost = [*found["bad"], *(f"it ran {one}" for one in found["ran"])]
    slowest = {"slowest_seconds": found["slowest"]}
    return [{"name": "a stranger's model", "tried": count, "held": held, "lost": lost, **found["found"], **slowest}]


def mutated_files(folder: Path, count: int, seed: int) -> list[dict[str, Any]]:
    """Files of every kind that users hand over, mutated: read, or refused in a sentence."""
    import mutated

    found = mutated.main(folder, count, seed)
    told, lost = found["found"], found["lost"]
    kinds = Counter(one.split()[0] for one in lost)
    line = {
        "name": "a mutated file",
        "tried": count,
        "held": told.get("refused", 0) + told.get("read", 0),
        "lost": lost,
    }
    more = {"refused": told.get("refused", 0), "read": told.get("read", 0), "lost_by_kind": dict(kinds)}
    return [line | more | {"kinds": len(found["kinds"]), "slowest_seconds": found["slowest"]}]


def lines(
    seed: int = 0, *, flips: int = 1000, truncations: int = 1000, strangers: int = 1000, files: int = 5000
) -> list[dict]:
    """The figures of everything, a dictionary a line: ``name``, ``tried``, ``held``, ``lost`` and what else is told."""
    found = []
    for of, counts in (
        (harmed_checkpoint, (flips, truncations)),
        (harmed_model, (flips, truncations)),
        (strange_models, (strangers,)),
        (mutated_files, (files,)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            found += of(Path(folder), *counts, seed)
    return found


if __name__ == "__main__":
    print(json.dumps(lines(), indent=1))
