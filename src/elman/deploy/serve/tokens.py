"""The state of a stream in the client's hands: its bytes, signed, so that no other bytes are ever taken for a state.

    token = base64url(state || HMAC-SHA256(key, fingerprint || state))

``fingerprint`` is the model's, so that a state goes on in the model that it came from and in no other.
Source: RFC 2104; RFC 4648, section 5.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from elman.errors import InputError

SIZE = 32  # bytes of a key, and of a signature


def fingerprint(files: Mapping[str, bytes]) -> bytes:
    """SHA-256 of a saved model's files, by their names."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(files[name]).digest())
    return whole.digest()


def read_key(path: Path) -> bytes:
    """The key of a file, which is made, readable by its owner alone, where there is none.

    Raises InputError for a file that others can read, and for one that is no key.
    """
    try:
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(SIZE))
        raw, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise InputError(f"cannot read or make the key {path} ({error.strerror}): give another --key") from None
    if len(raw) != SIZE:
        raise InputError(f"{path} has {len(raw)} bytes, but a key has {SIZE}: name a file that is not there yet")
    if os.name == "posix" and mode & 0o077:
        raise InputError(f"the key {path} can be read by others (mode {mode & 0o777:o}): chmod 600 {path}")
    return raw


class Tokens:
    """Signs states, and reads what it has signed."""

    def __init__(self, key: bytes, model: bytes) -> None:
        self.key, self.model = key, model

    def sign(self, state: bytes) -> str:
        return base64.urlsafe_b64encode(state + self._signature(state)).decode()

    def read(self, token: str) -> bytes:
        """The state of a token; InputError for one that is not of this key and this model."""
        try:
            raw = base64.b64decode(token.encode("ascii"), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        state, signature = raw[:-SIZE], raw[-SIZE:]
        if not hmac.compare_digest(signature, self._signature(state)):
            raise InputError("this token was not signed by this server for this model: open the stream without one")
        return state

    def _signature(self, state: bytes) -> bytes:
        return hmac.digest(self.key, self.model + state, "sha256")
