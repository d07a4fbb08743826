"""Gzipped bytes: what other programs unpack is unpacked, and what no memory holds is not."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import packed
from elman.data.packed import unpacked
from elman.errors import InputError


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(0, 3))
def test_members_one_after_another_are_one_file(parts, zeros):
    assert unpacked(b"".join(map(gzip.compress, parts)) + b"\0" * zeros, "a.gz") == b"".join(parts)


def test_what_is_larger_than_a_piece_is_whole(monkeypatch):
    monkeypatch.setattr(packed, "PIECE", 10)
    raw = bytes(range(256)) * 5
    assert unpacked(gzip.compress(raw), "a.gz") == raw


@given(st.data())
def test_what_ends_early_is_refused(data):
    whole = gzip.compress(b"a,b\n1,2\n" * 20)
    with pytest.raises(InputError, match=r"a\.gz is a damaged gzip file"):
        unpacked(whole[: data.draw(st.integers(3, len(whole) - 1))], "a.gz")


def test_what_is_another_or_has_another_checksum_is_refused():
    whole = bytearray(gzip.compress(b"a,b\n1,2\n" * 20))
    whole[-6] ^= 1
    for raw in (bytes(whole), gzip.compress(b"x") + b"no member"):
        with pytest.raises(InputError, match="damaged gzip file"):
            unpacked(raw, "a.gz")


def test_a_few_bytes_do_not_unpack_to_gigabytes(monkeypatch):
    monkeypatch.setattr(packed, "available", lambda: 40 << 20)
    bomb = zlib.compressobj(9, wbits=31)
    raw = b"".join(bomb.compress(b"\0" * (1 << 20)) for _ in range(200)) + bomb.flush()
    assert len(raw) < 1 << 20
    with pytest.raises(InputError, match=r"bomb\.csv\.gz unpacks to more than 10,485,760 bytes"):
        unpacked(raw, "bomb.csv.gz")
