"""Files as bad luck or bad intent might leave them: bytes that are other, missing, doubled, or claim too much."""

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

SIZES = (0, 1, -1, 127, 128, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, 2**63 - 1, -(2**63))
WORDS = (
    *(b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\r", b"\n\n\n", b'"', b'""', b"'", b"\\", b"\t"),
    *(b",", b";", b"|", b"{", b"}", b"[", b"]", b"=", b":", b"#", b"null", b"true", b"NaN", b"-inf", b"Infinity"),
    *(
        b"1e999",
        b"-1e999",
        b"1e-999",
        b"9" * 25,
        b"9" * 400,
        b"-9223372036854775808",
        b"18446744073709551616",
        b"0x1p5",
    ),
    *(b"0000-00-00", b"9999-12-31T24:00", b"2020-02-30", b"99999999999999999999-01-01", b"1677-01-01", b"2262-04-12"),
    *(
        b"..",
        b"../../etc/passwd",
        b"/dev/zero",
        b"%s%n",
        b"__class__",
        b"\xe2\x80\xae",
        b"\xf0\x9f\x98\x80",
        b" " * 300,
    ),
    *(b"[" * 3000, b"{" * 3000, b'{"a":' * 3000, b'"' * 1001, b"a." * 3000, b"," * 5000),
)
LONGEST = 1 << 18  # bytes of a file that is made longer

Change = Callable[[bytearray, random.Random, list[bytes]], bytes]


def flipped(raw: bytearray, draw: random.Random, _: list[bytes]) -> bytes:
    for _ in range(draw.choice((1, 1, 2, 8))):
        raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
    return bytes(raw)


def cut(raw: bytearray, draw: random.Random, _: list[bytes]) -> bytes:
    return bytes(raw[: draw.randrange(len(raw))])


def without(raw: bytearray, draw: random.Random, _: list[bytes]) -> bytes:
    begin, end = _slice(raw, draw)
    return bytes(raw[:begin] + raw[end:])


def inserted(raw: bytearray, draw: random.Random, _: list[bytes]) -> bytes:
    at = draw.randrange(len(raw) + 1)
    more = draw.choice((draw.randbytes(draw.randrange(1, 20)), draw.choice(WORDS), draw.choice(WORDS)))
    return bytes(raw[:at] + more + raw[at:])


def doubled(raw: bytearray, draw: random.Random, _: list[bytes]) -> bytes:
    begin, end = _slice(raw, draw)
    times = draw.choice((1, 1, 3, 100, 5000))
    return bytes(raw[:end] + (raw[begin:end] * times)[:LONGEST] + raw[end:])


def spliced(raw: bytearray, draw: random.Random, others: list[bytes]) -> bytes:
    other = draw.choice(others)
    begin, end = _slice(bytearray(other), draw)
    at, over = draw.randrange(len(raw) + 1), draw.choice((0, end - begin))
    return bytes(raw[:at] + other[begin:end] + raw[at + over :])


def claimed(raw: bytearray, draw: random.Random, _: list[bytes]) -> bytes:
    """Another whole number where one may be: in the first bytes, or the last, where headers and their likes are."""
    width = draw.choice((1, 2, 4, 8))
    value = draw.choice(SIZES) % (1 << 8 * width)
    where = draw.choice((range(min(64, len(raw))), range(max(0, len(raw) - 64), len(raw)), range(len(raw))))
    at = draw.choice(where)
    raw[at : at + width] = value.to_bytes(width, draw.choice(("little", "big")))
    return bytes(raw)


def overwritten(raw: bytearray, draw: random.Random, _: list[bytes]) -> bytes:
    begin, end = _slice(raw, draw)
    raw[begin:end] = draw.choice((b"\0", b"\xff", b"\x80", b"9", draw.randbytes(1))) * (end - begin)
    return bytes(raw)


CHANGES: tuple[Change, ...] = (
    flipped,
    flipped,
    cut,
    without,
    inserted,
    inserted,
    doubled,
    spliced,
    claimed,
    claimed,
    overwritten,
)


def mutated(raw: bytes, draw: random.Random, others: list[bytes]) -> bytes:
    """One to three changes; of a packed file, as often as not, of what is in it, packed again."""
    inside = _inside(raw, draw) if draw.random() < 0.6 else None
    if inside is not None:
        return inside
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        raw = draw.choice(CHANGES)(bytearray(raw), draw, others) or b"\0"
    return raw


def _inside(raw: bytes, draw: random.Random) -> bytes | None:
    """A file whose checksums agree with what was changed; None for one that has none."""
    if raw.startswith(b"\x1f\x8b"):
        return gzip.compress(_changed(gzip.decompress(raw), draw), 1)
    if raw.startswith(b"PK"):
        return _zipped(raw, draw)
    if raw.startswith(b"\x89PNG"):
        return _drawn(raw, draw)
    return None


def _changed(raw: bytes, draw: random.Random) -> bytes:
    raw = raw or b"\0"
    return draw.choice(CHANGES)(bytearray(raw), draw, [raw])


def _zipped(raw: bytes, draw: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        chosen = draw.choice(old.namelist())
        for info in old.infolist():
            held = old.read(info)
            new.writestr(info, _changed(held, draw) if info.filename == chosen else held)
    return out.getvalue()


def _drawn(raw: bytes, draw: random.Random) -> bytes:
    chunks, at = [], 8
    while at < len(raw):
        (size,) = struct.unpack(">I", raw[at : at + 4])
        chunks.append((raw[at + 4 : at + 8], raw[at + 8 : at + 8 + size]))
        at += size + 12
    chosen = draw.randrange(len(chunks))
    kind, held = chunks[chosen]
    if kind == b"IDAT" and draw.random() < 0.7:
        chunks[chosen] = kind, zlib.compress(_changed(zlib.decompress(held), draw))
    else:
        chunks[chosen] = kind, _changed(held, draw)
    if draw.random() < 0.2:
        chunks.insert(draw.randrange(len(chunks)), draw.choice(chunks))
    packed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return raw[:8] + b"".join(packed)


def _slice(raw: bytearray, draw: random.Random) -> tuple[int, int]:
    begin = draw.randrange(len(raw))
    return begin, min(len(raw), begin + draw.choice((1, 4, 16, 200, len(raw))))
