"""How rows of several lengths lie side by side: there and back, against a loop over rows and steps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.kernels.rows import lay_out


def by_hand(steps, lengths):
    """The rows that still run at each step, the longest first, the earlier one first among equals."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    return order, [[row for row in order if lengths[row] > t] for t in range(steps)]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 9).flatmap(lambda t: st.tuples(st.just(t), st.lists(st.integers(1, t), min_size=1, max_size=7))))
def test_packed_rows_are_the_real_steps_and_come_back(made):
    steps, lengths = made
    rows, (order, running) = lay_out(steps, len(lengths), torch.tensor(lengths)), by_hand(*made)
    x = torch.arange(1.0, steps * len(lengths) * 2 + 1).view(steps, len(lengths), 2)

    assert rows.size == sum(lengths)
    assert rows.begin.tolist() == [sum(map(len, running[:t])) for t in range(steps + 1)]
    packed = rows.pack(x).reshape(-1, 2)
    assert torch.equal(packed, torch.stack([x[t, row] for t in range(steps) for row in running[t]]))

    real = torch.arange(steps)[:, None] < torch.tensor(lengths)
    unpacked = rows.unpack(packed.clone())
    assert torch.equal(unpacked, x * real[..., None])
    assert not unpacked._is_view()

    state = torch.arange(len(lengths) * 6.0).view(2, len(lengths), 3)
    assert torch.equal(rows.sort(state), state[:, order])
    assert torch.equal(rows.unsort(rows.sort(state)), state)


@pytest.mark.parametrize("lengths", [None, torch.tensor([4, 4, 4]), torch.tensor([4, 4, 4], dtype=torch.uint8)])
def test_full_rows_lie_as_they_are(lengths):
    rows, x = lay_out(4, 3, lengths), torch.randn(4, 3, 2)
    assert rows.order is None and rows.places is None
    assert rows.pack(x) is x
    assert rows.begin.tolist() == [0, 3, 6, 9, 12]


def test_equal_lengths_that_end_early_leave_the_rest_out():
    rows = lay_out(4, 3, torch.tensor([2, 2, 2]))
    assert rows.size == 6
    assert rows.begin.tolist() == [0, 3, 6, 6, 6]


@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_lengths_of_any_whole_type_and_layout(kind):
    lengths = torch.tensor([3, 9, 1, 9, 2, 9], dtype=kind)[::2]
    expected, found = lay_out(4, 3, torch.tensor([3, 1, 2])), lay_out(4, 3, lengths)
    assert found.begin.tolist() == expected.begin.tolist()
    assert found.places.tolist() == expected.places.tolist()


@pytest.mark.parametrize("lengths", [None, torch.zeros(0, dtype=torch.int64)])
def test_no_rows(lengths):
    rows = lay_out(4, 0, lengths)
    assert rows.size == 0
    assert rows.begin.tolist() == [0] * 5
    assert rows.unpack(torch.ones(0, 2)).shape == (4, 0, 2)


@pytest.mark.parametrize(("lengths", "wrong"), [([0, 4], 0), ([2, 5], 5), ([-3, 9], -3)])
def test_a_length_out_of_range_is_refused(lengths, wrong):
    with pytest.raises(ValueError, match=f"a length is {wrong}, but a row has between 1 and T=4 steps"):
        lay_out(4, 2, torch.tensor(lengths))


def test_the_default_device_has_no_say():
    with torch.device("meta"):
        even, ragged = lay_out(5, 11, None), lay_out(5, 2, torch.tensor([2, 5], device="cpu"))
    assert all(t.device.type == "cpu" for t in (even.begin, ragged.begin, ragged.order, ragged.places))
