"""From Keras files, without Keras: a .keras archive or a whole model in .h5, of a plain chain of layers."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from elman.deploy.imports import hdf5, keras_layers
from elman.deploy.imports.imported import Imported, readable
from elman.deploy.imports.keras_peer import peer
from elman.errors import InputError
from elman.tasks import store

MEMBERS = {"config.json": 16 << 20, "metadata.json": 1 << 20, "model.weights.h5": 2 << 30}  # bytes that are read
# (layer, place inside it, number of the weight there, shape) to the weight; a place is as .keras files name it.
Weights = Callable[[dict[str, Any], str, int, Sequence[int | None]], Tensor]
# Where the objects of Keras itself live, of which a saved model is made.
HOMES = re.compile(r"keras(\.(layers|initializers|regularizers|constraints|dtype_policies|models))?|keras\.src\.[\w.]+")


def read_keras(path: Path) -> Imported:
    """A .keras archive. Raises InputError for what it does not hold, or what would run code."""
    with readable(path.name, "a .keras file"):
        with zipfile.ZipFile(path) as archive:
            config, raw = (_member(archive, name, path.name) for name in ("config.json", "model.weights.h5"))
        model = store.parse_json(config, f"config.json of {path.name}")
        hdf5.check_ends(raw, path.name)
        with hdf5.h5py().File(io.BytesIO(raw), "r") as root:
            return _imported(path, model, lambda entries: _by_class(root, entries, path.name))


def read_h5(path: Path) -> Imported:
    """A whole model in HDF5, as Keras 1 to 3 write it. Raises as `read_keras` does."""
    raw = path.read_bytes()
    hdf5.check_ends(raw, path.name)
    with readable(path.name, "a Keras model in HDF5"), hdf5.h5py().File(io.BytesIO(raw), "r") as root:
        model = store.parse_json(hdf5.text(root, "model_config", path.name), f"model_config of {path.name}")
        return _imported(path, model, lambda entries: _by_name(root, path.name))


def _member(archive: zipfile.ZipFile, name: str, file: str) -> bytes:
    """One member, read into memory; its size is looked at before, and its bytes are counted."""
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) != 1:
        raise InputError(f"{file} holds {name} {len(found)} times, but once is needed: save the model as .keras again")
    (info,) = found
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > MEMBERS[name]:
        raise InputError(
            f"{name} of {file} is packed, or larger than {MEMBERS[name]:,} bytes, as Keras does not write it: "
            "save it again"
        )
    with archive.open(info) as member:
        return member.read(MEMBERS[name])


def _imported(path: Path, model: Any, weights_of: Callable[[list[dict[str, Any]]], Weights]) -> Imported:
    _harmless(model, path.name)
    entries = _entries(model, path.name)
    chain, shape = keras_layers.chain_of(_in_order(model, entries, path.name), weights_of(entries), path.name)
    rows, steps = ([*shape, None, None][at] for at in (0, 1))
    return Imported(
        chain.layers(path.name), f"Keras {model['class_name']}", "Keras", peer(path), steps=steps, rows=rows
    )


def _harmless(model: Any, file: str) -> None:
    """Raise InputError for an object that is not Keras's own: what makes it would be code of somebody else."""
    pending = [model.get("config") if isinstance(model, dict) else model]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            name, home = value.get("class_name"), value.get("module")
            foreign = isinstance(home, str) and not HOMES.fullmatch(home)
            custom = isinstance(name, str) and (name.startswith("__lambda") or name in ("function", "Lambda"))
            if foreign or custom or (isinstance(value.get("registered_name"), str) and ">" in value["registered_name"]):
                raise InputError(
                    f"{file} holds {name!r}{f' of the module {home!r}' if foreign else ''}, which is code of its "
                    f"own and is not run: {keras_layers.KNOWN} can be imported"
                )
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _entries(model: Any, file: str) -> list[dict[str, Any]]:
    """The layers' entries as they are saved. Raises InputError for no Sequential or Functional model."""
    kind = model.get("class_name") if isinstance(model, dict) else None
    if kind not in ("Sequential", "Functional", "Model"):
        raise InputError(
            f"{file} holds a {kind} model, but a Sequential or Functional one is needed: rebuild it as such"
        )
    config = model.get("config")
    entries = config.get("layers") if isinstance(config, dict) else config  # before Keras 2.3 a list alone
    if not isinstance(entries, list) or not all(
        isinstance(one, dict) and isinstance(one.get("config"), dict) and isinstance(one.get("class_name"), str)
        for one in entries
    ):
        raise InputError(f"{file} does not list its layers: save the whole model again")
    return entries


