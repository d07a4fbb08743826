"""Loads the native library built for this CPU, or says why there is none."""

import ctypes
import os
import struct
import threading
from pathlib import Path
from typing import NamedTuple

import torch

# What elman_abi() in native.cpp returns: a library left over from other sources must not be called.
ABI = 4

INSTRUCTION_SETS = ("portable", "avx2", "avx512")  # each runs wherever a later one does

_lock = threading.Lock()


class _Loaded(NamedTuple):
    library: ctypes.CDLL | None
    reason: str


def native() -> ctypes.CDLL | None:
    """Return the native library, loaded on the first call, or None; `which` tells which one, or why none.

    The environment variable ELMAN_NATIVE=0 leaves it out; ELMAN_NATIVE=portable, avx2 or avx512 asks for one of them;
    ELMAN_NATIVE_DIR names the folder to load from in place of this one. All are read at the first call.
    """
    return (_loaded or _load_once()).library


def which() -> str:
    """Tell in one sentence which native library runs and why, or why none does."""
    return (_loaded or _load_once()).reason


def amx() -> bool:
    """Whether the native library multiplies in bfloat16: the CPU has AMX, and the system lets this process use it."""
    library = native()
    return library is not None and bool(library.elman_amx())


_loaded: _Loaded | None = None


def _load_once() -> _Loaded:
    global _loaded
    with _lock:
        _loaded = _loaded or _load()
        return _loaded


def _load() -> _Loaded:
    asked = os.environ.get("ELMAN_NATIVE", "")
    if asked == "0":
        return _without("the environment variable ELMAN_NATIVE is 0; unset it to load one")
    if asked and asked not in INSTRUCTION_SETS:
        return _without(f"ELMAN_NATIVE is {asked!r}; set it to 0 or one of {', '.join(INSTRUCTION_SETS)}, or unset it")
    best = _best_of_this_cpu()
    usable = INSTRUCTION_SETS[: INSTRUCTION_SETS.index(best) + 1]
    if asked and asked not in usable:
        return _without(f"ELMAN_NATIVE is {asked!r}, but this CPU has no more than {best}; set it to {best}")

    folder = Path(os.environ.get("ELMAN_NATIVE_DIR") or Path(__file__).parent)
    wanted = (asked,) if asked else usable[::-1]
    paths = [path for name in wanted for path in _files(folder, name)]
    if not paths:
        return _without(
            f"{folder} has none for {' or '.join(wanted)}; install elman again where GCC or Clang is, "
            "or run `make native` in a checkout"
        )
    return _open(paths[0], "ELMAN_NATIVE asks for it" if asked else f"it is the best one built for a CPU with {best}")


def _best_of_this_cpu() -> str:
    capability = torch.backends.cpu.get_cpu_capability()
    return {"AVX512": "avx512", "AVX2": "avx2"}.get(capability, "portable")


def _files(folder: Path, instruction_set: str) -> list[Path]:
    names = (f"_native_{instruction_set}{suffix}" for suffix in (".so", ".dylib"))
    return [folder / name for name in names if (folder / name).is_file()]


def _open(path: Path, why: str) -> _Loaded:
    try:
        _refuse_cut_short(path)
        library = ctypes.CDLL(str(path))
        abi = library.elman_abi()
        # A symbol looked up in torch._C is searched for in everything it links to, wherever that was installed.
        parallel_for = ctypes.CDLL(torch._C.__file__).torch_parallel_for
    except (OSError, AttributeError) as error:
        return _without(f"{path} cannot be loaded ({error}); install elman again, or run `make native` in a checkout")
    if abi != ABI:
        return _without(
            f"{path} was built from other sources (version {abi}, but {ABI} is needed); install elman again, "
            "or run `make native` in a checkout"
        )
    library.elman_set_parallel(ctypes.cast(parallel_for, ctypes.c_void_p))
    return _Loaded(library, f"{path.name} runs: {why}")


def _refuse_cut_short(path: Path) -> None:
    # Linux ends the process when it loads an ELF file that stops before its section table, as half a download does.
    with path.open("rb") as file:
        header = file.read(64)
    if header.startswith(b"\x7fELF\x02") and len(header) == 64:
        (table,) = struct.unpack_from("=Q", header, 40)
        entry, entries = struct.unpack_from("=HH", header, 58)
        if path.stat().st_size < table + entry * entries:
            raise OSError("it is cut short")


def _without(reason: str) -> _Loaded:
    return _Loaded(None, f"no native library: {reason}")
