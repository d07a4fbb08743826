"""HDF5 read once in a process of its own, because its library can hang or crash on a damaged file.

``python hdf5_probe.py < FILE`` ends well unless the library does not. It reads what an import may read, and gives
nothing: what a file holds, and what is wrong with it, says the import itself, which comes after.
"""

import io
import math
import sys
from typing import Any

SECONDS, MOST = 1, 100_000  # of the processor, and a second more for 100 MiB; groups, arrays and attributes


def visit(root: Any, h5py: Any) -> None:
    """Every attribute, and every array of plain floats that lies in the file."""
    left, count = [root], 0
    while left and count < MOST:
        here = left.pop()
        for name in here.attrs:
            here.attrs[name]
            count += 1
        if isinstance(here, h5py.Dataset):
            packed = here.external or here.is_virtual or here.id.get_create_plist().get_nfilters()
            if here.dtype.kind == "f" and not packed and here.id.get_storage_size() >= here.nbytes:
                here[()]
            continue
        for name in here:
            if isinstance(here.get(name, getlink=True), h5py.HardLink):
                left.append(here[name])
                count += 1


def limited(size: int) -> None:
    """From here on this process may take so much of the processor, and no more."""
    try:
        import resource
    except ImportError:  # Windows: who started this stops it
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = math.ceil(used + SECONDS + size / (100 << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))


def main() -> None:
    import h5py

    raw = sys.stdin.buffer.read()
    limited(len(raw))
    try:
        with h5py.File(io.BytesIO(raw), "r") as root:
            visit(root, h5py)
    except Exception:  # said, and better, by the import
        return


if __name__ == "__main__":
    main()
