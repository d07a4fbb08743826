"""Rows on disk are those that were put there, however they are asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import disk
from elman.data.disk import OnDisk
from elman.errors import ElmanError


def on_disk(rows, cuts=()):
    found = OnDisk(rows.shape[1:], rows.dtype)
    for part in np.split(rows, cuts):
        found.append(part)
    return found


rows_and_wanted = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.just(n), st.lists(st.integers(0, n - 1), max_size=30), st.lists(st.integers(0, n), max_size=3)
    )
)


@settings(deadline=None)
@given(rows_and_wanted, st.sampled_from([(), (3,), (2, 2)]), st.sampled_from(["f8", "f4", "i8", "M8[us]"]))
def test_rows_are_read_as_an_array_gives_them(some, shape, dtype):
    count, wanted, cuts = some
    rows = np.random.default_rng(count).integers(0, 10**6, (count, *shape)).astype("i8").astype(dtype)
    found = on_disk(rows, sorted(cuts))
    assert len(found) == count
    wanted = np.array(wanted, np.int64)
    for numbers in (wanted, wanted[: len(wanted) // 2 * 2].reshape(-1, 2)):
        np.testing.assert_array_equal(found[numbers], rows[numbers])
    np.testing.assert_array_equal(found[count // 3 : count // 2], rows[count // 3 : count // 2])
    np.testing.assert_array_equal(found[count - 1], rows[-1])
    np.testing.assert_array_equal(np.concatenate(list(found.pieces(7))), rows)
    starts = wanted[wanted <= count - 2]
    if len(starts):
        np.testing.assert_array_equal(found.gather(starts, 2), np.stack([rows[at : at + 2] for at in starts]))


@pytest.mark.parametrize(("near", "lot"), [(1, 8), (64, 128), (1 << 12, 1 << 20)])
def test_what_lies_near_is_read_at_once_and_what_lies_far_is_not(monkeypatch, near, lot):
    monkeypatch.setattr(disk, "NEAR", near)
    monkeypatch.setattr(disk, "LOT", lot)
    rows = np.arange(1000.0)
    wanted = np.array([999, 0, 1, 2, 2, 500, 501, 30, 62])
    np.testing.assert_array_equal(on_disk(rows).take(wanted), rows[wanted])


def test_rows_that_are_not_there_are_refused():
    found = on_disk(np.arange(5))
    for wanted in (5, -1):
        with pytest.raises(IndexError):
            found.take(np.array([0, wanted]))
    with pytest.raises(IndexError, match="row 5 is not among the 5"):
        found.gather(np.array([4]), 2)
    assert len(found.read(3, 9)) == 2
    assert len(found.read(7, 9)) == 0
    assert found.take(np.empty((2, 0), np.int64)).shape == (2, 0)


def test_a_full_disk_is_told_in_a_sentence():
    found = OnDisk((), np.float64)

    class Full:
        def write(self, raw):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    found._file.close()
    found._file = Full()
    with pytest.raises(ElmanError, match=r"no room for 80 bytes of the data \(No space left on device\): make room"):
        found.append(np.zeros(10))
