"""Networks opened where their numbers enter: what goes in again comes out as it did."""

import pytest
import torch

from elman.explain.attribution import integrated_gradients
from elman.explain.entry import entry, read, recorded
from elman.nn.sequence import ClassifierNetwork, SequenceNetwork


def network(**front):
    torch.manual_seed(0)
    body = SequenceNetwork(**front, hidden=6, embedding_dropout=0.0, scale=1.0)
    return ClassifierNetwork(body, 3).double().eval()


def spelled():
    return {
        "words": torch.tensor([2, 3, 4]),
        "grams": torch.tensor([1, 2, 2, 5, 3]),
        "bags": torch.tensor([0, 2, 4, 5]),
    }


@pytest.mark.parametrize("grams", [0, 6])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_symbols_are_exchanged_by_their_vectors(cell, grams):
    made = network(vocabulary=9, embedding=5, grams=grams, cell=cell)
    inputs = {"x": torch.tensor([[2], [0], [1], [2]]), "lengths": torch.tensor([4]), **(spelled() if grams else {})}
    opened = entry(made, inputs, made.body.dropout)
    assert opened.x.shape == (4, 5)
    both = opened.run(torch.stack([opened.x, torch.zeros_like(opened.x)])).detach()
    torch.testing.assert_close(both[:1], made(**inputs).detach())
    assert not torch.allclose(both[0], both[1])
    found = integrated_gradients(lambda rows: opened.run(rows)[:, 1], opened.x, torch.zeros(1))
    assert float(found.values.sum()) == pytest.approx(float((both[0] - both[1])[1]), rel=0.01)
    assert found.error < 0.01


def test_numbers_are_exchanged_themselves():
    made = network(features=2)
    x = torch.randn(5, 1, 2, dtype=torch.float64)
    opened = entry(made, {"x": x, "lengths": torch.tensor([5])})
    torch.testing.assert_close(opened.x, x[:, 0])
    torch.testing.assert_close(opened.run(torch.stack([x[:, 0]] * 3)), made(x).expand(3, -1))


def test_hooks_are_gone_afterwards():
    made = network(features=2)
    x = torch.randn(5, 1, 2, dtype=torch.float64)
    before = made(x)
    with recorded(made.body.stack) as given, read(made.body.stack, torch.zeros_like(x)) as seen:
        made(x)
    assert given[0].shape == (5, 1, 12) and torch.equal(seen[0], x)
    with pytest.raises(RuntimeError), read(made.head):
        made(x[..., :1])
    assert torch.equal(made(x), before)
