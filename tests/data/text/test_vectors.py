"""Word vectors from the text files that others publish."""

import gzip

import numpy as np
import pytest

from elman.data.text import vectors
from elman.data.text.vectors import read_vectors
from elman.errors import InputError

GLOVE = b"the 0.1 0.2\n\xff\xfe 1 1\ncat -1 2e-1 \nunwanted x\nthe 9 9\n"


@pytest.mark.parametrize("raw", [GLOVE, b"5 2\n" + GLOVE, gzip.compress(GLOVE, mtime=0)])
def test_the_wanted_words_are_found_the_first_time_they_come(tmp_path, raw):
    path = tmp_path / "vectors.txt"
    path.write_bytes(raw)
    found, vectors = read_vectors(path, ["", "\ufffd", "cat", "dog", "the"])
    assert found.tolist() == [4, 2]
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.1, 0.2], [-1, 0.2]])


def test_a_word_may_hold_spaces(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2\n. . . 3 4\n. 5 6\n")
    found, vectors = read_vectors(path, [".", ". . ."])
    assert dict(zip(found.tolist(), vectors.tolist(), strict=True)) == {1: [3, 4], 0: [5, 6]}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a 1 2\nb 1\n", r"line 2 of vectors\.txt holds 'b 1', but a word and 2 numbers are needed"),
        (b"a 1 2\nb 1 x\n", r"line 2 of vectors\.txt gives 'b' something else than finite numbers"),
        (b"a 1 2\nb 1 inf\n", r"line 2 of vectors\.txt gives 'b'"),
        (b"3 2\na \0\1 \2\n", r"line 2 of vectors\.txt holds .*: give word vectors as text"),
        (b"c 1 2\n", "no vector for any of the 2 symbols"),
        (b"", "no vector for any of the 2 symbols"),
        (b"word\n", "line 1 .* holds 'word'"),
        (gzip.compress(b"a 1 2\n" * 9, mtime=0)[:-9], "cannot read the word vectors"),
    ],
)
def test_what_are_no_vectors_is_refused(tmp_path, raw, message):
    path = tmp_path / "vectors.txt"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=message):
        read_vectors(path, ["a", "b"])


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the word vectors .*none\.txt \(No such file or directory\)"):
        read_vectors(tmp_path / "none.txt", ["a"])


def test_damaged_and_endless_lines_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "vectors.gz"
    raw = bytearray(gzip.compress(GLOVE * 50, mtime=0))
    raw[20] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(InputError, match="cannot read the word vectors"):
        read_vectors(path, ["cat"])
    monkeypatch.setattr(vectors, "LINE", 10)
    path.write_bytes(gzip.compress(b"the 0.1 0.2"))
    with pytest.raises(InputError, match=r"line 1 of vectors\.gz has more than 10 bytes"):
        read_vectors(path, ["the"])


def test_a_number_beyond_float32_is_refused_without_a_warning(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"the 1e39 0.2")
    with pytest.raises(InputError, match="something else than finite numbers"):
        read_vectors(tmp_path / "v.txt", ["the"])
