"""A clock knows its step, its holes, what comes next and what comes round."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.series.clock import Clock
from elman.data.table import read_table
from elman.data.times import guess_time_column, read_times
from elman.errors import InputError

SERIES = Path(__file__).parents[3].parent / "shared" / "data" / "series"


def stamps(first, step, n):
    return np.datetime64(first, "us") + np.arange(n) * np.timedelta64(pd.Timedelta(step).value // 1000, "us")


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


@pytest.mark.parametrize(
    ("freq", "rows"), [("30min", 365 * 48), ("D", 365), ("W", 53), ("MS", 12), ("ME", 12), ("QS", 4), ("YS", 1)]
)
def test_a_year_is_spanned_by_its_last_step_and_not_before(freq, rows):
    times = pd.date_range("2021-01-01", periods=rows, freq=freq).to_numpy().astype("M8[us]")
    clock = Clock("1 year", day=1) if freq == "YS" else Clock.infer(times)
    assert clock.spans_year(times) and not clock.spans_year(times[:-1])
    assert not Clock().spans_year(np.arange(10**6))
