"""A series that has no room in memory is learnt from disk, and nothing shows it but the note."""

import re
import subprocess
import sys
from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman.data import batch as batches
from elman.data.series import on_disk, series, spread, tables_on_disk, window
from elman.errors import InputError
from elman.evaluate.chinese import said
from elman.evaluate.forecast import baselines
from elman.tasks.forecast import ForecastConfig

FORCED = "1B"  # has room for nothing
FROM_DISK = "its rows are read from disk"
STEPS = {"hour": "1h", "day": "1d", "minutes": "15m", "month": "1mo", "row": None}


def table(seed, rows, step="hour", missing=0.1, gaps=0.1, words=True, kin=True):
    """A season, noise and holes, with columns of numbers and of words."""
    rng = np.random.default_rng(seed)
    y = 10 + 3 * np.sin(np.arange(rows) * 2 * np.pi / 6) + rng.normal(0, 1, rows)
    frame = {"y": y, "wind": rng.normal(5, 2, rows)}
    if kin:
        frame["high"] = y + rng.normal(0, 0.01, rows)
    frame = {name: np.where(rng.random(rows) < missing, np.nan, values) for name, values in frame.items()}
    if words:
        frame["sky"] = rng.choice(["sun", "rain", "", "fog"], rows)
    frame = {"row": np.arange(rows), "same": np.full(rows, 7.0), **frame}
    if STEPS[step] is not None:
        times = pl.datetime_range(pl.datetime(2021, 12, 30), pl.datetime(2090, 1, 1), STEPS[step], eager=True)
        frame = {"time": times.head(rows), **frame}
    made = pl.DataFrame(frame).with_columns(pl.selectors.float().fill_nan(None))
    kept = rng.random(rows) >= gaps
    kept[[0, 1, -2, -1]] = True
    return made.filter(pl.Series(kept))


def written(frame, folder, kind):
    path = folder / f"series.{kind}"
    frame.write_parquet(path, row_group_size=17) if kind == "parquet" else frame.write_csv(path)
    return path


def small(piece, at_once):
    """Pieces of so many rows, as if a small table were a large one."""
    held = ExitStack()
    for page, name, size in (
        (spread, "PIECE", piece),
        (series, "PIECE", piece),
        (baselines, "PIECE", piece),
        (on_disk, "AT_ONCE", at_once),
        (tables_on_disk, "AT_ONCE", at_once),
    ):
        held.enter_context(patch.object(page, name, size))
    return held


def prepared(path, config):
    model = elman.Forecaster(**config)
    return model, model.prepare(str(path), None, None, ForecastConfig(**config))


def every(windows):
    return windows.batch(torch.arange(len(windows)))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(90, 260),
    step=st.sampled_from(["hour", "day", "minutes", "month", "row"]),
    missing=st.sampled_from([0.0, 0.1, 0.5]),
    gaps=st.sampled_from([0.0, 0.1, 0.4]),
    kind=st.sampled_from(["parquet", "csv"]),
    horizon=st.integers(1, 5),
    known=st.sampled_from([(), ("wind",), ("sky",)]),
    level=st.sampled_from(["auto", "window"]),
    augment=st.sampled_from([(), ("scaling", "jitter")]),
    piece=st.sampled_from([5, 64, 10_000]),
    at_once=st.sampled_from([1, 7, 100]),
)
def test_what_is_learnt_from_is_the_same_to_the_bit(
    tmp_path_factory, seed, rows, step, missing, gaps, kind, horizon, known, level, augment, piece, at_once
):
    path = written(table(seed, rows, step, missing, gaps), tmp_path_factory.mktemp("series"), kind)
    config = {"target": "y", "horizon": horizon, "known": known, "level": level, "augment": augment, "lookback": 8}
    config |= {"season": 6} if seed % 2 else {}
    with small(piece, at_once):
        try:
            model, here = prepared(path, config)
        except InputError as refused:  # gaps may leave a part with too few rows: so they must from disk
            with pytest.raises(InputError, match=f"^{re.escape(str(refused))}$"):
                prepared(path, {**config, "ram": FORCED})
            return
        other, there = prepared(path, {**config, "ram": FORCED})
    assert isinstance(there.train, tables_on_disk.WindowsOnDisk)
    assert other.encoder_.to_json() == model.encoder_.to_json()
    assert other.reader_ == model.reader_
    assert (other.season_, other.lookback_) == (model.season_, model.lookback_)
    assert other.seen_.until == model.seen_.until
    np.testing.assert_array_equal(other.seen_.first, model.seen_.first)
    for name in ("values", "times"):
        np.testing.assert_array_equal(getattr(other.context_, name), getattr(model.context_, name))
    assert [note for note in there.notes if not note.endswith(FROM_DISK)] == list(here.notes)
    for part in ("train", "valid", "test"):
        a, b = getattr(here, part), getattr(there, part)
        numbers = np.arange(len(a))
        assert len(a) == len(b)
        np.testing.assert_array_equal(a.at(numbers), b.at(numbers))
        torch.manual_seed(seed)
        left = every(a)
        torch.manual_seed(seed)
        right = every(b)
        for name in left.inputs:
            torch.testing.assert_close(left.inputs[name], right.inputs[name], rtol=0, atol=0)
        torch.testing.assert_close(left.y, right.y, rtol=0, atol=0, equal_nan=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(20, 80), st.sampled_from([0.1, 0.7]), st.integers(1, 5), st.integers(1, 9))
