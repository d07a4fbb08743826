"""One text in chunks that follow each other."""

from itertools import islice

import pytest
import torch

from elman.data.batch import in_order, shuffled
from elman.data.text.chunks import Chunks
from elman.errors import InputError


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
