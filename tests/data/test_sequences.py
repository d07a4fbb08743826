"""Labelled sequences batch by batch."""

from itertools import islice

import pytest
import torch

from elman.data.batch import shuffled
from elman.data.ragged import Ragged
from elman.data.sequences import Sequences
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
