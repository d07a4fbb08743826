"""Gzipped bytes unpacked, a piece at a time: a few kilobytes can claim more than any memory holds."""

from __future__ import annotations

import zlib

from elman.data.memory import available
from elman.errors import InputError

MAGIC = b"\x1f\x8b"
PIECE = 1 << 24  # bytes unpacked at once


def unpacked(raw: bytes, file: str) -> bytes:
    """The bytes of one or more gzip members. Raises InputError for damage, and for more than memory has room for.

    ``file`` is its name in messages.
    """
    most = available() // 4  # what is made of a table takes a few times as much
    out = bytearray()
    try:
        while raw.strip(b"\0"):  # some programs fill the end of a file
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                piece = member.decompress(raw, PIECE)
                if not piece and not member.eof and not member.unconsumed_tail:
                    raise zlib.error("it ends early")
                out += piece
                raw = member.unconsumed_tail
                if len(out) > most:
                    raise InputError(
                        f"{file} unpacks to more than {most:,} bytes, a quarter of the memory that is free: unpack it "
                        "and give a part of it, or close other programs"
                    )
            raw = member.unused_data
    except zlib.error:
        raise InputError(f"{file} is a damaged gzip file: make it again") from None
    return bytes(out)
