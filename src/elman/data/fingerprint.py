"""What tells one source from another: to go on only with what was begun with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from elman.data.labelled import is_folder, names_file


def fingerprint(source: Any) -> str:
    """16 digits of a file's or a text's contents, of a folder's names and sizes."""
    digest = hashlib.sha256()
    if is_folder(source):
        for entry in sorted(Path(source).rglob("*")):
            digest.update(f"{entry.relative_to(source)} {entry.stat().st_size}\n".encode())
    elif isinstance(source, str) and not names_file(source):
        digest.update(source.encode())
    elif isinstance(source, str | Path):
        try:
            with Path(source).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
        except OSError as error:
            return f"not read: {error.strerror}"  # whoever reads it says what to do
    else:
        return "passed from Python"
    return digest.hexdigest()[:16]
