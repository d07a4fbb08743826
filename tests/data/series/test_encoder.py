"""What a forecaster reads is scaled by the training part alone and never tells of what comes after its origin."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.series.clock import Clock
from elman.data.series.encoder import SeriesEncoder, carried_forward
from elman.data.series.series import SeriesSet, read_series
from elman.data.series.window import Windows, origins

DAY0 = np.datetime64("2020-01-01", "us")
LOOKBACK, HORIZON = 6, 3
COLUMNS = ("y", "high", "wind", "promo", "sky=rain", "sky=sun")
AHEAD = [3, 4, 5]  # promo and sky are known ahead
LAYOUT = {"high": "number", "wind": "number", "promo": "number", "sky": ["rain", "sun"]}


def world(seed=0, rows=40, groups=("a", "b", "c"), missing=0.1):
    """Random walks on days, each group beginning 4 days after the one before; ``high`` moves with the target."""
    rng, size = np.random.default_rng(seed), rows * len(groups)
    y = np.concatenate([10 * (g + 1) + rng.normal(0, 1, rows).cumsum() for g in range(len(groups))])
    rain = (rng.random(size) < 0.5).astype(float)
    values = np.stack(
        [y, y + rng.normal(0.5, 0.01, size), rng.normal(3, 2, size), rng.random(size), rain, 1 - rain], axis=1
    )
    values[rng.random(values.shape) < missing] = np.nan
    days = np.concatenate([np.arange(rows) + 4 * g for g in range(len(groups))])
    times, starts = DAY0 + days * np.timedelta64(1, "D"), np.arange(0, size + 1, rows)
    return SeriesSet(values, COLUMNS, times, np.arange(size) + 1, starts, groups, Clock("1 day"), layout=LAYOUT)


def cut(series, share=0.6):
    """Training ends at one moment for all groups."""
    moment = series.times.min() + share * (series.times.max() - series.times.min())
    spans = zip(series.starts[:-1], series.starts[1:], strict=True)
    return np.array([a + np.searchsorted(series.times[a:b], moment) for a, b in spans])


def fitted(series, train_end=None, **options):
    options = {"known": ("promo", "sky"), "lags": (3, 7), "horizon": HORIZON, "level": "none", "factors": 0, **options}
    return SeriesEncoder.fit(series, cut(series) if train_end is None else train_end, **options)


def windows(encoder, series, at, own=None):
    return Windows(encoder.encode(series, own), at, LOOKBACK, HORIZON)


def every_origin(series):
    ends = series.starts[1:]
    return origins(series, series.starts[:-1], ends, lookback=LOOKBACK, history=LOOKBACK, horizon=HORIZON, stride=1)


def spoilt(series, rows, columns, seed):
    """The series with other numbers, or none, in these rows and columns."""
    rng, values = np.random.default_rng(seed), series.values.copy()
    new = rng.normal(0, 100, values.shape)
    new[rng.random(new.shape) < 0.3] = np.nan
    at = np.ix_(rows, columns)
    values[at] = new[at]
    return replace(series, values=values)


# No value from an origin on reaches the inputs of its window.


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["last", "window", "none"]),
    st.sampled_from([0, 2]),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 10**6),
)
def test_no_window_sees_a_target_or_an_unknown_input_from_its_origin_on(seed, level, factors, missing, pick):
    series = world(seed, missing=missing)
    encoder, at = fitted(series, level=level, factors=factors), every_origin(series)
    row = torch.tensor([pick % len(at)])
    later = np.flatnonzero(series.times >= series.times[at[row]])
    before = windows(encoder, series, at).batch(row)
    after = windows(encoder, spoilt(series, later, [0, 1, 2], seed), at).batch(row)
    for name, tensor in before.inputs.items():
        assert torch.equal(tensor, after.inputs[name]), name
    assert not torch.equal(before.y, after.y)


@pytest.mark.parametrize("level", ["last", "none"])
def test_nor_does_a_window_of_a_group_that_training_did_not_see(level):
    encoder, series = fitted(world(), level=level), world(5, groups=("b", "new"))
    at = every_origin(series)
    row = torch.tensor([int(np.flatnonzero(at >= series.starts[1])[0])])
    later = np.flatnonzero(series.times >= series.times[at[row]])
    before = windows(encoder, series, at, own=LOOKBACK)
    after = windows(encoder, spoilt(series, later, [0, 1, 2], 1), at, own=LOOKBACK)
    assert before.batch(row).inputs["group"].item() == 0
    for name, tensor in before.batch(row).inputs.items():
        assert torch.equal(tensor, after.batch(row).inputs[name]), name
    for name in ("mean", "deviation"):
        np.testing.assert_array_equal(getattr(before.tables, name), getattr(after.tables, name))


@pytest.mark.parametrize("column", AHEAD)
def test_a_known_column_is_seen_over_the_horizon_and_not_beyond(column):
    series = world(missing=0)
    encoder, at, row = fitted(series), np.array([20]), torch.tensor([0])
    before = windows(encoder, series, at).batch(row).inputs
    for step in range(HORIZON + 1):
        values = series.values.copy()
        values[20 + step, column] += 1
        after = windows(encoder, replace(series, values=values), at).batch(row).inputs
        assert torch.equal(before["x"], after["x"])
        differs = (before["known"] != after["known"])[0].any(-1).tolist()
        assert differs == [k == step for k in range(HORIZON)]


@pytest.mark.parametrize("column", range(len(COLUMNS)))
def test_every_column_is_seen_up_to_the_origin(column):
    series = world(missing=0)
    encoder, at, row = fitted(series), np.array([20]), torch.tensor([0])
    values = series.values.copy()
    values[19, column] += 1
    before, after = (windows(encoder, s, at).batch(row).inputs["x"] for s in (series, replace(series, values=values)))
    assert torch.equal(before[0, :-1], after[0, :-1]) and not torch.equal(before[0, -1], after[0, -1])


# Everything fitted is fitted on the training part.


@pytest.mark.parametrize("level", ["auto", "last", "window", "none"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_rows_after_the_training_part_change_nothing_that_is_fitted(level, share):
    series = world(missing=0.2)
    ends = cut(series, share) - np.array([0, 5, 2])  # groups of given parts need not end together
    later = np.concatenate([np.arange(end, b) for end, b in zip(ends, series.starts[1:], strict=True)])
    first = fitted(series, ends, level=level, factors=2)
    second = fitted(spoilt(series, later, range(len(COLUMNS)), 3), ends, level=level, factors=2)
    assert first.to_json() == second.to_json()
    earlier = fitted(spoilt(series, np.arange(5), range(len(COLUMNS)), 3), ends, level=level, factors=2)
    assert earlier.to_json() != first.to_json()


def test_a_group_without_training_rows_adds_nothing_to_the_factors():
    series = world()
    ends = np.array([24, 64, series.starts[2]])
    later = np.concatenate([np.arange(24, 40), np.arange(64, 120)])
    first, second = (fitted(s, ends, factors=2) for s in (series, spoilt(series, later, [0], 1)))
    np.testing.assert_array_equal(first.factors, second.factors)


def test_each_group_has_mean_0_and_deviation_1_over_its_training_rows():
    series = world(missing=0)
    encoder, ends = fitted(series), cut(series)
    tables = encoder.encode(series)
    for a, b in zip(series.starts[:-1], ends, strict=True):
        z = tables.target[a:b].double()
        assert [z.mean().item(), z.std(correction=0).item()] == pytest.approx([0, 1], abs=1e-5)
    back = tables.target.double().numpy() * tables.deviation + tables.mean
    np.testing.assert_allclose(back, series.values[:, 0], rtol=1e-5)


def test_where_changes_are_learnt_changes_have_deviation_1():
    series = world(rows=200, groups=("a",), missing=0)
    target = fitted(series, level="last", horizon=1).encode(series).target[: cut(series)[0]]
    assert target.diff().square().mean().sqrt().item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(("walk", "level"), [(True, "last"), (False, "none")])
def test_auto_learns_changes_of_a_series_that_wanders_and_no_others(walk, level):
    noise = np.random.default_rng(0).normal(0, 1, 300)
    series = world(rows=300, groups=("a",), missing=0)
    series.values[:, 0] = noise.cumsum() if walk else noise
    assert fitted(series, level="auto").level == level


def test_factors_find_what_groups_have_in_common():
    names = tuple("abcdefgh")
    series = world(rows=120, groups=names, missing=0)
    rng = np.random.default_rng(0)
    common = np.sin(np.arange(160) / 3)
    days = (series.times - DAY0) // np.timedelta64(1, "D")
    series.values[:, 0] = 50 + 2 * common[days.astype(int)] + rng.normal(0, 0.2, len(days))
    encoder, ends = fitted(series, factors=1), cut(series)
    factor = encoder.encode(series).past[:, -1].numpy()
    whole = (days >= 28) & (series.times < series.times[ends[0] - 1])  # all groups have begun, none has ended
    assert abs(np.corrcoef(factor[whole], common[days[whole].astype(int)])[0, 1]) > 0.98
    assert factor[whole].std() == pytest.approx(1, abs=0.2)


# The columns of the tables.


def test_columns_come_in_the_order_that_is_told():
    series = world(missing=0)
    encoder = fitted(series)
    assert (encoder.kin, encoder.known, encoder.masked) == ((1,), (3, 4, 5), ())
    tables = encoder.encode(series)
    calendar = len(encoder.calendar)
    assert calendar > 0
    assert tables.past.shape[1] == 1 + 1 + 1 + 3 + 0 + 2 + calendar
    assert tables.future.shape[1] == 2 + 3 + calendar
    z, kin = tables.past[:, 0], tables.past[:, 1]
    assert torch.equal(z, tables.target)
    np.testing.assert_allclose(kin, (series.values[:, 1] - tables.mean) / tables.deviation, rtol=1e-4, atol=1e-5)
    wind = series.values[:, 2]
    train = np.concatenate([wind[a:b] for a, b in zip(series.starts[:-1], cut(series), strict=True)])
    np.testing.assert_allclose(tables.past[:, 2], (wind - train.mean()) / train.std(), rtol=1e-4, atol=1e-5)
    assert torch.equal(tables.past[:, 3:6], tables.future[:, 2:5])
    assert torch.equal(tables.past[:, 6:8], tables.future[:, :2])


def test_lags_are_the_target_so_many_steps_earlier_in_its_group():
    series = world(missing=0)
    tables = fitted(series).encode(series)
    z = tables.past[:, 0]
    for first, end in zip(series.starts[:-1], series.starts[1:], strict=True):
        for column, lag in enumerate((3, 7)):
            lagged = tables.future[first:end, column]
            assert torch.equal(lagged[lag:], z[first : end - lag])
            assert (lagged[:lag] == z[first]).all()


def test_a_missing_value_is_the_last_one_seen_and_an_indicator_says_so():
    series = world(missing=0)
    values = series.values.copy()
    values[10:12, [0, 2, 3]] = np.nan  # target, wind and promo: in the training part
    values[40, 0] = np.nan  # the first row of a group, which has nothing to carry
    series = replace(series, values=values)
    encoder = fitted(series)
    assert encoder.masked == (0, 2, 3)
    tables = encoder.encode(series)
    past = tables.past
    for column in (0, 2, 3):
        assert (past[10:12, column] == past[9, column]).all() and past[12, column] != past[9, column]
    indicators = past[:, 6:9]
    assert (indicators[10:12] == 0).all() and indicators.sum() == 3 * len(past) - 7
    assert tables.target[[10, 11, 40]].isnan().all() and tables.target.isnan().sum() == 3
    assert past[40, 0] == 0 and not past.isnan().any() and not tables.future.isnan().any()
    promo_seen = tables.future[:, 5]
    assert torch.equal(promo_seen, indicators[:, 2])


def test_kin_that_is_missing_stands_at_the_target():
    series = world(missing=0)
    series.values[15, 1] = np.nan
    past = fitted(series).encode(series).past
    assert past[15, 1] == past[15, 0] and past[16, 1] != past[16, 0]


def test_values_are_carried_forward_within_their_group_alone():
    nan = np.nan
    filled = carried_forward(np.array([nan, 1, nan, nan, 2, nan, nan, 3]), np.array([0, 5, 8]))
    np.testing.assert_array_equal(filled, [nan, 1, 1, 1, 2, nan, nan, 3])


def test_a_decoder_without_columns_reads_ones():
    series = read_series({"y": [1, 5, 2, 8, 3, 9, 4, 7]}, targets=["y"], time=())
    encoder = fitted(series, np.array([6]), known=(), lags=())
    assert torch.equal(encoder.encode(series).future, torch.ones(8, 1))


def test_a_column_is_known_by_its_whole_name():
    source = {"y": [1, 5, 2, 8, 3], "t": [3, 1, 4, 1, 5], "t=raw": [2, 7, 1, 8, 2], "s": ["u", "v", "u", "v", "v"]}
    series = read_series(source, targets=["y"], columns=["t", "t=raw", "s"], time=())
    assert series.columns == ("y", "t", "t=raw", "s=u", "s=v")
    ends = np.array([4])
    assert fitted(series, ends, known=("t", "s"), lags=()).known == (1, 3, 4)
    assert fitted(series, ends, known=("t=raw",), lags=()).known == (2,)


# Groups that training did not see, and the way to JSON and back.


def test_an_unseen_group_has_number_0_and_a_scale_of_its_own():
    encoder, other = fitted(world()), world(9, groups=("new", "b"), missing=0)
    tables = encoder.encode(other)
    assert tables.group.tolist() == [0] * 40 + [2] * 40
    y = other.values[:40, 0]
    np.testing.assert_allclose(tables.target[:40], (y - y.mean()) / y.std(), rtol=1e-4, atol=1e-5)
    assert tables.mean[40] == encoder.target.mean[1]


@pytest.mark.parametrize("level", ["last", "window", "none"])
def test_an_unseen_group_is_scaled_as_a_seen_one_of_the_same_values(level):
    series = world(groups=("a",))
    encoder = fitted(series, np.array([40]), level=level)
    seen, unseen = encoder.encode(series), encoder.encode(replace(series, groups=("new",)))
    assert torch.equal(seen.past, unseen.past) and torch.equal(seen.future, unseen.future)
    assert torch.equal(seen.target.nan_to_num(99), unseen.target.nan_to_num(99))


@pytest.mark.parametrize(("level", "factors"), [("last", 0), ("window", 2), ("none", 2)])
def test_json_gives_the_same_tensors(level, factors):
    series = world(missing=0.2)
    encoder = fitted(series, level=level, factors=factors)
    state = json.loads(json.dumps(encoder.to_json(), allow_nan=False))
    again = SeriesEncoder.from_json(state)
    assert again.to_json() == state
    other = world(4, groups=("c", "new"))
    for one in (series, other):
        a, b = encoder.encode(one), again.encode(one)
        for name in ("past", "future", "group"):
            assert torch.equal(getattr(a, name), getattr(b, name)), name
        torch.testing.assert_close(a.target, b.target, rtol=0, atol=0, equal_nan=True)
        np.testing.assert_array_equal(a.mean, b.mean)
        np.testing.assert_array_equal(a.deviation, b.deviation)
