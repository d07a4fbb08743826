"""A series on disk is the one that is read into memory."""

from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import pieces
from elman.data.pieces import TableFile
from elman.data.series import on_disk
from elman.data.series.extend import context
from elman.data.series.on_disk import read_on_disk
from elman.data.series.seen import Seen
from elman.data.series.series import read_series
from elman.data.series.split import by_time, observed_ends
from elman.errors import InputError


def both(path, **options):
    file = TableFile(path)
    disk = read_on_disk(path, file, target="y", columns=["x"], **{"time": None, "timezone": None, **options})
    return read_series(path, targets=["y"], columns=["x"], **options), disk


def stamps(steps, kind):
    at = np.cumsum(steps)
    if kind == "months":
        return [f"{2000 + m // 12}-{m % 12 + 1:02d}-01" for m in at]
    if kind == "weekdays":
        return [str(day) for day in np.busday_offset("2020-01-01", at)]
    if kind == "epoch":
        return [str(1_600_000_000 + 60 * int(k)) for k in at]
    if kind == "odd":
        return [str(np.datetime64("2020-01-01", "s") + int(k * k)) for k in at]
    return [str(np.datetime64("2020-01-01T00:00", "m") + 30 * int(k)) for k in at]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([1, 1, 1, 1, 1, 2, 3]), min_size=12, max_size=60),
    st.sampled_from(["months", "weekdays", "epoch", "odd", "halves"]),
    st.integers(0, 10**6),
    st.sampled_from([1, 4, 100]),
    st.sampled_from([40, 1 << 21]),
    st.sampled_from([",", ";"]),
)
def test_the_rows_and_the_clock_are_those_of_memory(tmp_path_factory, steps, kind, seed, at_once, piece, separator):
    rng, rows = np.random.default_rng(seed), len(steps)
    y, x = rng.normal(size=rows), rng.normal(size=rows)
    cells = [["" if rng.random() < 0.3 else f"{one:.3f}" for one in column] for column in (y, x)]
    cells[0][0], cells[1][0] = "1.5", "-2.5"
    if separator == ";":
        cells = [[cell.replace(".", ",") for cell in column] for column in cells]
    path = tmp_path_factory.mktemp("series") / "s.csv"
    lines = [separator.join(row) for row in zip(stamps(steps, kind), *cells, strict=True)]
    path.write_text("\n".join([separator.join(("time", "y", "x")), *lines, ""]))
    with patch.object(on_disk, "AT_ONCE", at_once), patch.object(pieces, "PIECE", piece):
        here, there = both(path)
        np.testing.assert_array_equal(there.values[:], here.values)
        np.testing.assert_array_equal(there.times[:], here.times)
        assert (there.columns, there.clock, there.notes) == (here.columns, here.clock, here.notes)
        assert (there.layout, there.time, there.groups) == (here.layout, here.time, here.groups)
        assert there.starts.tolist() == here.starts.tolist()
        ends = observed_ends(here)
        assert observed_ends(there).tolist() == ends.tolist()
        for shares in ((0.1, 0.2), (0.3, 0.0)):
            a, b = by_time(here, *shares), by_time(there, *shares)
            assert (a.train_end, a.valid_end, a.test_end, a.how) == (b.train_end, b.valid_end, b.test_end, b.how)
        seen, known = Seen.of(here, ends - 3), Seen.of(there, ends - 3)
        assert seen.until == known.until
        assert seen.unseen(here)[0].tolist() == known.unseen(there)[0].tolist()
        for reach in (0, 3, 1000):
            a, b = context(here, ends, reach), context(there, ends, reach)
            np.testing.assert_array_equal(a.values, b.values)
            np.testing.assert_array_equal(a.times, b.times)


def test_later_files_keep_the_clock_and_the_kinds(tmp_path):
    path = tmp_path / "s.csv"
    days = [str(np.datetime64("2020-01-01") + k) for k in range(10)]
    pl.DataFrame({"time": days, "y": range(10), "x": ["a", "b", "c", "a", None] * 2}).write_csv(path)
    first = read_series(path, targets=["y"], columns=["x"])
    layout = {"x": ["a", "b"]}
    here, there = both(path, clock=first.clock, layout=layout)
    np.testing.assert_array_equal(there.values[:], here.values)
    assert there.notes == here.notes
    assert there.notes[0].startswith("2 rows hold kinds of 'x' not met in training")
    with pytest.raises(
        InputError, match=r"the model was trained on steps of 1 day, but s\.csv is read with no time column"
    ):
        both(path, clock=first.clock, layout=layout, time=())
    pl.DataFrame({"time": days[::2], "y": range(5), "x": list("abaab")}).write_csv(path)
    for read in (lambda: read_series(path, targets=["y"], clock=first.clock), lambda: both(path, clock=first.clock)[1]):
        with pytest.raises(InputError, match="has a step of 2 days, but the model was trained on steps of 1 day"):
            read()


def test_times_between_the_steps_and_written_in_several_ways_are_refused(tmp_path):
    path = tmp_path / "s.csv"
    days = [f"2020-01-{k + 1:02d}" for k in range(20)]
    first = pl.DataFrame({"time": days, "y": range(20), "x": range(20)})
    first.write_csv(path)
    clock = both(path)[1].clock
    first.with_columns(time=pl.Series([*days[:9], "2020-01-09 12:00", *days[10:]])).write_csv(path)
    with pytest.raises(InputError, match=r"row 10 of s.csv is at 2020-01-09 12:00:00, but the steps of 1 day from"):
        read_on_disk(path, TableFile(path), target="y", columns=["x"], time="time", timezone=None, clock=clock)
    first.with_columns(time=pl.Series([*days[:9], *[f"{day}T00:00Z" for day in days[9:]]])).write_csv(path)
    with patch.object(pieces, "PIECE", 60), pytest.raises(InputError, match="are written in several ways"):
        both(path)
