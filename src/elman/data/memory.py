"""How much memory there is: of the machine, the container and the process, whichever has least."""

from __future__ import annotations

import re
from pathlib import Path

from elman.errors import InputError

MEBIBYTE = 1 << 20
UNITS = {"B": 1, **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)}} | {
    f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)
}


def parse(text: str) -> int:
    """The bytes of an amount of memory in words: 500MB, 1.5 GiB, 4096B. Raises InputError for anything else."""
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]+)", text.strip(), re.ASCII)
    units = {unit.lower(): bytes_ for unit, bytes_ in UNITS.items()}
    size = int(float(found[1]) * units.get(found[2].lower(), 0)) if found else 0
    if not size:
        raise InputError(f"{text!r} is no amount of memory: write a number and its unit, as 500MB, 2GB or 1.5GiB")
    return size


def in_words(size: int) -> str:
    """Bytes for people: 2.4 GB, 500 MB."""
    for unit in ("TB", "GB", "MB"):
        if size >= UNITS[unit]:
            return f"{size / UNITS[unit]:.3g} {unit}"
    return f"{size / UNITS['KB']:.3g} kB"


def available() -> int:
    """Bytes that this process may still take. Where the system does not say, 2 GiB are assumed."""
    found = [bytes_ for bytes_ in (_machine(), _container(), _process()) if bytes_ is not None]
    return min(found, default=2 << 30)


def _machine() -> int | None:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _container() -> int | None:
    """Of a control group, of version 2 or 1."""
    for most, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        limit, taken = _lines(most), _lines(used)
        if limit and taken and limit[0].isdigit() and taken[0].isdigit():
            return max(0, int(limit[0]) - int(taken[0]))
    return None


def _process() -> int | None:
    """Of a limit of the address space (ulimit -v)."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _lines("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return max(0, limit - int(pages[0].split()[0]) * resource.getpagesize())


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
