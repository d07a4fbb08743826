"""A saved model is a directory: JSON, safetensors, a report, and a manifest with the SHA-256 of each file.

Writing goes to a temporary neighbour, is synced, and takes its place by one rename: a crash leaves the old model or the
new one, never half of one. Reading checks every hash before anything is parsed, and executes nothing: no common
weight format notices a flipped bit by itself. A stranger's hashes agree too, with whatever he wrote: so only files of
known names are opened, none through a link, and the size of each is bounded before it is read.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor

from elman.data.files import short
from elman.errors import InputError
from elman.version import __version__

FORMAT = 1
MANIFEST = "manifest.json"
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")  # the names of files that a model may hold
MOST_FILES = 64
# The files that are read, and the bytes of each at most; what lies beside them is left alone.
LARGEST = {
    "config.json": 4 << 20,
    "encoders.json": 128 << 20,
    "weights.safetensors": 4 << 30,
    "kept.safetensors": 4 << 30,
    "metrics.json": 16 << 20,
    "report.html": 256 << 20,
    "log.jsonl": 64 << 20,
    "inside.jsonl": 64 << 20,
    "picture.svg": 64 << 20,
    "tune.html": 256 << 20,
    "tune.json": 64 << 20,
}
LARGEST_MANIFEST = 1 << 20
# The last entry of a manifest: the SHA-256 of all the others, as they would be written without it.
SEAL = re.compile(rb',\n  "sha256": "([0-9a-f]{64})"(\n}\n)\Z')
UNSEALED = {"format", "elman", "files"}  # what a manifest has that was written before there were seals
# A pipe would be waited for without end. Windows has neither flag, nor links that anybody may make.
PLAINLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def dump_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_simple) + "\n").encode()


def _simple(value: Any) -> Any:
    """A path, or a number of numpy's, as a setting may be that was passed from Python."""
    if isinstance(value, np.generic):
        return value.item()
    return os.fspath(value)


def parse_json(raw: bytes, name: str) -> Any:
    """Strict JSON: no NaN, no infinity, no whole number beyond 64 bits, no key twice, no endless nesting."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key occurs twice")
        return found

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not a JSON number")

    def whole(digits: str) -> int:
        if len(digits) > 20 or not -(1 << 63) <= int(digits) < 1 << 63:
            raise ValueError(f"the number {digits[:20]}... is too large")
        return int(digits)

    def real(digits: str) -> float:
        if math.isinf(value := float(digits)):
            raise ValueError(f"the number {digits[:20]} is too large")
        return value

    try:
        return json.loads(
            raw.decode(), object_pairs_hook=once, parse_constant=refuse, parse_int=whole, parse_float=real
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not readable as JSON ({error}): use the model as it was saved") from None


def is_model(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def check_free(path: Path, overwrite: bool, what: str = "model", mark: str = MANIFEST) -> None:
    """Raise InputError unless a model may be written at ``path``: before the work, not after it.

    Or ``what`` else is a directory that is known by the file ``mark`` in it.
    """
    a = "an" if what.startswith(tuple("aeiou")) else "a"
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InputError(f"{path} is a file or a link, but {a} {what} is a directory: give another --out")
    if path.exists() and any(path.iterdir()):
        if not (path / mark).is_file():
            raise InputError(f"{path} already holds files that are no elman {what}: give another --out")
        if not overwrite:
            raise InputError(f"{path} already holds {a} {what}: give another --out, or --overwrite to replace it")
    parent = path.parent
    if not parent.is_dir():
        raise InputError(f"there is no directory {parent} to write {path.name} into: create it, or give another --out")
    try:
        if not os.access(parent, os.W_OK):
            raise PermissionError
        Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=parent)).rmdir()  # some folders only look writable
    except OSError:
        raise InputError(f"{parent} is not writable: give another --out") from None


def write(path: Path, files: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """Write the files and their manifest as the directory ``path``, at once or not at all."""
    path = Path(path)
    check_free(path, overwrite)
    put(path, files)


def put(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the files and their manifest in the place of what is there, at once or not at all."""
    hashes = {name: {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)} for name, raw in files.items()}
    place(path, {**files, MANIFEST: sealed({"format": FORMAT, "elman": __version__, "files": hashes})})


