"""Times are read as they were meant, and the clock they give knows its step, its holes and what comes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.clock import Clock, guess_time_column, read_times
from elman.data.table import Origin, read_table
from elman.errors import InputError

SERIES = Path(__file__).parents[2].parent / "shared" / "data" / "series"


def stamps(first, step, n):
    return np.datetime64(first, "us") + np.arange(n) * np.timedelta64(pd.Timedelta(step).value // 1000, "us")


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


STEPS = [
    ("20ms", "20 milliseconds", []),
    ("1s", "1 second", [86400, 604800]),
    ("5min", "5 minutes", [288, 2016]),
    ("15min", "15 minutes", [96, 672]),
    ("30min", "30 minutes", [48, 336]),
    ("1h", "1 hour", [24, 168]),
    ("1D", "1 day", [7]),
    ("7D", "1 week", [52]),
    ("14D", "2 weeks", [26]),
]


@pytest.mark.parametrize(("freq", "step", "seasons"), STEPS)
@pytest.mark.parametrize("first", ["2020-02-28", "1969-12-30T16:00"])
def test_fixed_steps(freq, step, seasons, first):
    times = stamps(first, freq, 400)
    clock = Clock.infer(times[:300])
    assert (clock.step, clock.regular, clock.weekly_slots) == (step, True, None)
    np.testing.assert_array_equal(clock.future(times[299], 100), times[300:])
    assert [season for season in clock.seasons() if freq != "20ms"] == seasons
    holed = np.delete(times, [3, 4, 50, 77])
    assert Clock.infer(holed) == clock
    np.testing.assert_array_equal(times[clock.positions(holed)], holed)


@pytest.mark.parametrize(
    ("freq", "step", "day", "seasons"),
    [
        ("MS", "1 month", 1, [12]), ("ME", "1 month", 31, [12]), ("BME", "1 month", 31, [12]),
        ("BMS", "1 month", 1, [12]), ("QS", "1 quarter", 1, [4]), ("QE", "1 quarter", 31, [4]),
        ("YS", "1 year", 1, []), ("YE", "1 year", 31, []), ("2YS", "2 years", 1, []),
        ("2MS", "2 months", 1, [6]),
    ],
)  # fmt: skip
def test_calendar_steps(freq, step, day, seasons):
    times = pd.date_range("1999-01-01", periods=60, freq=freq).to_numpy().astype("M8[us]")
    clock = Clock.infer(times[:40])
    assert (clock.step, clock.regular, clock.day, clock.seasons()) == (step, True, day, seasons)
    future = clock.future(times[39], 20)
    if freq.startswith("B"):
        assert (np.abs(future - times[40:]) <= np.timedelta64(3, "D")).all()
    else:
        np.testing.assert_array_equal(future, times[40:])
    assert Clock.infer(np.delete(times[:40], [5, 6])) == clock
    assert clock.positions(np.delete(times, [1])).tolist() == [0, *range(2, 60)]


def test_a_month_clock_keeps_the_day_and_the_time_of_day():
    times = np.array([f"2019-{month:02}-{min(30, 28 if month == 2 else 30)}T06:30" for month in range(1, 8)], "M8[us]")
    clock = Clock.infer(times)
    assert clock.day == 30
    ahead = clock.future(times[-1], 8).astype("M8[m]").astype(str).tolist()
    assert ahead[0] == "2019-08-30T06:30" and ahead[6] == "2020-02-29T06:30" and ahead[7] == "2020-03-30T06:30"


def test_four_weeks_are_no_month_and_scattered_days_no_clock_of_months():
    assert Clock.infer(stamps("2020-01-01", "28D", 5)).step == "4 weeks"
    scattered = np.array(["2020-01-05", "2020-02-19", "2020-03-25", "2020-05-02"], "M8[us]")
    assert not Clock.infer(scattered).regular


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 600), st.integers(0, 4000), st.sets(st.integers(0, 599), max_size=40))
def test_working_days_skip_weekends_whatever_the_holidays(n, shift, holidays):
    days = np.busday_offset(np.datetime64("1999-01-01"), np.arange(n) + shift, roll="forward").astype("M8[us]")
    days = days + np.timedelta64(16, "h")
    kept = np.array([at for at in range(n) if at not in holidays or at in (0, 1, 2, 3, 4, 5, 6, 7)])
    clock = Clock.infer(days[kept])
    assert (clock.step, clock.regular) == ("1 day", False)
    assert clock.weekly_slots == tuple(86400 * day + 16 * 3600 for day in range(5))
    assert clock.seasons() == [5] and clock.seasons(yearly=True) == [5, 261]
    ahead = clock.future(days[-1], 11)
    expected = np.busday_offset(days[-1].astype("M8[D]"), np.arange(1, 12)).astype("M8[us]")
    np.testing.assert_array_equal(ahead, expected + np.timedelta64(16, "h"))
    assert str(clock) == "one step is 1 day, weekends left out"
    names, features = clock.features(days)
    assert names[:5] == ("monday", "tuesday", "wednesday", "thursday", "friday") and "saturday" not in names
    assert (features[:, :5].sum(1) == 1).all()


def market(first, weeks):
    """Five-minute bars from 9:30 to 16:00 of working days."""
    days = np.busday_offset(np.datetime64(first), np.arange(5 * weeks)).astype("M8[us]")
    return (days[:, None] + stamps("1970-01-01T09:30", "5min", 78).astype(np.int64)).ravel()


def test_market_hours():
    times = market("2021-01-04", 6)
    clock = Clock.infer(np.delete(times, np.r_[700:720, 900]))
    assert (clock.step, clock.regular, len(clock.weekly_slots or ())) == ("5 minutes", False, 390)
    assert clock.seasons() == [78, 390]
    np.testing.assert_array_equal(clock.future(times[-1], 1000), market("2021-02-15", 3)[:1000])
    assert clock.positions(times[::3]).tolist() == list(range(len(times[::3])))


def test_market_hours_on_a_wall_clock_survive_the_change_to_summer_time():
    local = market("2021-01-04", 20)
    utc = pd.Series(local).dt.tz_localize("America/New_York").dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    utc = utc.astype("M8[us]")
    clock = Clock.infer(utc[: 8 * 390], timezone="America/New_York")
    assert len(clock.weekly_slots or ()) == 390
    np.testing.assert_array_equal(clock.future(utc[8 * 390 - 1], 390 * 8), utc[8 * 390 : 16 * 390])


def test_random_holes_are_missing_rows_not_a_calendar():
    rng = np.random.default_rng(0)
    times = stamps("2020-01-01", "1h", 24 * 40)
    clock = Clock.infer(times[np.sort(rng.choice(len(times), 24 * 30, replace=False))])
    assert (clock.step, clock.regular, clock.weekly_slots) == ("1 hour", True, None)
    # The same two hours missing in each of two groups, and the same hour missing in each of three weeks.
    holed = np.delete(times[:200], [100, 101])
    both = np.concatenate([holed, holed])
    assert Clock.infer(both, np.array([0, len(holed), 2 * len(holed)])) == Clock("1 hour")
    assert Clock.infer(np.delete(times[:504], [50, 218, 386])) == Clock("1 hour")
    # Nights are left out, but most of the missing rows are by day.
    by_day = times[(np.arange(len(times)) % 24 >= 3) & (rng.random(len(times)) < 0.6)]
    assert Clock.infer(by_day) == Clock("1 hour")
    assert Clock.infer(np.delete(stamps("2020-01-01", "1D", 9), [3])) == Clock("1 day")


def test_uneven_times_and_far_apart_rows_are_taken_row_by_row():
    rng = np.random.default_rng(0)
    jitter = stamps("2020-01-01", "10min", 500) + rng.integers(0, 60, 500) * np.timedelta64(1, "s")
    clock = Clock.infer(jitter)
    assert not clock.regular and clock.weekly_slots is None
    assert clock.positions(jitter).tolist() == list(range(500))
    bursts = np.concatenate([stamps(f"20{year}-05-01", "1min", 100) for year in range(10, 20)])
    assert Clock.infer(bursts).step == "1 minute" and not Clock.infer(bursts).regular
    months = np.concatenate([np.arange(f"{year}-01", f"{year}-04", dtype="M8[M]") for year in (1950, 2020)])
    assert Clock.infer(months.astype("M8[us]")) == Clock("1 month", regular=False, day=1)


def test_groups_share_a_clock_and_a_lone_row_has_none():
    one, two = stamps("2020-01-01", "1h", 50), stamps("2019-06-01", "1h", 30)
    assert Clock.infer(np.concatenate([one, two]), np.array([0, 50, 80])).step == "1 hour"
    with pytest.raises(InputError, match="takes two rows of one group, but there are 2 rows"):
        Clock.infer(np.array([one[0], two[0]]), np.array([0, 1, 2]))


def test_features_are_on_the_wall_clock_and_vary():
    clock = Clock("1 hour", timezone="Australia/Melbourne")
    times = stamps("2020-01-01T13:00", "1h", 24 * 400)
    names, columns = clock.features(times)
    values = dict(zip(names, columns.T, strict=True))
    assert columns.dtype == np.float32 and np.isfinite(columns).all() and (columns.std(0) > 0.1).all()
    summer, winter = 0, int((np.datetime64("2020-07-01T14:00") - times[0]) / np.timedelta64(1, "h"))
    assert values["day_cos1"][summer] == pytest.approx(1)  # 2 January 2020, 00:00 in Melbourne's summer
    assert values["day_cos1"][winter] == pytest.approx(1)  # an hour later in UTC without summer time
    assert values["thursday"][summer] == 1 and values["wednesday"][summer] == 0
    assert values["year_cos1"][summer] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("step", "expected"),
    [("row", 0), ("10 minutes", 13), ("1 day", 9), ("2 days", 9), ("1 week", 2), ("1 month", 4),
     ("1 quarter", 2), ("1 year", 0)],
)  # fmt: skip
def test_features_a_step(step, expected):
    clock = Clock(step)
    names, columns = clock.features(np.arange(5) if step == "row" else clock.future(np.datetime64("2020-01-31"), 5))
    assert columns.shape == (5, expected) and len(set(names)) == expected


def test_a_row_clock_counts():
    clock = Clock()
    assert clock.future(9, 3).tolist() == [10, 11, 12] and clock.seasons(yearly=True) == []
    assert clock.positions(np.arange(4)).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("clock", [
    Clock(), Clock("30 minutes", timezone="Europe/Paris"), Clock("1 month", day=31),
    Clock("1 day", regular=False, weekly_slots=(0, 86400)),
])  # fmt: skip
def test_json_there_and_back(clock):
    assert Clock.from_json(json.loads(json.dumps(clock.to_json()))) == clock


@pytest.mark.parametrize("step", ["", "hour", "0 hours", "3 moons", "-1 day", "1.5 days"])
def test_a_step_that_is_none(step):
    with pytest.raises(InputError, match="write a count and one of"):
        Clock(step)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../x"])
def test_a_zone_that_is_none(zone):
    with pytest.raises(InputError, match="give an IANA name like Europe/Paris"):
        Clock("1 hour", timezone=zone)


def test_counts_in_words():
    assert Clock("1 hour").count(11976) == "11,976 hours" and Clock("1 day").count(1) == "1 day"
    assert Clock("30 minutes").count(2) == "2 steps of 30 minutes"


@pytest.mark.parametrize(
    ("file", "columns", "clock", "last", "following"),
    [
        ("sp500.csv", ("Date",), Clock("1 day", False, tuple(86400 * day for day in range(5))), "2018-12-31",
         "2019-01-01"),
        ("vic_electricity.csv", ("Time",), Clock("30 minutes"), "2014-12-31T12:30", "2014-12-31T13:00"),
        ("beijing_pm25.csv", ("year", "month", "day", "hour"), Clock("1 hour"), "2014-12-31T23",
         "2015-01-01"),
        ("metro_traffic.csv", ("date_time",), Clock("1 hour"), "2018-09-30T23", "2018-10-01"),
        ("etth1.csv", ("date",), Clock("1 hour"), "2018-06-26T19", "2018-06-26T20"),
        ("los_speed.csv", (), None, None, None),
    ],
)  # fmt: skip
def test_real_files(file, columns, clock, last, following):
    if not (SERIES / file).exists():
        pytest.skip(f"{SERIES / file} is absent")
    frame = read_table(SERIES / file)
    assert guess_time_column(frame) == columns
    if clock is not None:
        times = np.unique(read_times(frame, columns))
        assert Clock.infer(times) == clock
        assert times[-1] == np.datetime64(last) and clock.future(times[-1], 1)[0] == np.datetime64(following)
