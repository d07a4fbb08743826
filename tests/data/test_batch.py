"""Examples come out each once, in order or shuffled by a generator of their own."""

import itertools

import torch

from elman.data.batch import Batch, in_order, shuffled


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
