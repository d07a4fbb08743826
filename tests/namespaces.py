"""Two hosts, which here are two network namespaces of this machine with a link between them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ADDRESSES = ("10.79.0.1", "10.79.0.2")


class Absent(Exception):
    """Why there can be none here."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def within(name: str) -> list[str]:
    """What comes before a command of that host."""
    return ["ip", "netns", "exec", name]


@contextmanager
def two_hosts() -> Iterator[list[str]]:
    """Their names; each has its end of the link, e0, with one of the addresses."""
    names = [f"elman-{os.getpid()}-many-{end}" for end in "ab"]
    if shutil.which("ip") is None:
        raise Absent("no program ip here: install iproute2")
    try:
        try:
            for name in names:
                ip("netns", "add", name)
            ip("link", "add", "e0", "netns", names[0], "type", "veth", "peer", "name", "e0", "netns", names[1])
            for name, address in zip(names, ADDRESSES, strict=True):
                ip("-n", name, "addr", "add", f"{address}/24", "dev", "e0")
                ip("-n", name, "link", "set", "e0", "up")
                ip("-n", name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            raise Absent(f"network namespaces are not allowed here: {error.stderr.decode().strip()}") from None
        yield names
    finally:
        for name in names:
            with suppress(OSError):
                subprocess.run(["ip", "netns", "del", name], capture_output=True)