def test_what_is_judged_beside_is_the_same(tmp_path_factory, seed, rows, missing, horizon, m):
    path = written(table(seed, rows, "row", missing, 0.0), tmp_path_factory.mktemp("series"), "parquet")
    with small(11, 4):
        read = on_disk.read_on_disk(path, on_disk.TableFile(path), target="y", columns=(), time=(), timezone=None)
        y, starts = read.values[:][:, 0], np.array([0])
        at = np.arange(1, rows - horizon)
        for guess in (baselines.naive, baselines.drift, baselines.future):
            np.testing.assert_array_equal(guess(read.target, starts, at, horizon), guess(y, starts, at, horizon))
        np.testing.assert_array_equal(
            baselines.seasonal_naive(read.target, starts, at, horizon, m),
            baselines.seasonal_naive(y, starts, at, horizon, m),
        )
        ends = np.array([rows // 2])
        scales = [baselines.seasonal_scale(one, starts, m, ends) for one in (y, read.target)]
        assert scales[0] == scales[1]
    whole = baselines.seasonal_scale(np.where(np.arange(rows) < rows // 2, y, np.nan), starts, m)
    np.testing.assert_allclose(scales[0], whole)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A fit in memory and one from disk, of fewer windows than there are."""
    path = written(table(3, 500, "hour", 0.05, 0.05), tmp_path_factory.mktemp("fit"), "csv")
    config = {"target": "y", "horizon": 2, "hidden": 8, "steps": 20, "batch_size": 16, "season": 6}
    with small(64, 50), patch.object(batches, "LOT", 100), patch.object(window, "MOST_JUDGED", 30):
        yield path, elman.Forecaster(**config).fit(path), elman.Forecaster(**config, ram=FORCED).fit(path)


def test_weights_intervals_and_scores_are_the_same_to_the_bit(both):
    _, here, there = both
    weights = there.network_.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in here.network_.state_dict().items())
    assert here.intervals_ == there.intervals_
    assert (here.evaluation_.metrics, here.evaluation_.baselines) == (
        there.evaluation_.metrics,
        there.evaluation_.baselines,
    )
    assert here.evaluation_.verdict == there.evaluation_.verdict


def test_the_notes_say_that_the_disk_was_used_and_that_not_all_was_judged(both):
    _, here, there = both
    told = [note for note in there.notes_ if note.endswith(FROM_DISK)]
    assert len(told) == 1 and told[0].startswith("series.csv would take about ") and "may take 0.001 kB" in told[0]
    assert not any(note.endswith(FROM_DISK) for note in here.notes_)
    for model in (here, there):
        fewer = [note for note in model.notes_ if "evenly spaced windows" in note]
        assert len(fewer) == 2 and all(int(note.split()[0]) <= 30 for note in fewer)


def test_the_notes_are_known_in_chinese(both):
    assert all(said(note) != note for note in both[2].notes_)


def test_what_is_answered_and_saved_is_the_same(both, tmp_path):
    path, here, there = both
    assert there.predict().equals(here.predict())
    there.save(tmp_path / "m")
    again = elman.load(tmp_path / "m")
    assert again.config_.ram == FORCED
    assert again.predict().equals(here.predict())
    assert again.predict(path).equals(here.predict(path))
    later = table(3, 700, "hour", 0.05, 0.05)
    later.write_csv(tmp_path / "later.csv")
    ours, theirs = (model.evaluate(tmp_path / "later.csv") for model in (again, here))
    assert (ours.metrics, ours.baselines) == (theirs.metrics, theirs.baselines)
    assert any(note.startswith("only rows after") for note in ours.notes)


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        (
            lambda f: f.reverse(),
            {},
            r"row 2 \(line 3\) of series.csv lies before the row above it in time: sort the file",
        ),
        (lambda f: pl.concat([f.head(5), f.tail(300)[:200], f[4:5]]), {}, "lies before the row above it in time"),
        (
            lambda f: pl.concat([f.head(9), f[8:]]),
            {},
            r"row 10 \(line 11\) of series.csv has the time of the row above it",
        ),
        (
            lambda f: f,
            {"group": "sky"},
            "several series, of which only one can be read from disk: give a file for each",
        ),
        (lambda f: f, {"target": ("y", "wind")}, "several series, of which only one can be read from disk"),
        (lambda f: f, {"target": "*"}, "several series, of which only one can be read from disk"),
        (lambda f: f.with_columns(y=pl.lit("word")), {}, "must hold numbers, but row 1 "),
    ],
)
def test_what_cannot_be_read_from_disk_is_refused_in_a_sentence(tmp_path, change, options, told):
    path = written(change(table(1, 300, missing=0.0)), tmp_path, "csv")
    with small(64, 50), pytest.raises(InputError, match=told):
        elman.Forecaster(**{"target": "y", "steps": 1, "ram": FORCED, **options}).fit(path)


def test_parts_that_are_given_apart_and_searches_need_memory(tmp_path):
    path = written(table(1, 300, missing=0.0), tmp_path, "csv")
    model = elman.Forecaster(target="y", steps=1, ram=FORCED)
    with pytest.raises(InputError, match="leave out --valid and --test"):
        model.fit(path, valid=path)
    with pytest.raises(InputError, match="where a search cuts it again and again"):
        model.cut(path, None)
    with pytest.raises(InputError, match="'5' is no amount of memory"):
        elman.Forecaster(target="y", ram="5").fit(path)


LIMITED = """
import resource, sys
import elman
settings = dict(target="y", steps=3, hidden=8, lookback=24)
elman.Forecaster(**settings).fit({{"y": [0.0, 1.0, 2.0, 1.5] * 50}})  # so that all libraries are there
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + {room}, taken + {room}))
model = elman.Forecaster(**settings, ram={ram!r}).fit(sys.argv[1])
print(model.evaluation_.rows, model.predict().height, *model.notes_, sep="\\n")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="address spaces are limited so on Linux alone")
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_where_the_address_space_is_too_small_for_the_rows_the_disk_has_room(tmp_path, kind):
    rows = 900_000
    path = tmp_path / f"long.{kind}"
    y = np.sin(np.arange(rows) * 2 * np.pi / 24) + np.random.default_rng(0).normal(0, 0.1, rows)
    times = np.datetime64("1950-01-01T00", "us") + np.arange(rows) * np.timedelta64(3_600_000_000, "us")
    frame = pl.DataFrame({"time": times, "y": y, "x": np.roll(y, 5) + 1})
    frame.write_parquet(path) if kind == "parquet" else frame.write_csv(path)

    def fit(ram):
        code = LIMITED.format(room=500 << 20, ram=ram)
        return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)

    assert fit("1TB").returncode != 0
    found = fit(None)
    assert found.returncode == 0, found.stderr
    assert FROM_DISK in found.stdout
