"""How much memory there is: of the machine, the container and the process, whichever has least."""

from __future__ import annotations

from pathlib import Path

MEBIBYTE = 1 << 20


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
