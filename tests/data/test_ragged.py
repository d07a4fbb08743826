"""Rows of different lengths: any batch equals the rows one by one."""

import numpy as np
import pytest
import torch

from elman.data.ragged import Ragged, starts_of

LENGTHS = [3, 1, 5, 2]


def symbols():
    rows = [np.arange(10 * at, 10 * at + length) for at, length in enumerate(LENGTHS)]
    return Ragged.of(rows), [torch.from_numpy(row) for row in rows]


def numbers():
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=(length, 2)).astype(np.float32) for length in LENGTHS]
    return Ragged.of(rows), [torch.from_numpy(row) for row in rows]


@pytest.mark.parametrize("make", [symbols, numbers])
def test_rows_come_back_one_by_one(make):
    ragged, rows = make()
    assert len(ragged) == 4
    assert ragged.lengths.tolist() == LENGTHS
    assert all(torch.equal(ragged.row(at).to(row.dtype), row) for at, row in enumerate(rows))


def test_symbols_are_small_and_numbers_single():
    assert symbols()[0].values.dtype == torch.int32
    assert numbers()[0].values.dtype == torch.float32
    assert Ragged.of([[1, 2], [3]]).values.dtype == torch.int32
    assert Ragged.of([np.array([0.5])]).values.dtype == torch.float32


@pytest.mark.parametrize("make", [symbols, numbers])
def test_a_batch_is_its_rows_padded(make):
    ragged, rows = make()
    chosen = [2, 0, 0, 1]
    x, lengths = ragged.padded(torch.tensor(chosen), fill=-7)
    assert lengths.tolist() == [LENGTHS[row] for row in chosen]
    assert x.shape[:2] == (5, 4)
    assert x.dtype == (torch.int64 if x.ndim == 2 else torch.float32)
    for column, row in enumerate(chosen):
        assert torch.equal(x[: LENGTHS[row], column].to(rows[row].dtype), rows[row])
        assert (x[LENGTHS[row] :, column] == -7).all()


def test_padding_is_zero_even_beside_values_that_are_not_finite():
    ragged = Ragged.of([np.array([[np.nan]]), np.array([[1.0], [2.0]])])
    x, _ = ragged.padded(torch.tensor([0, 1]))
    assert x[1, 0] == 0


def test_no_rows_make_an_empty_batch():
    x, lengths = symbols()[0].padded(torch.tensor([], dtype=torch.int64))
    assert x.shape == (0, 0)
    assert len(lengths) == 0
    assert len(Ragged.of([])) == 0


@pytest.mark.parametrize("make", [symbols, numbers])
def test_take_gives_the_rows_in_the_order_asked_for(make):
    ragged, rows = make()
    taken = ragged.take(torch.tensor([3, 0, 3]))
    assert taken.lengths.tolist() == [2, 3, 2]
    assert all(torch.equal(taken.row(i).to(rows[at].dtype), rows[at]) for i, at in enumerate([3, 0, 3]))


def test_cut_keeps_the_head_or_the_tail_of_long_rows():
    ragged, _ = symbols()
    assert [ragged.cut(2).row(at).tolist() for at in range(4)] == [[0, 1], [10], [20, 21], [30, 31]]
    assert [ragged.cut(2, "tail").row(at).tolist() for at in range(4)] == [[1, 2], [10], [23, 24], [30, 31]]
    assert torch.equal(ragged.cut(5).values, ragged.values)


def test_starts_of_lengths():
    assert starts_of([2, 0, 3]).tolist() == [0, 2, 2, 5]
    assert starts_of([]).tolist() == [0]