def _in_order(model: dict[str, Any], entries: list[dict[str, Any]], file: str) -> list[dict[str, Any]]:
    """The entries as data passes them. Raises InputError for a Functional model that branches.

    Where an embedding masks, the graph has the comparison with 0 beside the chain; the embedding itself knows it.
    """
    if model["class_name"] == "Sequential":
        return entries
    named = {entry["config"].get("name"): entry for entry in entries}
    config = model["config"]
    if any(len(_histories(config.get(end))) != 1 for end in ("input_layers", "output_layers")):
        raise InputError(f"{file} has several inputs or outputs, but one of each is needed: save the chain alone")
    order: list[dict[str, Any]] = []
    passed: set[int] = set()
    here = _histories(config["output_layers"])
    while here:
        entry = named.get(here[0])
        if entry is None or id(entry) in passed:
            raise InputError(f"{file} does not say how its layers follow each other: save the whole model again")
        order.append(entry)
        passed.add(id(entry))
        calls = entry.get("inbound_nodes") or []
        if len(calls) > 1:
            raise InputError(f"the layer {here[0]} of {file} is used {len(calls)} times, but once is possible")
        call = calls[0] if calls else []
        here = _histories(call.get("args") if isinstance(call, dict) else call)
        if len(here) > 1:
            raise InputError(
                f"the layer {entry['config'].get('name')} of {file} reads {' and '.join(here)}, but one is possible"
            )
    order.reverse()
    beside = [entry for entry in entries if id(entry) not in passed]
    rest = [entry["config"].get("name") for entry in beside if entry["class_name"] != "NotEqual"]
    if rest or (beside and not any(entry["config"].get("mask_zero") for entry in order)):
        raise InputError(f"{file} branches at {(rest or ['not_equal'])[0]}, but a plain chain of layers is needed")
    return order


def _histories(value: Any) -> list[str]:
    """The names of the layers that a call or an end refers to: [name, 0, 0, ...] or the history of a Keras tensor."""
    if isinstance(value, dict):
        return (
            _histories(value.get("config", {}).get("keras_history"))
            if value.get("class_name") == "__keras_tensor__"
            else []
        )
    if not isinstance(value, list):
        return []
    if value and isinstance(value[0], str):
        return [value[0]]
    return [name for one in value for name in _histories(one)]


def _by_class(root: Any, entries: list[dict[str, Any]], file: str) -> Weights:
    """Archives name a layer by its class, with a number from the second on."""
    places: dict[int, str] = {}
    count: dict[str, int] = {}
    for entry in entries:
        name = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", entry["class_name"])).lower()
        places[id(entry)] = f"layers/{name}_{count[name]}" if name in count else f"layers/{name}"
        count[name] = count.get(name, 0) + 1

    def weights(entry: dict[str, Any], place: str, number: int, shape: Sequence[int | None]) -> Tensor:
        where = "/".join(filter(None, (places[id(entry)], place, "vars", str(number))))
        return hdf5.weight(root, where, shape, file)

    return weights


def _by_name(root: Any, file: str) -> Weights:
    """Older files name a layer by its own name, and list its weights in the order in which they are asked for."""
    left: dict[str, list[str]] = {}

    def weights(entry: dict[str, Any], place: str, number: int, shape: Sequence[int | None]) -> Tensor:
        layer = f"model_weights/{entry['config'].get('name')}"
        if layer not in left:
            left[layer] = hdf5.names(hdf5.group(root, layer, file), "weight_names", file)
        if not left[layer]:
            raise InputError(f"{layer} of {file} has too few weights: save the whole model again")
        return hdf5.weight(root, f"{layer}/{left[layer].pop(0)}", shape, file)

    return weights
