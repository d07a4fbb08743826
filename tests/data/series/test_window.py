"""A window is a slice before its origin and one from it on, cut from tables that are never copied."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.data.series.clock import Clock
from elman.data.series.encoder import Tables
from elman.data.series.series import SeriesSet
from elman.data.series.window import Windows, origins


def tables(rows=40):
    generator = torch.Generator().manual_seed(0)
    past, future = torch.randn(rows, 3, generator=generator), torch.randn(rows, 2, generator=generator)
    target = torch.randn(rows, generator=generator)
    target[7] = torch.nan
    group = torch.arange(rows) // 20 + 1
    return Tables(past, future, target, group, np.zeros(rows), np.ones(rows))


def test_a_batch_equals_naive_slices():
    cut, at = tables(), np.array([5, 6, 30, 36])
    rows = torch.tensor([3, 0, 1, 1])
    batch = Windows(cut, at, lookback=5, horizon=4).batch(rows)
    for place, row in enumerate(rows.tolist()):
        o = int(at[row])
        assert torch.equal(batch.inputs["x"][place], cut.past[o - 5 : o])
        assert torch.equal(batch.inputs["known"][place], cut.future[o : o + 4])
        assert batch.inputs["group"][place] == cut.group[o]
        torch.testing.assert_close(batch.y[place], cut.target[o : o + 4], rtol=0, atol=0, equal_nan=True)
    assert batch.rows is rows and batch.y.isnan().sum() == 3
    assert [*batch.inputs["x"].shape, *batch.inputs["known"].shape, *batch.y.shape] == [4, 5, 3, 4, 4, 2, 4, 4]


def test_the_tables_are_not_copied():
    cut = tables()
    windows = Windows(cut, np.arange(5, 30), 5, 4)
    assert len(windows) == 25
    for name in ("past", "future", "group"):
        assert getattr(windows.tables, name).data_ptr() == getattr(cut, name).data_ptr()
    assert windows.target.data_ptr() == cut.target.data_ptr()
    cut.past[4] = 9.0
    assert (windows.batch(torch.tensor([0])).inputs["x"][0, -1] == 9.0).all()


@given(
    st.lists(st.integers(1, 25), min_size=1, max_size=3),
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 5),
)
def test_origins_are_those_found_row_by_row(sizes, seed, lookback, horizon, stride, more):
    rng, starts, history = np.random.default_rng(seed), np.cumsum([0, *sizes]), lookback + more
    y = np.where(rng.random(starts[-1]) < 0.5, 1.0, np.nan)
    begin = starts[:-1] + rng.integers(0, 2, len(sizes)) * rng.integers(0, sizes)
    end = rng.integers(begin, starts[1:] + 1)
    series = SeriesSet(
        y[:, None], ("y",), np.arange(len(y)), np.arange(len(y)), starts, tuple(map(str, sizes)), Clock()
    )  # fmt: skip
    wanted = []
    for first, a, b in zip(starts[:-1], begin, end, strict=True):
        room = history if a == first and b - a > 2 * history + horizon else lookback
        for o in range(max(a, first + room), b - horizon + 1, stride):
            if not (np.isnan(y[o : o + horizon]).all() or np.isnan(y[o - lookback : o]).all()):
                wanted.append(o)
    found = origins(series, begin, end, lookback=lookback, history=history, horizon=horizon, stride=stride)
    assert found.tolist() == wanted and found.dtype == np.int64
