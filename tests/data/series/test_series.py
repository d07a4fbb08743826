"""A file of rows in any order, with gaps, duplicates, words and groups, becomes series on a clock."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.series.clock import Clock
from elman.data.series.series import check_target, read_series
from elman.errors import InputError

SERIES = Path(__file__).parents[3].parent / "shared" / "data" / "series"


def hours(*at):
    return [f"2020-01-{1 + h // 24:02} {h % 24:02}:00" for h in at]


def real(name):
    if not (SERIES / name).exists():
        pytest.skip(f"{SERIES / name} is absent")
    return SERIES / name


def test_one_series_with_a_gap_a_word_column_and_rows_out_of_order():
    source = {
        "time": hours(3, 0, 1, 6, 4), "y": ["30", "0", "NA", "60", "-"],
        "sky": ["rain", "sun", "rain", "", "sun"], "open": ["TRUE", "FALSE", "TRUE", "TRUE", "?"],
    }  # fmt: skip
    series = read_series(source, targets=["y"], columns=["open", "sky"])
    nan = np.nan
    assert series.columns == ("y", "open", "sky=rain", "sky=sun")
    np.testing.assert_array_equal(
        series.values,
        [
            [0, 0, 0, 1],
            [nan, 1, 1, 0],
            [nan] * 4,
            [30, 1, 1, 0],
            [nan, nan, 0, 1],
            [nan] * 4,
            [60, 1, nan, nan],
        ],
    )
    assert series.rows.tolist() == [2, 3, 0, 1, 5, 0, 4]
    np.testing.assert_array_equal(series.times, np.array(hours(*range(7)), "M8[us]"))
    assert series.starts.tolist() == [0, 7] and series.groups == ("",) and series.time == ("time",)
    assert series.clock == Clock("1 hour")
    assert series.notes == (
        "rows were not in time order: sorted",
        "2 missing hours inserted as missing values",
        "one step is 1 hour",
    )
    assert json.loads(json.dumps(series.layout)) == {"open": "number", "sky": ["rain", "sun"]}


def test_a_later_file_is_read_by_the_layout_and_the_clock_of_the_first():
    first = read_series(
        {"time": hours(0, 1, 2), "y": [1, 2, 3], "sky": ["a", "b", "a"]}, targets=["y"], columns=["sky"]
    )
    later = {"time": hours(7), "y": [None], "sky": ["c"]}
    series = read_series(later, targets=["y"], columns=["sky"], clock=first.clock, layout=first.layout)
    assert series.columns == first.columns and series.clock == first.clock and series.layout == first.layout
    assert np.isnan(series.values[0, 0]) and series.values[0, 1:].tolist() == [0, 0]
    assert "1 rows hold kinds of 'sky' not met in training: their indicators are 0" in series.notes
    numeric = {"time": hours(0, 1), "y": [1, 2], "sky": ["1", "2"]}
    series = read_series(numeric, targets=["y"], columns=["sky"], layout={"sky": ["1", "2"]})
    assert series.columns == ("y", "sky=1", "sky=2")
    with pytest.raises(InputError, match="'sky' of the table must hold numbers, but row 1 holds 'c'"):
        read_series(later, targets=["y"], columns=["sky"], clock=first.clock, layout={"sky": "number"})


def table(draw):
    """Rows of two groups on an hourly clock, with gaps, missing cells and words."""
    rows = []
    for group in ("north", "south"):
        for hour in [*range(8), *sorted(draw(st.sets(st.integers(8, 20))))]:
            rows.append((group, hours(hour)[0], draw(st.integers(0, 9) | st.none()), draw(st.sampled_from("ab"))))
    return rows


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_order_of_rows_gives_the_same_series(data):
    rows = table(data.draw)
    options = {"targets": ["y"], "columns": ["sky"], "group": "at"}

    def read(rows):
        frame = pl.DataFrame(rows, schema=["at", "time", "y", "sky"], orient="row")
        return frame, read_series(frame, **options)

    frame, one = read(rows)
    mixed, two = read(data.draw(st.permutations(rows)))
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.times, two.times)
    assert (one.columns, one.groups, one.starts.tolist()) == (two.columns, two.groups, two.starts.tolist())
    # Each present row lies where the source says, and every step between is there once.
    for source, series in ((frame, one), (mixed, two)):
        y = source["y"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        present = series.rows > 0
        np.testing.assert_array_equal(series.values[present, 0], y[series.rows[present] - 1])
        assert sorted(series.rows[present]) == list(range(1, len(rows) + 1))
        assert np.isnan(series.values[~present]).all()
        for begin, end in zip(series.starts[:-1], series.starts[1:], strict=True):
            assert (np.diff(series.times[begin:end]) == np.timedelta64(1, "h")).all()


def test_duplicate_times_are_refused_or_resolved_as_asked():
    source = {"time": hours(1, 0, 1, 1, 2), "y": [10, 0, 20, None, 5], "x": [1, 2, 3, 4, None]}
    with pytest.raises(InputError) as caught:
        read_series(source, targets=["y"])
    assert "2 duplicate times, such as rows 1 and 3 at 2020-01-01 01:00:00, rows 3 and 4" in str(caught.value)
    assert "--duplicates mean, first or last" in str(caught.value)
    expected = {"first": ([10, 1], 1), "last": ([np.nan, 4], 4), "mean": ([15, 8 / 3], 1)}
    for duplicates, (row, number) in expected.items():
        series = read_series(source, targets=["y"], columns=["x"], duplicates=duplicates)
        np.testing.assert_allclose(series.values, [[0, 2], row, [5, np.nan]])
        assert series.rows.tolist() == [2, number, 5]
        assert any(note.startswith("2 duplicate times: the ") for note in series.notes)
    with pytest.raises(InputError, match="duplicates must be mean, first or last, but 'median'"):
        read_series(source, targets=["y"], duplicates="median")


def test_the_same_times_in_two_groups_are_no_duplicates():
    source = {"time": hours(0, 1, 0, 1), "y": [1, 2, 3, 4], "shop": [10, 10, 9, 9]}
    series = read_series(source, targets=["y"], group="shop")
    assert series.groups == ("10", "9") and series.starts.tolist() == [0, 2, 4]
    assert series.values[:, 0].tolist() == [1, 2, 3, 4]
    with pytest.raises(InputError, match="within one shop"):
        read_series(source | {"time": hours(0, 0, 0, 1)}, targets=["y"], group="shop")
    with pytest.raises(InputError, match="must name the series of every row, but row 2 holds none"):
        read_series(source | {"shop": ["a", "", "b", "b"]}, targets=["y"], group="shop")


def test_a_wide_table_is_a_group_a_column():
    source = {"time": hours(0, 1, 3), "a": [1, 2, 3], "b": [4, 5, 6], "x": [7, 8, 9], "note": ["p", "q", "r"]}
    for targets in (["a", "b"], ["*"]):
        series = read_series(source, targets=targets, columns=["x"])
        assert series.columns == ("value", "x") and series.groups == ("a", "b")
        assert series.starts.tolist() == [0, 4, 8] and series.rows.tolist() == [1, 2, 0, 3] * 2
        np.testing.assert_array_equal(series.values[:4], [[1, 7], [2, 8], [np.nan] * 2, [3, 9]])
        np.testing.assert_array_equal(series.values[4:, 0], [4, 5, np.nan, 6])
        np.testing.assert_array_equal(series.times[:4], series.times[4:])
    grouped = source | {"time": hours(0, 1, 0), "shop": ["n", "n", "s"]}
    series = read_series(grouped, targets=["a", "b"], group="shop")
    assert series.groups == ("a n", "a s", "b n", "b s") and series.starts.tolist() == [0, 2, 3, 5, 6]
    assert series.values[:, 0].tolist() == [1, 2, 3, 4, 5, 6]


def test_without_a_time_column_rows_are_steps():
    series = read_series({"y": [1, None, 3], "g": ["a", "b", "a"]}, targets=["y"], group="g")
    assert series.clock == Clock() and series.times.tolist() == [0, 1, 0] and series.rows.tolist() == [1, 3, 2]
    assert series.notes == ("no time column: one row is one step",)
    timed = {"date": hours(0, 1), "y": [1, 2]}
    assert read_series(timed, targets=["y"], time=()).clock == Clock()
    with pytest.raises(InputError, match="trained on rows, but the table is read with times"):
        read_series(timed, targets=["y"], clock=Clock())
    with pytest.raises(InputError, match="trained on steps of 1 hour, but the table is read with no time column"):
        read_series({"y": [1, 2]}, targets=["y"], clock=Clock("1 hour"))


def test_working_days_are_taken_row_by_row():
    days = np.busday_offset("2020-01-01", [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12])
    series = read_series({"day": days, "y": np.arange(11)}, targets=["y"], time="day")
    assert len(series.times) == 11 and not series.clock.regular
    assert series.notes[-1] == "one step is 1 day, weekends left out"


@pytest.mark.parametrize(
    ("times", "clock", "words"),
    [
        (hours(0, 1, 2, 3), Clock("30 minutes"), "a step of 1 hour, but the model was trained on steps"),
        (hours(0, 1, 2, 3), Clock("1 month", day=1), "a step of 1 hour, but the .* on steps of 1 month"),
        (hours(0, 1, 2, 3), Clock("1 minute", regular=False), "a step of 1 hour"),
        (["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00", "2020-01-01 02:30"], Clock("1 hour"),
         "row 4 of the table is at 2020-01-01 02:30:00, but the steps of 1 hour from 2020-01-01 00:00:00 on"),
    ],
)  # fmt: skip
def test_a_file_off_the_clock_it_is_read_by(times, clock, words):
    with pytest.raises(InputError, match=words):
        read_series({"time": times, "y": range(4)}, targets=["y"], clock=clock)


def test_a_short_file_keeps_the_clock_it_cannot_show():
    week = Clock("1 day", False, tuple(86400 * day for day in range(5)))
    over_a_weekend = {"time": ["2020-01-03", "2020-01-06"], "y": [1, 2]}
    assert read_series(over_a_weekend, targets=["y"], clock=week).clock == week
    with pytest.raises(InputError, match="a step of 3 days"):
        read_series(over_a_weekend, targets=["y"], clock=Clock("1 day"))
    uneven = Clock("10 minutes", regular=False)
    minutes = {"time": [f"2020-01-01 00:{minute:02}" for minute in (0, 9, 20, 29)], "y": range(4)}
    assert read_series(minutes, targets=["y"], clock=uneven).clock == uneven
    with pytest.raises(InputError, match=r"a step of 9 minutes, but .* on steps of 20 minutes"):
        read_series(minutes, targets=["y"], clock=Clock("20 minutes", regular=False))


def test_rows_of_the_future_are_kept():
    source = {"time": hours(0, 1, 2, 3), "y": [1, 2, None, None], "x": [1, 2, 3, 4]}
    series = read_series(source, targets=["y"], columns=["x"])
    np.testing.assert_array_equal(series.values, [[1, 1], [2, 2], [np.nan, 3], [np.nan, 4]])


GOOD = {"time": hours(0, 1), "y": [1, 2], "x": [3, 4], "w": ["a", "b"]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"targets": ["Y"]}, r"no column 'Y' \(did you mean 'y'\?\)"),
        ({"targets": "y"}, "targets must be a list of column names, but 'y'"),
        ({"targets": []}, "targets must be a list"),
        ({"targets": ["*", "y"]}, "pass it alone"),
        ({"targets": ["w"]}, "'w' of the table must hold numbers, but row 1 holds 'a'"),
        ({"targets": ["y"], "columns": ["y"]}, "column 'y' is named twice"),
        ({"targets": ["y"], "columns": ["time"], "time": "time"}, "column 'time' is named twice"),
        ({"targets": ["*"], "columns": ["x", "y"]}, "no number column beside those named"),
        ({"targets": ["y"], "time": "w"}, "'w' of the table must hold times, but row 1 holds 'a'"),
        ({"targets": ["y"], "time": "when"}, "no column 'when'"),
        ({"targets": ["y"], "group": "shop"}, "no column 'shop'"),
        ({"targets": ["y"], "timezone": "Mars/Olympus"}, "no time zone"),
    ],
)
def test_options_that_do_not_fit(options, words):
    with pytest.raises(InputError, match=words):
        read_series(GOOD, **options)


def test_cells_that_do_not_fit():
    with pytest.raises(InputError, match="'time' of the table must hold a time in every row, but row 2 holds none"):
        read_series(GOOD | {"time": [*hours(0), ""]}, targets=["y"])
    with pytest.raises(InputError, match="takes two rows of one group, but there are 1 row"):
        read_series({"time": hours(0), "y": [1]}, targets=["y"])
    kinds = {"time": hours(*range(21)), "y": range(21), "id": [f"k{at}" for at in range(21)]}
    with pytest.raises(InputError, match="'id' of the table holds 21 kinds of text, 'k0' and others, but at most 20"):
        read_series(kinds, targets=["y"], columns=["id"])
    lying = {"id": ["H1", "H2"]} | {f"V{at}": [1, 2] for at in range(30)}
    with pytest.raises(InputError, match="one series a row"):
        read_series(lying, targets=["*"])


def test_a_target_there_is_nothing_to_learn_from():
    def series(y, **more):
        return read_series({"y": y, **more}, targets=["y"], group="g" if more else None)

    check_target(series([1, 1, 2]))
    check_target(series([1, 2, 2, 2], g=["a", "a", "b", "b"]))
    check_target(series([None, 1, 2]), upto_rows=3)
    with pytest.raises(InputError, match="'y' is always 1 in the rows to learn from"):
        check_target(series([1, 1, 2]), upto_rows=2)
    with pytest.raises(InputError, match="'y' holds no value in the 2 rows"):
        check_target(series([None, None, 2]), upto_rows=2)
    two = series([1, 2, None, 3], g=["a", "a", "b", "b"])
    check_target(two, upto_rows=np.array([2, 2]))
    with pytest.raises(InputError, match="'y' of 'b' holds no value in the 1 rows"):
        check_target(two, upto_rows=np.array([2, 1]))


def test_the_traffic_of_a_motorway_has_its_duplicates_and_missing_hours():
    path = real("metro_traffic.csv")
    with pytest.raises(InputError, match="7,629 duplicate times, such as rows 179 and 180 at 2012-10-10 07:00:00"):
        read_series(path, targets=["traffic_volume"])
    series = read_series(path, targets=["traffic_volume"], columns=["temp", "holiday"], duplicates="first")
    assert series.notes[:2] == (
        "7,629 duplicate times: the first kept",
        "11,976 missing hours inserted as missing values",
    )
    assert series.values.shape == (52551, 14) and int((series.rows == 0).sum()) == 11976
    assert series.clock == Clock("1 hour") and "holiday=None" in series.columns


def test_real_files_of_every_shape():
    series = read_series(real("sp500.csv"), targets=["Close"], columns=["Volume"])
    assert series.values.shape == (5031, 2) and series.clock.seasons() == [5]
    assert series.values[0].tolist() == [1228.099976, 877000000.0]
    series = read_series(real("vic_electricity.csv"), targets=["Demand"], columns=["Temperature", "Holiday"])
    assert series.columns == ("Demand", "Temperature", "Holiday") and len(series.times) == 52608
    assert series.values[0].tolist() == [4382.825174, 21.4, 1.0]
    series = read_series(real("beijing_pm25.csv"), targets=["pm2.5"], columns=["TEMP", "cbwd"])
    assert series.columns[2:] == ("cbwd=NE", "cbwd=NW", "cbwd=SE", "cbwd=cv")
    assert int(np.isnan(series.values[:, 0]).sum()) == 2067 and (series.values[:, 2:].sum(1) == 1).all()
    series = read_series(real("los_speed.csv"), targets=["*"])
    assert len(series.groups) == 207 and series.values.shape == (207 * 2016, 1) and series.clock == Clock()
    series = read_series(real("etth1.csv"), targets=["*"])
    assert series.groups == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
    assert series.clock == Clock("1 hour") and series.time == ("date",)
    with pytest.raises(InputError, match="one series a row"):
        read_series(real("m4_hourly_train.csv"), targets=["*"])
