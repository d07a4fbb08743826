"""A table read in pieces has the cells that it has as a whole, and its faults are said in the same words."""

import gzip
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import pieces
from elman.data.pieces import TableFile
from elman.data.table import read_table
from elman.errors import InputError


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def outcome(read):
    try:
        return read()
    except InputError as error:
        return str(error)


def in_pieces(path):
    file = TableFile(path)
    return pl.concat([piece for piece, _ in file.pieces(*file.names)])


def agree(path, piece, block=1 << 20):
    """The table, or the fault; checked to be the same in pieces of so many characters as in one."""
    with mock.patch.multiple(pieces, PIECE=piece, BLOCK=block):
        found = outcome(lambda: in_pieces(path))
    whole = outcome(lambda: read_table(path))
    assert (
        found.equals(whole) if isinstance(whole, pl.DataFrame) and isinstance(found, pl.DataFrame) else found == whole
    )
    return whole


LETTERS = 'ab é,;|\t1.5"\n'


@st.composite
def files(draw):
    """Text of rows, most of them well formed: cells quoted where they must be, or not; a short row; a blank line."""
    separator, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n"]))
    careful = draw(st.integers(0, 3))
    numbers = st.sampled_from(["1,5", "2.5", "-1,2", "3", ""])

    def cell():
        text = draw(numbers | st.text(LETTERS, max_size=6))
        if not careful or not set(text) & {separator, '"', "\n"}:
            return text
        return '"' + text.replace('"', '""') + '"'

    width = draw(st.integers(2, 3))
    rows = [separator.join(cell() for _ in range(width)) for _ in range(draw(st.integers(1, 10)))]
    rows = [separator.join(["one", "two", "three"][:width]), *rows]
    if draw(st.integers(0, 5)) == 0:
        rows.insert(draw(st.integers(0, len(rows))), draw(st.sampled_from(["", "short"])))
    return draw(st.sampled_from(["", "\ufeff"])) + end.join(rows) + draw(st.sampled_from(["", end, 2 * end]))


@settings(max_examples=150, deadline=None)
@given(text=files(), piece=st.integers(1, 60), block=st.sampled_from([1, 7, 1 << 20]))
def test_pieces_have_the_cells_of_the_whole(tmp_path_factory, text, piece, block):
    agree(write(tmp_path_factory.mktemp("pieces") / "t.csv", text), piece, block)


def test_what_one_piece_holds_decides_how_all_are_read(tmp_path):
    rows = [f'"{at}, {at}";{at},5; x' for at in range(20)]
    assert agree(write(tmp_path / "comma.csv", "\n".join(["a;b;c", *rows])), 10)["b"][7] == "7.5"
    assert agree(write(tmp_path / "point.csv", "\n".join(["a;b;c", *rows, "a;1.5;c"])), 10)["b"][7] == "7,5"
    # With a blank line records are counted, and then the space after a separator is none of the cell's.
    assert agree(write(tmp_path / "blank.csv", "\n".join(["a;b;c", *rows, "", "a;b;c"])), 10)["c"][0] == "x"
    assert agree(write(tmp_path / "bare.tsv", 'a\tb\n5" nail\tx\n' + "a\tb\n" * 9), 4)["a"][0] == '5" nail'


def test_lines_that_end_in_a_carriage_return_alone_lose_no_row(tmp_path):
    text = 'a;b;c\r"x\ny";1;2\r' + "".join(f"r{at};1;2\r" for at in range(9))
    assert agree(write(tmp_path / "t.csv", text), 10)["a"].to_list() == ["x\ny", *(f"r{at}" for at in range(9))]


FAULTS = {
    "no header": "\n\n",
    "no rows": "a,b\n",
    "twice": "a,a\n1,2\n",
    "short row": "a,b\n" + "1,2\n" * 9 + "3\n",
    "open quotation": 'a,b\n1,2\n"3,4\n',
    "no UTF-8": b"a,b\n1,2\nx,\xe9y\n",
    "cut short": b"a,b\n1,2\nx,\xe9",
    "UTF-16": "a,b\n".encode("utf-16"),
    "NUL": b"a,b\n1,\0\n",
    "a picture": b"\x89PNG\r\n",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_said_in_the_same_words(tmp_path, fault):
    assert isinstance(agree(write(tmp_path / "t.csv", FAULTS[fault]), 8, block=1 << 20), str)


def test_a_damaged_gzip_file_is_said_to_be_one(tmp_path):
    raw = gzip.compress(b"a,b\n" + b"1,2\n" * 999)
    for at, damaged in enumerate([raw[:-20], raw[:10] + b"\xff\xff" + raw[12:], raw[:3]]):
        assert "is a damaged gzip file" in agree(write(tmp_path / f"t{at}.csv.gz", damaged), 8)


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
def test_the_place_of_a_wrong_byte_is_that_in_the_file(tmp_path, block):
    assert "position 20 (line 4)" in agree(
        write(tmp_path / "t.csv", "a,b\né,1\n日本,2\nx,".encode() + b"\xff"), 4, block
    )


def test_gzip_and_parquet(tmp_path):
    frame = pl.DataFrame({"a": [f"text {at}" for at in range(300)], "b": [at / 2 for at in range(300)]})
    kinds = frame.with_columns(pl.col("a").cast(pl.Categorical).alias("c"))
    kinds.write_parquet(tmp_path / "t.parquet", row_group_size=100)
    frame.write_csv(tmp_path / "t.csv")
    write(tmp_path / "t.csv.gz", gzip.compress((tmp_path / "t.csv").read_bytes()))
    for name in ("t.parquet", "t.csv", "t.csv.gz"):
        assert agree(tmp_path / name, 50).height == 300
    assert TableFile(tmp_path / "t.parquet").size() == pytest.approx(kinds.estimated_size(), rel=0.2)
    assert TableFile(tmp_path / "t.csv.gz").size() >= TableFile(tmp_path / "t.csv").size()


def test_what_cannot_be_read_in_pieces_is_refused(tmp_path):
    lines = write(tmp_path / "t.jsonl", '{"a": 1}\n')
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "t.parquet")
    packed = write(tmp_path / "t.parquet.gz", gzip.compress((tmp_path / "t.parquet").read_bytes()))
    for path in (lines, packed):
        with pytest.raises(InputError, match=r"cannot be read in pieces: give CSV or Parquet, or a larger --ram"):
            in_pieces(path)
    with pytest.raises(InputError, match="damaged Parquet"):
        in_pieces(write(tmp_path / "cut.parquet", (tmp_path / "t.parquet").read_bytes()[:-9]))


def test_a_row_is_named_with_its_line(tmp_path):
    path = write(tmp_path / "t.csv", 'a,b\n"x\ny",1\n' + "z,2\n" * 9)
    with mock.patch.object(pieces, "PIECE", 4):
        places = [place for _, place in TableFile(path).pieces("a")]
    assert len(places) > 2
    assert places[2].row(1) == f"row {places[2].before + 1} (line {places[2].before + 3})"
    with pytest.raises(InputError, match="no column 'c'"):
        next(TableFile(path).pieces("c"))
