"""Which reader a file is for, told by its name and its first bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path

from elman.deploy.imports.imported import Imported, readable
from elman.deploy.imports.keras import read_h5, read_keras
from elman.deploy.imports.onnx import read_onnx
from elman.deploy.imports.torch_weights import Kind, read_weights
from elman.errors import InputError
from elman.nn.layers import Layers

LARGEST = 2 << 30  # bytes of a file
NEED = "a .keras, .h5, .onnx or .safetensors file is needed"
PICKLED = (
    "{} is a pickle, which can run any code when it is loaded, so it is not opened: where you trust it, make one of "
    'its state_dict in Python, "from safetensors.torch import save_file" and '
    "\"save_file(torch.load('{}', weights_only=True), '{}.safetensors')\", and import that"
)
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin")


def read(path: str | Path, *, cell: Kind | None = None, prefix: str | None = None, check: bool = True) -> Layers:
    """The layers of a file, in evaluation, their outputs compared with the original's where its library is installed.

    ``cell`` and ``prefix`` are for .safetensors, see `read_weights`.
    Raises InputError for what cannot be read or has no counterpart, MissingDependency without the library that parses
    it (h5py, onnx), ElmanError where outputs differ.
    """
    imported = open_file(path, cell=cell, prefix=prefix)
    if check:
        imported.check()
    return imported.layers


def open_file(path: str | Path, *, cell: Kind | None = None, prefix: str | None = None) -> Imported:
    """The layers of a file with what it takes to compare them with the original; raises as `read` does."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is no file: {NEED}" if path.exists() else f"there is no file {path}: {NEED}")
    if (size := path.stat().st_size) > LARGEST:
        raise InputError(f"{path.name} has {size:,} bytes, but at most {LARGEST:,} are read: use a smaller model")
    suffix = path.suffix.lower()
    if suffix == ".safetensors":  # told by its name, for its first bytes are a number, which may look like anything
        return read_weights(path, cell, prefix)
    with path.open("rb") as source:
        head = source.read(8)
    if suffix in PICKLES or head.startswith(b"\x80") or _pickled(path, head):
        raise InputError(PICKLED.format(path.name, path.name, path.stem))
    if cell or prefix:
        raise InputError(f"{path.name} says its cells itself: --cell and --prefix are for .safetensors, leave them out")
    if suffix == ".onnx":
        return read_onnx(path)
    if head.startswith(b"PK"):
        return read_keras(path)
    if head.startswith(b"\x89HDF"):
        return read_h5(path)
    if suffix in (".keras", ".h5", ".hdf5"):
        raise InputError(f"{path.name} {'is empty' if not size else 'holds something else than its name says'}: {NEED}")
    raise InputError(f"{path.name} is of no kind that can be imported: {NEED}")


def _pickled(path: Path, head: bytes) -> bool:
    if not head.startswith(b"PK"):
        return False
    with readable(path.name, "a .keras file"), zipfile.ZipFile(path) as archive:
        return any(name.endswith("data.pkl") for name in archive.namelist())
    return False
