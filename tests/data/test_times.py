"""Times are read as they were meant, in every way of writing them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.table import Origin, read_table
from elman.data.times import guess_time_column, read_times
from elman.errors import InputError


def read(cells, notes=None):
    return read_times(read_table({"t": cells}), "t", notes=notes)


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2020-01-31", "2020-01-31"),
        ("2020-1-3 4:05", "2020-01-03T04:05"),
        ("2020/01/03 04:05:06.5", "2020-01-03T04:05:06.5"),
        ("2020-01-03T04:05:06,123456789", "2020-01-03T04:05:06.123456"),
        ("2020-01-03T04:05:06Z", "2020-01-03T04:05:06"),
        ("2020-01-03 04:05:06 UTC", "2020-01-03T04:05:06"),
        ("2020-01-03T04:05+02:00", "2020-01-03T02:05"),
        ("2020-01-03T04:05:06-0330", "2020-01-03T07:35:06"),
        ("2020-01-03 24:00", "2020-01-04"),
        ("2020-06", "2020-06-01"),
        ("20200103", "2020-01-03"),
        ("20200103T040506Z", "2020-01-03T04:05:06"),
        ("2020010304", "2020-01-03T04:00"),
        ("202006", "2020-06-01"),
        ("2020", "2020-01-01"),
        ("2020-Q3", "2020-07-01"),
        ("2020Q4", "2020-10-01"),
        ("13/1/1999", "1999-01-13"),
        ("1/13/1999 3:05 PM", "1999-01-13T15:05"),
        ("1/13/99 12:05:00 am", "1999-01-13T00:05"),
        ("13.01.68", "2068-01-13"),
        ("4 Jan 1999", "1999-01-04"),
        ("04-Jan-99 10:30", "1999-01-04T10:30"),
        ("January 4, 1999", "1999-01-04"),
        ("Mon, 04 Jan 1999 10:00:00 GMT", "1999-01-04T10:00"),
        ("Sept 2001", "2001-09-01"),
        ("1577836800", "2020-01-01"),
        ("1577836800.25", "2020-01-01T00:00:00.25"),
        ("1577836800123", "2020-01-01T00:00:00.123"),
        ("1577836800123456", "2020-01-01T00:00:00.123456"),
        ("1577836800123456789", "2020-01-01T00:00:00.123456"),
    ],
)
def test_one_time_in_each_way_of_writing_it(text, stamp):
    assert read([text, "", " " + text, None])[0] == np.datetime64(stamp, "us")
    assert np.isnat(read([text, "", " " + text, None])).tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    "text",
    ["abc", "13", "2020-02-30", "2020-13-01", "2021-02-29", "2020-01-01 25:00", "2020-01-01 10:60", "0.5",
     "13:00 PM", "2020-01-01 13:00 pm", "4 Foo 1999", "2020-Q5", "1/1", "10:30", "2020-01-01 24:01"],
)  # fmt: skip
def test_what_is_no_time_is_named_with_its_row(text, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("t,x\n2020-01-01,1\n2020-01-02,1\n" + f"{text},1\n")
    with pytest.raises(InputError) as caught:
        read_times(read_table(path), "t", Origin.of(path))
    assert f"column 't' of t.csv must hold times, but row 3 (line 4) holds {text!r}" in str(caught.value)


MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1))


FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d %H:%M:%S", "%d %b %Y %H:%M:%S",
           "%B %d, %Y %I:%M:%S %p", "%Y%m%d%H%M%S"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(MOMENTS, min_size=1, max_size=8), st.sampled_from(FORMATS), st.integers(-840, 840))
def test_any_moment_comes_back_from_text_from_epochs_and_from_date_types(moments, form, offset):
    moments = [moment.replace(microsecond=0) for moment in moments]
    exact = np.array(moments, "datetime64[us]")
    np.testing.assert_array_equal(read([moment.strftime(form) for moment in moments]), exact)
    np.testing.assert_array_equal(read(moments), exact)
    np.testing.assert_array_equal(read(pd.Series(exact).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")), exact)
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    local = [(moment + timedelta(minutes=offset)).isoformat(" ") for moment in moments]
    zoned = [f"{text}{sign}{minutes // 60:02}:{minutes % 60:02}" for text in local]
    np.testing.assert_array_equal(read(zoned), exact)
    late = [moment for moment in moments if 1980 < moment.year < 2030]  # ten digits could be YYYYMMDDHH later
    if late:
        seconds = [int(moment.replace(tzinfo=UTC).timestamp()) for moment in late]
        np.testing.assert_array_equal(read(seconds), np.array(late, "datetime64[us]"))


@pytest.mark.parametrize("order", ["%m/%d/%Y", "%d/%m/%Y"])
@pytest.mark.parametrize(("freq", "n"), [("D", 40), ("B", 9), ("W", 30), ("MS", 30), ("h", 100)])
def test_the_order_of_day_and_month_is_found(order, freq, n):
    days = pd.date_range("2019-03-01", periods=n, freq=freq)
    notes: list[str] = []
    form = order + " %H:%M" if freq == "h" else order
    np.testing.assert_array_equal(read(list(days.strftime(form)), notes), days.to_numpy().astype("M8[us]"))
    assert notes[0].startswith("t: read as month, day" if order == "%m/%d/%Y" else "t: read as day, month")


def test_long_digits_are_hours_of_the_day_or_seconds_throughout():
    assert read([1577836800, 2094080400])[1] == np.datetime64("2036-05-11T01")
    assert read([2094080400, 2094080401])[1] == np.datetime64("2094-08-04T01")
    with pytest.raises(InputError, match="row 3 holds '2094080460'"):
        read([2094080400, 2094080401, 2094080460])


def test_offsets_are_turned_to_utc_and_said():
    notes: list[str] = []
    read(["2020-01-01T00:00:00+02:00", "2020-01-01T01:00:00+02:00"], notes)
    read(pd.Series(pd.date_range("2020", periods=2, tz="Asia/Tokyo")), notes)
    read(["2020-01-01", "2020-01-02"], notes)
    assert notes == ["t: times with an offset turned to UTC", "t: turned to UTC"]


def test_columns_of_parts_are_joined():
    frame = read_table({"year": ["2020", "2020"], "month": [2, 2], "day": [28, 29], "hour": [24, 5], "v": [1, 2]})
    expected = np.array(["2020-02-29T00", "2020-02-29T05"], "M8[us]")
    np.testing.assert_array_equal(read_times(frame, ["year", "month", "day", "hour"]), expected)
    np.testing.assert_array_equal(read_times(frame, ["hour", "day", "month", "year"]), expected)
    assert guess_time_column(frame) == ("year", "month", "day", "hour")
    dated = read_table({"dteday": ["2020-01-01", "2020-01-02"], "hr": [3, 4], "clock": ["10:30", "11:30"]})
    assert read_times(dated, ["dteday", "hr"])[1] == np.datetime64("2020-01-02T04")
    assert read_times(dated, ["dteday", "clock"])[1] == np.datetime64("2020-01-02T11:30")
    with pytest.raises(InputError, match="row 2 of the table holds year 2020, month 2, day 30, which is no time"):
        read_times(read_table({"year": [2020, 2020], "month": [2, 2], "day": [1, 30]}), ["year", "month", "day"])
    with pytest.raises(InputError, match="no time without a year"):
        read_times(frame, ["month", "day"])
    with pytest.raises(InputError, match="cannot make one time"):
        read_times(dated.with_columns(day=pl.lit(1)), ["dteday", "day"])
    with pytest.raises(InputError, match="must hold whole numbers"):
        read_times(frame.with_columns(day=pl.lit(1.5)), ["year", "month", "day"])


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"x": [1, 2], "Date": ["2020-01-01", "2020-01-02"]}, ("Date",)),
        ({"Time": ["2020-01-01T00", "x"][:1] * 2, "x": [1, 2]}, ()),
        ({"time": ["0.1", "0.2"], "x": [1, 2]}, ()),
        ({"Date": ["2020-01-01"] * 2, "Time": ["2020-01-01T00:00Z", "2020-01-01T01:00Z"]}, ("Time",)),
        ({"Date": ["1/2/2020"] * 2, "Time": ["10:30", "10:45"]}, ("Date", "Time")),
        ({"timestamp": [1577836800, 1577840400], "id": [20200101, 20200102]}, ("timestamp",)),
        ({"Year": [2019, 2020], "Month": [1, 1], "x": [1, 2]}, ("Year", "Month")),
        ({"year": [2019, 2020], "x": [1, 2]}, ("year",)),
        ({"year": [2019, 2019], "x": [1, 2]}, ()),
        ({"code": ["20200101", "20200102"], "x": [1, 2]}, ()),
        ({"x": [1, 2], "Sold on": ["2020-01-01", "2020-01-02"]}, ("Sold on",)),
        ({"x": [1, 2], "Sold on": np.array(["2020-01-01", "2020-01-02"], "M8[D]")}, ("Sold on",)),
        ({"x": [1, 2], "name": ["a", "b"], "empty": [None, None]}, ()),
    ],
)
def test_the_time_column_is_guessed(columns, found):
    assert guess_time_column(read_table(columns)) == found


def test_a_stray_cell_does_not_hide_the_time_column_and_two_dates_are_asked_about():
    assert guess_time_column(read_table({"Date": ["2020-01-01", "oops", "2020-01-03"]})) == ("Date",)
    dates = ["2020-01-01", "2020-01-02"]
    with pytest.raises(InputError, match="columns ordered, shipped of the table all hold times: name the one"):
        guess_time_column(read_table({"ordered": dates, "shipped": dates}))


def test_a_german_column_of_dates_is_the_time():
    frame = pl.DataFrame({"Datum": ["01.02.2018", "02.02.2018", "13.02.2018"], "Wert": ["1", "2", "3"]})
    assert guess_time_column(frame) == ("Datum",)
    assert guess_time_column(frame.rename({"Datum": "Tag der Messung"})) == ("Tag der Messung",)


def test_a_year_of_a_million_digits_is_no_time():
    for year in ("1e300", "99999999", "-1e18"):
        with pytest.raises(InputError, match="must hold whole numbers to make a time"):
            read_times(pl.DataFrame({"year": [year], "month": ["1"]}), ["year", "month"])
