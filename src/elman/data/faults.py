"""Files that cannot be read, among others that can: all of them named at once, or left out and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from elman.errors import InputError

T = TypeVar("T")


class Faults:
    """What is said of files of a kind, ``what`` in the plural."""

    def __init__(self, files: Sequence[Path], what: str) -> None:
        self._files, self._what = files, what
        self._said: dict[str, str] = {}

    def attempt(self, at: int, read: Callable[[], T]) -> T | None:
        """What ``read`` gives for file ``at``; None, and its reason kept, where it raises InputError."""
        try:
            return read()
        except InputError as error:
            self._said[str(self._files[at])] = str(error)
            return None

    def check(self, allowed: bool) -> None:
        """Raise InputError of all of them, where there are some and they are not ``allowed``."""
        if not self._said or allowed:
            return
        first, *others = self._said
        count = f"{len(self._said):,} of {len(self._files):,} {self._what} cannot be read"
        raise InputError(self._said[first] + (f" ({count}; the others: {', '.join(others)})" if others else ""))

    def told(self) -> list[str]:
        """A warning that names the files that were left out; nothing where none was."""
        if not self._said:
            return []
        count = f"{len(self._said):,} of {len(self._files):,} {self._what}"
        return [f"WARNING: {count} cannot be read and are left out: {', '.join(self._said)}"]
