"""Labelled sequences batch by batch, and one text in chunks that follow each other."""

from itertools import islice

import pytest
import torch

from elman.data.batch import in_order, shuffled
from elman.data.ragged import Ragged
from elman.data.sequences import Chunks, Sequences
from elman.errors import InputError

X = Ragged.of([[2, 3, 4], [5], [6, 7]])


def test_a_batch_holds_the_rows_time_first():
    batch = Sequences(X, torch.tensor([0, 1, 2])).batch(torch.tensor([2, 0]))
    assert batch.inputs["x"].tolist() == [[6, 2], [7, 3], [0, 4]]
    assert batch.inputs["lengths"].tolist() == [2, 3]
    assert batch.y.tolist() == [2, 0]
    assert batch.rows.tolist() == [2, 0]
    assert Sequences(X).batch(torch.tensor([1])).y is None


def test_labels_of_steps_are_padded_with_what_losses_leave_out():
    batch = Sequences(X, Ragged.of([[1, 0, 1], [1], [0, 0]])).batch(torch.tensor([1, 0]))
    assert batch.y.tolist() == [[1, 1], [-100, 0], [-100, 1]]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.tensor([0, 1]), "3 sequences have 2 labels"),
        (Ragged.of([[1, 0, 1], [1, 1], [0]]), "sequence 1 has 1 steps and 2 labels"),
    ],
)
def test_labels_must_fit(y, message):
    with pytest.raises(InputError, match=message):
        Sequences(X, y)


def test_a_change_draws_from_the_generator_that_training_seeds():
    def change(x, lengths, generator):
        return x + torch.randint(10, (), generator=generator), lengths

    examples = Sequences(X, change=change)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append([examples.batch(torch.tensor([0])).inputs["x"].sum().item() for _ in range(8)])
    assert drawn[0] == drawn[1] != drawn[2]


def test_sequences_are_bucketed_by_their_lengths():
    lengths = [1, 9, 1, 9, 1, 9]
    examples = Sequences(Ragged.of([[2] * length for length in lengths]))
    batches = list(islice(shuffled(examples, 3, torch.Generator().manual_seed(0)), 2))
    assert sorted(batch.inputs["x"].shape for batch in batches) == [(1, 3), (9, 3)]


@pytest.mark.parametrize(("steps", "streams"), [(4, 1), (5, 3), (100, 2), (7, 4)])
def test_in_order_every_symbol_but_the_first_is_foretold_once(steps, streams):
    ids = torch.arange(2, 63, dtype=torch.int32)
    chunks = Chunks(ids, steps, streams)
    batches = list(in_order(chunks, 1))
    assert len(batches) == len(chunks)
    x = torch.cat([batch.inputs["x"] for batch in batches])
    y = torch.cat([batch.y for batch in batches])
    assert all(batch.inputs["x"].shape[0] == steps for batch in batches[:-1])
    assert torch.equal(y, x + 1)
    assert y.T.flatten().tolist() == list(range(3, 3 + 60 // streams * streams))
    assert [bool(batch.inputs["fresh"]) for batch in batches] == [True] + [False] * (len(batches) - 1)


def test_chunks_that_follow_each_other_may_come_as_one():
    chunks = Chunks(torch.arange(50), 6, 2)
    parts = [chunks.batch(torch.tensor([k])) for k in range(len(chunks))]
    whole = next(iter(in_order(chunks, 100)))
    assert torch.equal(whole.inputs["x"], torch.cat([part.inputs["x"] for part in parts]))
    assert bool(whole.inputs["fresh"])


def test_each_epoch_of_training_is_cut_elsewhere_and_reads_all_the_text():
    ids = torch.arange(61)
    chunks = Chunks(ids, 7, 3)
    source = shuffled(chunks, 1, torch.Generator().manual_seed(0))
    firsts = set()
    for _ in range(5):
        epoch = list(islice(source, len(chunks)))
        x = torch.cat([batch.inputs["x"] for batch in epoch])
        y = torch.cat([batch.y for batch in epoch])
        assert torch.equal(y, (x + 1) % 61)
        assert len(x.unique()) == 60
        assert torch.equal(x[1:, 1], y[:-1, 1])
        assert [bool(batch.inputs["fresh"]) for batch in epoch] == [True] + [False] * (len(chunks) - 1)
        firsts.add(int(x[0, 0]))
    assert len(firsts) > 3


def test_a_text_too_short_for_its_streams_is_refused():
    with pytest.raises(InputError, match="holds 4 symbols, but 4 streams need 5"):
        Chunks(torch.arange(4), 10, 4)
    assert len(Chunks(torch.arange(5), 10, 4)) == 1
