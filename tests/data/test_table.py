"""Columns are numbers or kinds as their cells say, and a stray cell is named with its row."""

import numpy as np
import polars as pl
import pytest

from elman.data.table import Origin, categories, column, holds_numbers, numbers, read_table
from elman.errors import InputError


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_missing_marker_is_missing_in_numbers_and_none_stays_a_kind(tmp_path):
    marks = ["1", "", "NA", "N/A", "NaN", "nan", "null", "None", "-", "?", " 2 ", "TRUE", "false"]
    frame = read_table(write(tmp_path / "t.csv", "x,y\n" + "".join(f"{mark},{mark}\n" for mark in marks)))
    expected = [1.0, *[np.nan] * 9, 2.0, 1.0, 0.0]
    np.testing.assert_array_equal(numbers(frame, "x"), expected)
    assert categories(frame, "y") == ["1", *[None] * 6, "None", "-", "?", "2", "TRUE", "false"]


def test_a_stray_word_is_named_with_row_line_and_value(tmp_path):
    lines = ["Date,Close"] + [f"2020-01-{day:02},{day}" for day in range(1, 20)]
    lines[17] = "2020-01-17,abc"
    lines.insert(3, "")
    frame = read_table(path := write(tmp_path / "prices.csv", "\n".join(lines)))
    assert holds_numbers(frame, "Close")
    with pytest.raises(InputError) as caught:
        numbers(frame, "Close", Origin.of(path))
    assert str(caught.value) == (
        "column 'Close' of prices.csv must hold numbers, but row 17 (line 19) holds 'abc': "
        "correct the row or write NA for a missing value"
    )


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("inf", "finite numbers, but row 2"),
        ("-Infinity", "finite"),
        ("1,234,567.8", "thousands separators"),
        ("12,5", "decimal comma"),
        ("5%", "holds '5%'"),
        ("x" * 10**6, "1,000,000 characters"),
    ],
)
def test_cells_that_are_no_plain_number(tmp_path, cell, words):
    path = write(tmp_path / "t.csv", f'x,y\n1,2\n"{cell}",2\n')
    with pytest.raises(InputError, match=words) as caught:
        numbers(read_table(path), "x", Origin.of(path))
    assert len(str(caught.value)) < 300


def test_a_column_that_is_not_there_offers_the_nearest():
    frame = read_table({"Close": [1.0], "Volume": [2.0]})
    assert column(frame, "Close").to_list() == [1.0]
    with pytest.raises(InputError, match=r"'close' \(did you mean 'Close'\?\): name one of its 2, Close, Volume"):
        column(frame, "close")


def test_numbers_as_kinds_lose_the_point_where_all_are_whole():
    frame = read_table({"whole": [1.0, None, -2.0], "part": [1.0, 2.5, np.nan], "huge": [1e300, 1.0, 2.0]})
    assert categories(frame, "whole") == ["1", None, "-2"]
    assert categories(frame, "part") == ["1.0", "2.5", None]
    assert categories(frame, "huge")[1:] == ["1.0", "2.0"]


def test_what_a_column_is_meant_as():
    frame = read_table(
        {
            "codes": ["1", "b", "c"],
            "nearly": ["1", "2", "x"],
            "none": ["", "NA", None],
            "day": np.array(["2020-01-01"] * 3, "M8[D]"),
        }
    )
    assert [holds_numbers(frame, name) for name in frame.columns] == [False, True, True, False]


@pytest.mark.parametrize(
    "cells", [pl.Series([2**31 - 1, 0]).cast(pl.Int32).cast(pl.Date), pl.Series([2**62, 0]).cast(pl.Datetime("ms"))]
)
def test_a_time_that_no_calendar_has_is_told_by_its_row(cells, tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"y": [1, 2], "day": cells.reverse()}).write_parquet(path)
    for source in (path, pl.read_parquet(path)):
        with pytest.raises(InputError, match=r"column 'day' of .* beyond the years 1 to 9999 in row 2: correct it"):
            read_table(source)


def test_the_first_and_the_last_time_of_the_calendar_are_read():
    for unit in ("ms", "us"):
        days = pl.Series(["0001-01-01", "9999-12-31", None]).str.to_date().cast(pl.Datetime(unit, "Asia/Tokyo"))
        assert read_table({"day": days}).height == 3
    assert read_table(pl.DataFrame({"day": pl.Series([-(2**63), 2**63 - 1]).cast(pl.Datetime("ns"))})).height == 2
