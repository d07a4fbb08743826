"""Rows on disk are read as those in memory are."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.disk import OnDisk
from elman.data.ragged import Ragged
from elman.data.rows_on_disk import RowsOnDisk

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=12)


@settings(deadline=None)
@given(
    rows=ROWS, parts=st.integers(1, 4), longest=st.integers(1, 7), end=st.sampled_from(["head", "tail"]), data=st.data()
)
def test_the_same_batches_as_in_memory(rows, parts, longest, end, data):
    inside = Ragged.of([np.array(row, np.int32) for row in rows])
    cut = [rows[at * len(rows) // parts : (at + 1) * len(rows) // parts] for at in range(parts)]
    outside = RowsOnDisk.of(Ragged.of([np.array(row, np.int32) for row in part]) for part in cut)
    taken = torch.tensor(data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=9)))
    batch = torch.tensor(data.draw(st.lists(st.integers(0, len(taken) - 1), max_size=9)), dtype=torch.int64)
    for there, here in ((outside, inside), (outside.take(taken), inside.take(taken))):
        there, here = there.cut(longest, end), here.cut(longest, end)
        assert len(there) == len(here) and torch.equal(there.lengths, here.lengths)
        assert torch.equal(torch.cat([*there.lots(), torch.zeros(0, dtype=torch.int32)]), here.values)
        wanted = batch if len(there) == len(taken) else taken
        (x, lengths), (own, same) = there.padded(wanted, 7), here.padded(wanted, 7)
        assert torch.equal(x, own) and torch.equal(lengths, same) and x.dtype == own.dtype
        assert x.is_contiguous() == own.is_contiguous()


@settings(deadline=None)
@given(data=st.data())
def test_rows_that_lie_anywhere_are_read_end_to_end(data):
    stored = OnDisk((2,), np.int16)
    values = np.arange(40, dtype=np.int16).reshape(20, 2)
    stored.append(values)
    spans = data.draw(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 5)), max_size=8))
    starts, lengths = (np.array([span[at] for span in spans], np.int64) for at in (0, 1))
    wanted = [values[start : start + length] for start, length in spans]
    np.testing.assert_array_equal(stored.rows(starts, lengths), np.concatenate([values[:0], *wanted]))
