"""Every format gives the same cells, and every fault of a file or a frame is named with its place."""

import gzip
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.files import is_there, line_of_row, named
from elman.data.table import Origin, categories, numbers, read_table
from elman.errors import InputError, reason


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_line_ends_and_a_byte_order_mark(tmp_path, separator, end):
    rows = [["when", "x y", "name"], ["2020-01-01", "1.5", "a"], ["2020-01-02", "-2", "b, c; d"]]
    rows[2][2] = f'"{rows[2][2]}"'
    path = write(tmp_path / "t.txt", "\ufeff" + end.join(separator.join(row) for row in rows) + end)
    frame = read_table(path)
    assert frame.columns == ["when", "x y", "name"]
    assert numbers(frame, "x y").tolist() == [1.5, -2.0]
    assert categories(frame, "name") == ["a", "b, c; d"]


CELLS = {
    "number": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    "text": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1),
}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_frame_comes_back_the_same_from_every_format(tmp_path_factory, data):
    height = data.draw(st.integers(1, 12))
    cells = {kind: data.draw(st.lists(CELLS[kind], min_size=height, max_size=height)) for kind in CELLS}
    frame = pl.DataFrame(cells, schema={"number": pl.Float64, "text": pl.String})
    frame = frame.with_columns(last=pl.lit("z"))
    expected_text = categories(frame, "text")
    folder = tmp_path_factory.mktemp("formats")
    frame.write_csv(folder / "t.csv")
    frame.write_csv(folder / "semicolon.csv", separator=";")
    frame.write_csv(folder / "t.tsv", separator="\t")
    frame.write_parquet(folder / "t.parquet")
    frame.write_ndjson(folder / "t.jsonl")
    (folder / "t.csv.gz").write_bytes(gzip.compress((folder / "t.csv").read_bytes()))
    files = sorted(folder.iterdir())
    columns = frame.to_dict(as_series=False)
    for source in [*files, frame, frame.lazy(), frame.to_pandas(), frame.to_arrow(), columns]:
        back = read_table(source)
        np.testing.assert_array_equal(numbers(back, "number"), frame["number"].fill_null(np.nan).to_numpy())
        assert categories(back, "text") == expected_text, source


def test_lines_are_counted_through_quoted_line_breaks_and_in_json_lines(tmp_path):
    path = write(tmp_path / "t.csv", 'note,x\n"two\nlines",1\nplain,oops\n')
    with pytest.raises(InputError, match=r"row 2 \(line 4\) holds 'oops'"):
        numbers(read_table(path), "x", Origin.of(path))
    path = write(tmp_path / "t.jsonl", '{"x": 1}\n\n{"x": "oops"}\n')
    with pytest.raises(InputError, match=r"row 2 \(line 3\) holds 'oops'"):
        numbers(read_table(path), "x", Origin.of(path))


def test_what_has_no_lines_or_is_gone_has_no_line(tmp_path):
    pl.DataFrame({"x": [1, 2]}).write_parquet(tmp_path / "t.parquet")
    assert line_of_row(tmp_path / "t.parquet", 1) is None
    assert line_of_row(tmp_path / "gone.csv", 1) is None
    path = write(tmp_path / "t.csv.gz", gzip.compress(b"x\n1\n2\n"))
    assert [line_of_row(path, row) for row in (1, 2, 3)] == [2, 3, None]


def test_decimal_commas_in_a_semicolon_file(tmp_path):
    frame = read_table(path := write(tmp_path / "t.csv", "a;b;c\n1,5;2.5;1.234,5\n-0,25;3,5;2\n2;1.0;3\n"))
    assert numbers(frame, "a").tolist() == [1.5, -0.25, 2.0]
    with pytest.raises(InputError, match="'3,5', which looks like a decimal comma"):
        numbers(frame, "b", Origin.of(path))
    with pytest.raises(InputError, match=r"'1\.234,5', which looks like thousands"):
        numbers(frame, "c", Origin.of(path))


