"""Frames come back in the library they came from, and files in the format that their name says."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from elman.data.frames import columns_of, plain, to_frame, write_frame

COLUMNS = {
    "time": np.array(["2020-01-01", "2020-01-02"], "M8[us]"),
    "shop": ["a", "b"],
    "forecast": np.array([1.5, -2.0]),
}
VALUES = [[dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 2)], ["a", "b"], [1.5, -2.0]]


@pytest.mark.parametrize(
    ("like", "kind"),
    [
        (None, pl.DataFrame), ("a.csv", pl.DataFrame), (Path("a.csv"), pl.DataFrame), ({"y": [1]}, pl.DataFrame),
        (pl.DataFrame({"y": [1]}), pl.DataFrame), (pl.LazyFrame({"y": [1]}), pl.DataFrame),
        (pd.DataFrame({"y": [1]}), pd.DataFrame), (pa.table({"y": [1]}), pa.Table),
    ],
)  # fmt: skip
def test_the_frame_is_of_the_library_that_was_given(like, kind):
    frame = to_frame(COLUMNS, like)
    assert type(frame) is kind
    names = frame.column_names if kind is pa.Table else list(frame.columns)
    assert names == list(COLUMNS)
    read = [frame[name].to_pylist() if kind is pa.Table else frame[name].to_list() for name in names]
    assert read == VALUES


def test_pandas_gets_times_and_numbers_of_its_own_types():
    frame = to_frame(COLUMNS, pd.DataFrame())
    assert frame["time"].dtype.kind == "M" and frame["forecast"].dtype == np.float64


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.csv", lambda path: pl.read_csv(path, try_parse_dates=True)), ("a.parquet", pl.read_parquet),
        ("a.tsv", lambda path: pl.read_csv(path, separator="\t", try_parse_dates=True)),
        ("a.txt", lambda path: pl.read_csv(path, try_parse_dates=True)),
        ("a.jsonl", pl.read_ndjson), ("a.ndjson", pl.read_ndjson),
    ],
)  # fmt: skip
def test_a_file_is_written_by_its_suffix(tmp_path, name, read):
    frame = to_frame(COLUMNS).drop("time")
    write_frame(frame, tmp_path / name)
    assert read(tmp_path / name).equals(frame)


def test_rows_become_columns_and_rows_json():
    rows = [{"day": "2020-01-01", "y": 1}, {"y": "2,5", "z": None}]
    assert columns_of(rows) == {"day": ["2020-01-01", None], "y": ["1", "2,5"], "z": [None, None]}
    assert plain([{"at": dt.date(2020, 1, 2), "y": 1.5}]) == [{"at": "2020-01-02", "y": 1.5}]
