"""Sessions side by side, each foretold whole, in chunks whose states follow each other."""

from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.batch import in_order, shuffled
from elman.data.ragged import Ragged
from elman.data.sequences import NO_LABEL
from elman.data.sessions.streams import Histories, Streams


def numbered(lengths):
    """Sessions in which no item comes twice."""
    flat = iter(range(2, 10_000))
    return Ragged.of([[next(flat) for _ in range(length)] for length in lengths])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=9).filter(lambda ls: max(ls) > 1),
    st.integers(1, 5),
    st.integers(1, 6),
)
def test_every_event_but_the_first_is_foretold_once_a_pass(lengths, steps, streams):
    sessions = numbered(lengths)
    source = Streams(sessions, steps, streams)
    follows = {
        a: b
        for row in range(len(sessions))
        for a, b in zip(sessions.row(row).tolist(), sessions.row(row)[1:].tolist(), strict=False)
    }
    foretold: dict[int, int] = {}
    last: list[int | None] = [None] * source.streams
    for batch in islice(shuffled(source, 99, torch.Generator().manual_seed(0)), 4 * len(source) + 4):
        x, y, lengths_ = batch.inputs["x"], batch.y, batch.inputs["lengths"]
        assert x.shape == y.shape and len(x) == int(lengths_.max()) <= steps
        for row in range(x.shape[1]):
            n = int(lengths_[row])
            own, after = x[:n, row].tolist(), y[:n, row].tolist()
            assert [follows[item] for item in own] == after
            assert (y[n:, row] == NO_LABEL).all() and (x[n:, row] == 0).all()
            begins = int(own[0]) in sessions.values[sessions.starts[:-1]].tolist()
            assert bool(batch.inputs["fresh"][row]) == begins
            if not begins:
                assert own[0] == last[row]
            last[row] = after[-1]
            for item in after:
                foretold[item] = foretold.get(item, 0) + 1
    assert set(foretold) == set(follows.values())
    assert max(foretold.values()) - min(foretold.values()) <= 1 + 4 * max(lengths) // 2


def test_a_pass_has_as_many_batches_as_it_says():
    source = Streams(numbered([9] * 8), 4, 4)
    assert len(source) == 4 and source.events == 64
    seen = sum(int((batch.y >= 0).sum()) for batch in (piece() for piece in islice(source.order(torch.Generator()), 4)))
    assert seen == 64


def test_what_is_drawn_comes_along():
    batch = next(Streams(numbered([5, 5]), 3, 2, lambda: {"others": torch.tensor([4, 5])}).order(torch.Generator()))()
    assert batch.inputs["others"].tolist() == [4, 5]


def test_sessions_of_one_event_are_left_out():
    source = Streams(numbered([1, 3, 1]), 4, 8)
    assert source.streams == 1 and source.events == 2
    assert Streams(numbered([1, 1]), 4, 8).events == 0


@pytest.mark.parametrize("first", [[1, 1, 1], [3, 1, 2]])
def test_histories_ask_for_the_events_from_the_first_on(first):
    sessions = numbered([4, 2, 5])
    histories = Histories(sessions, torch.tensor(first))
    asked = {}
    for batch in in_order(histories, 2):
        assert torch.equal(batch.inputs["lengths"], sessions.lengths[batch.rows] - 1)
        for column, row in enumerate(batch.rows.tolist()):
            y = batch.y[:, column]
            asked[row] = y[y >= 0].tolist()
    assert asked == {row: sessions.row(row)[first[row] :].tolist() for row in range(3)}
    assert histories.targets == sum(map(len, asked.values()))