FAULTS = {
    "empty": (b"", "is empty"),
    "blank": (b"\n \n", "is empty"),
    "a lone quote": (b'"', "is empty"),
    "header only": (b"a,b\n", "a header but no rows"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
    "zip": (b"PK\x03\x04....", "a zip archive or a spreadsheet"),
    "nul": (b"a,b\n1,\x00\n", "NUL byte at position 6"),
    "latin": ("a,b\n1,caf\u00e9\n".encode("latin-1"), r"byte 0xE9 at position 9 \(line 2\)"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    "short row": (b"a,b,c\n1,2,3\n4,5\n", r"row 2 \(line 3\) of t.csv has 2 cells, but the header names 3"),
    "long row": (b"a,b\n1,2\n\n4,5,6\n", r"row 2 \(line 4\) of t.csv has 3 cells, but the header names 2"),
    "open quote": (b'a,b\n1,2\n"3,4\n5,6\n', "row 2 of t.csv, after line 2, is quoted wrongly"),
    "twice": (b"a,b,a\n1,2,3\n", "names columns 1 and 3 both 'a'"),
    "gzip": (gzip.compress(b"a,b\n1,2\n")[:-6], "damaged gzip"),
    "parquet": (b"PAR1....PAR1", "damaged Parquet"),
    "json": (b'{"a": 1}\n{"a": \n', "line 2 of t.csv is"),
    "json mix": (b'{"a": 1}\n{"a": [1]}\n', "cannot be read as JSON lines|must hold numbers"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path, fault):
    content, words = FAULTS[fault]
    with pytest.raises(InputError, match=words):
        numbers(read_table(write(tmp_path / "t.csv", content)), "a")


def test_missing_files_and_folders(tmp_path):
    write(tmp_path / "prices.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match=r"no such file: .*prizes\.csv; did you mean prices\.csv\?"):
        read_table(str(tmp_path / "prizes.csv"))
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)
    for name in ("x" * 5000, "a\0b", str(tmp_path / "prices.csv" / "x")):
        with pytest.raises(InputError, match="cannot read"):
            read_table(name)


def test_short_rows_are_told_from_missing_last_cells_and_blank_lines(tmp_path):
    frame = read_table(write(tmp_path / "t.csv", "a,b\n1,\n\n,\n3,4\n\n"))
    np.testing.assert_array_equal(numbers(frame, "a"), [1, np.nan, 3])
    frame = read_table(path := write(tmp_path / "led.csv", "\n\na,b\n1,2\nx,4\n"))
    with pytest.raises(InputError, match=r"row 2 \(line 5\)"):
        numbers(frame, "a", Origin.of(path))
    lone = read_table(write(tmp_path / "lone.csv", "a\n1\n\n3\n\n"))
    np.testing.assert_array_equal(numbers(lone, "a"), [1, np.nan, 3])


def test_quotation_marks_that_quote_nothing_in_tabs_and_loose_ones_in_commas(tmp_path):
    frame = read_table(write(tmp_path / "t.tsv", 'label\ttext\na\t"Hello," he said\nb\t"open\nc\t5" pipe\n'))
    assert categories(frame, "text") == ['"Hello," he said', '"open', '5" pipe']
    frame = read_table(write(tmp_path / "quoted.tsv", 'label\ttext\na\t"tab\there"\n'))
    assert categories(frame, "text") == ["tab\there"]
    frame = read_table(write(tmp_path / "t.csv", 'a, b\n"x", "y, z"\n5" pipe, 2\n'))
    assert categories(frame, "b") == ["y, z", "2"]


def test_pandas_frames_of_every_kind():
    index = pd.date_range("2020-01-01", periods=3, freq="h", tz="Europe/Paris")
    source = pd.DataFrame(
        {
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "truth": pd.array([True, None, False], dtype="boolean"),
            "kind": pd.Categorical(["u", "v", None]),
            "mixed": [1, "abc", None],
            7: [1.5, np.nan, 2.5],
        },
        index=index,
    )
    frame = read_table(source)
    assert frame["time"].dtype.is_temporal() and str(frame["time"][0]) == "2019-12-31 23:00:00+00:00"
    np.testing.assert_array_equal(numbers(frame, "nullable"), [1, np.nan, 3])
    np.testing.assert_array_equal(numbers(frame, "truth"), [1, np.nan, 0])
    np.testing.assert_array_equal(numbers(frame, "7"), [1.5, np.nan, 2.5])
    assert categories(frame, "kind") == ["u", "v", None]
    assert categories(frame, "nullable") == ["1", None, "3"]
    with pytest.raises(InputError, match="row 2 holds 'abc'"):
        numbers(frame, "mixed")
    with pytest.raises(InputError, match="holds times"):
        numbers(frame, "time")


def test_pandas_is_read_without_pyarrow(monkeypatch):
    source = pd.DataFrame({"t": pd.date_range("2020-01-01", periods=2), "s": ["x", None], "f": [1.0, np.nan]})

    def refuse(*args, **options):
        raise ModuleNotFoundError("pyarrow")

    monkeypatch.setattr(pl, "from_pandas", refuse)
    monkeypatch.setattr(pl, "from_arrow", refuse)
    frame = read_table(source)
    assert frame.columns == ["t", "s", "f"] and categories(frame, "s") == ["x", None]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ([1, 2], "cannot be made of list"),
        ({"a": [1], "b": [1, 2]}, "not usable"),
        ({}, "no rows"),
        ({"a": np.zeros((2, 2))}, "shape"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "not usable"),
    ],
)
def test_what_is_no_frame_is_refused(source, words):
    with pytest.raises(InputError, match=words):
        read_table(source)


def test_dict_columns_of_arrays_lists_and_dates():
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    values = pd.Series([1.0, 2.0])
    frame = read_table({"t": days, "x": np.arange(2), "s": ["a", None], "m": [1, "b"], "p": values})
    assert frame["t"].dtype == pl.Datetime("us") and frame["m"].to_list() == ["1", "b"]
    assert numbers(frame, "p").tolist() == [1.0, 2.0]


@pytest.mark.parametrize("last", ["7", ""])
def test_a_million_rows_are_read_in_seconds(tmp_path, last):
    path = write(tmp_path / "t.csv", "a,b,c\n" + f"2020-01-01 00:00:00,1.25,{last}\n" * 1_000_000)
    begin = time.perf_counter()
    frame = read_table(path)
    assert numbers(frame, "b").sum() == 1_250_000.0
    assert time.perf_counter() - begin < 10
    assert json.dumps(frame.columns) == '["a", "b", "c"]'


def test_nesting_without_end_is_no_crash(tmp_path):
    path = tmp_path / "deep.jsonl"
    for text in ('{"a": ' + "[" * 100_000, '{"a":' * 100_000, '{"a": ' + "[" * 5000 + "]" * 5000 + "}"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"deep\.jsonl"):
            read_table(path)


def test_what_a_library_says_is_one_line_and_short():
    assert reason(ValueError("one\ntwo")) == "one" and reason(KeyError()) == "KeyError"
    assert len(reason(ValueError("x" * 10**6))) < 210
    assert not is_there(Path("x" * 5000)) and is_there(Path(__file__)) and len(named(Path("x" * 5000))) < 210