def sealed(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as it is written: the hashes of the files in it are good for nothing where one of them may be lost."""
    return dump_json({**manifest, "sha256": hashlib.sha256(dump_json(manifest)).hexdigest()})


def is_whole(raw: bytes, names: set[str]) -> bool:
    """Whether the seal of a manifest agrees, whose entries have these names; of one from before seals, their names."""
    found = SEAL.search(raw)
    if found is None:
        return names <= UNSEALED
    return hashlib.sha256(raw[: found.start()] + found[2]).hexdigest() == found[1].decode()


def place(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the files as the directory ``path``, in the place of one that is there, at once or not at all."""
    staged = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        staged.chmod(0o755)
        for name, raw in files.items():
            with (staged / name).open("wb") as sink:
                sink.write(raw)
                sink.flush()
                os.fsync(sink.fileno())
        sync_directory(staged)
        if not (path.exists() and any(path.iterdir())):
            staged.rename(path)
        elif not _exchanged(staged, path):  # what is staged then is the old model
            _by_turns(staged, path)
        sync_directory(path.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def remove(path: Path) -> None:
    """Take a directory away, at once: what a crash leaves of it bears another name, which begins with a point.

    Nothing is made for it: on a full disk that would fail.
    """
    gone = path.with_name(f".{path.name}.gone.{secrets.token_hex(4)}")
    path.rename(gone)
    shutil.rmtree(gone)


def sweep(path: Path) -> None:
    """Take away what crashes have left half-written beside ``path``. Nobody else may be writing there."""
    left = re.compile(rf"\.{re.escape(path.name)}\.((old|gone)\.)?[a-z0-9_]{{8}}")
    for entry in path.parent.iterdir():
        if left.fullmatch(entry.name):
            shutil.rmtree(entry, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether two directories have changed places, in one step: Linux can, and most of its file systems."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    here, exchange = -100, 2
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def _by_turns(staged: Path, path: Path) -> None:
    """Put one directory in the place of a full one where that takes two steps: the old one waits beside meanwhile."""
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    try:
        path.rename(old / "model")
        staged.rename(path)
    except OSError:
        if (old / "model").exists():
            (old / "model").rename(path)
        old.rmdir()
        raise
    shutil.rmtree(old)


def read(path: Path, largest: Mapping[str, int] = LARGEST) -> dict[str, bytes]:
    """The files of a saved model, each checked against the manifest. Raises InputError naming what is wrong.

    Those of the names in ``largest`` are read, which has the bytes of each at most.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no model at {path}: give the directory that elman fit wrote (--out)")
    if not path.is_dir() or not is_model(path):
        raise InputError(
            f"{path} is not a saved model (it holds no {MANIFEST}): give the directory that elman fit wrote"
        )
    raw = _bytes(path / MANIFEST, LARGEST_MANIFEST)
    manifest = parse_json(raw, f"{MANIFEST} of {path}")
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise InputError(f"{MANIFEST} of {path} does not list files: use the model as it was saved")
    if not isinstance(manifest.get("format"), int) or manifest["format"] > FORMAT:
        raise InputError(
            f"{path} has format {short(manifest.get('format'))}, but elman {__version__} reads up to {FORMAT}: "
            "upgrade elman"
        )
    if manifest["format"] < 1 or not is_whole(raw, set(manifest)):
        raise InputError(f"{MANIFEST} of {path} is not as it was saved: restore it from a copy, or fit again")
    if len(manifest["files"]) > MOST_FILES:
        raise InputError(
            f"{MANIFEST} of {path} lists {len(manifest['files']):,} files, but a model has {MOST_FILES} at most: "
            "do not use this model"
        )
    files = {}
    for name, entry in manifest["files"].items():
        if not PLAIN.fullmatch(name):
            raise InputError(
                f"{MANIFEST} of {path} names {short(name)}, which is no plain file name: do not use this model"
            )
        if name not in largest:
            continue
        raw = files[name] = _bytes(path / name, largest[name])
        if entry != {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}:
            raise InputError(
                f"{name} of {path} is not as it was saved (its size or SHA-256 differs from the manifest's): restore "
                "it from a copy, or fit again"
            )
    return files


def tensors(raw: bytes, name: str) -> dict[str, Tensor]:
    try:
        return parse_tensors(raw)
    except Exception as error:  # the library raises its own kinds
        raise InputError(f"{name} is not readable as safetensors ({error}): use the model as it was saved") from None


def dump(state: Mapping[str, Tensor]) -> bytes:
    return dump_tensors({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()})


def _bytes(path: Path, most: int) -> bytes:
    """A file of ``most`` bytes at most, opened once.

    One of several names, a hard link, is read: who wrote its hash into the manifest knew what is in it.
    """
    try:
        handle = os.open(path, PLAINLY)
    except OSError:
        raise _missing(path) from None
    with os.fdopen(handle, "rb") as source:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _missing(path)
        if status.st_size > most:
            raise InputError(
                f"{path} has {status.st_size:,} bytes, but at most {most:,} are read: do not use this model"
            )
        return source.read(status.st_size)


def _missing(path: Path) -> InputError:
    return InputError(f"{path.name} is missing from the model {path.parent}: restore it from a copy, or fit again")


def sync_directory(path: Path) -> None:
    """Names that were given or taken in it outlast a power cut from here on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
