"""Examples come out each once, in order or shuffled by a generator of their own."""

import itertools
from functools import partial

import torch

from elman.data import batch as page
from elman.data.batch import Batch, in_order, orders, restored, shuffled


class Squares:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def batch(self, rows):
        return Batch({"x": rows.float()}, rows.float() ** 2, rows)


def test_in_order_gives_every_example_once():
    batches = list(in_order(Squares(10), 4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert torch.cat([batch.rows for batch in batches]).tolist() == list(range(10))
    assert torch.equal(torch.cat([batch.y for batch in batches]), torch.arange(10.0) ** 2)


def test_shuffled_gives_a_new_permutation_every_epoch():
    source = shuffled(Squares(10), 4, torch.Generator().manual_seed(0))
    epochs = [torch.cat([next(source).rows for _ in range(3)]).tolist() for _ in range(4)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_shuffled_follows_its_generator_alone():
    state = torch.get_rng_state()
    runs = [
        [batch.rows.tolist() for batch in itertools.islice(shuffled(Squares(9), 2, generator), 12)]
        for generator in (torch.Generator().manual_seed(seed) for seed in (1, 1, 2))
    ]
    assert runs[0] == runs[1] != runs[2]
    assert torch.equal(torch.get_rng_state(), state)


def test_to_moves_every_tensor():
    batch = Squares(5).batch(torch.arange(3)).to("meta")
    assert {batch.inputs["x"].device.type, batch.y.device.type, batch.rows.device.type} == {"meta"}
    assert len(batch) == 3
    assert Batch({}, None, torch.arange(2)).to("meta").y is None


class Sentences(Squares):
    def __init__(self, lengths):
        super().__init__(len(lengths))
        self.lengths = torch.tensor(lengths)


def test_rows_of_like_length_come_together():
    lengths = torch.randint(1, 50, (700,), generator=torch.Generator().manual_seed(0))
    source = shuffled(Sentences(lengths.tolist()), 10, torch.Generator().manual_seed(1))
    epochs = [[next(source).rows for _ in range(70)] for _ in range(2)]
    for epoch in epochs:
        assert sorted(torch.cat(epoch).tolist()) == list(range(700))
        steps = sum(len(rows) * int(lengths[rows].max()) for rows in epoch)
        assert steps < 1.03 * int(lengths.sum())
        assert [int(lengths[rows].max()) for rows in epoch] != sorted(int(lengths[rows].max()) for rows in epoch)
    assert {tuple(rows.tolist()) for rows in epochs[0]} != {tuple(rows.tolist()) for rows in epochs[1]}


def test_in_order_goes_from_short_to_long_with_fewer_long_ones_at_once():
    examples = Sentences([300, 2, 100, 2, 1, 64, 64])
    batches = list(in_order(examples, 4))
    assert [batch.rows.tolist() for batch in batches] == [[4, 1, 3, 5], [6, 2], [0]]
    values = restored([batch.rows for batch in batches], [batch.y for batch in batches])
    assert torch.equal(values, torch.arange(7.0) ** 2)


def test_examples_may_bring_their_own_order():
    class Chunks(Squares):
        def order(self, generator):
            yield from (partial(lambda k, part: self.batch(torch.tensor([k])), k) for k in range(3))

    rows = [int(batch.rows) for batch in itertools.islice(shuffled(Chunks(3), 2, torch.Generator()), 7)]
    assert rows == [0, 1, 2, 0, 1, 2, 0]


def test_so_many_examples_that_their_order_is_drawn_in_parts_come_once_each(monkeypatch):
    monkeypatch.setattr(page, "LOT", 7)
    for count in (1, 7, 8, 30):
        parts = list(orders(count, torch.Generator().manual_seed(count)))
        assert all(len(part) <= 7 for part in parts)
        assert sorted(torch.cat(parts).tolist()) == list(range(count))
        assert len(parts) == -(-count // 7)
    source = shuffled(Squares(30), 4, torch.Generator().manual_seed(0))
    epoch = [next(source).rows for _ in range(10)]
    assert sorted(torch.cat(epoch).tolist()) == list(range(30))
    assert all(rows.diff().abs().gcd(torch.tensor(5)).eq(5).all() for rows in epoch)  # spread over all of them
