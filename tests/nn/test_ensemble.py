"""Members side by side: each answers as it does alone, and learns from its own answers."""

import pytest
import torch

from elman.nn.ensemble import Ensemble
from elman.nn.sequence import ClassifierNetwork, SequenceNetwork

LENGTHS = torch.tensor([5, 2, 3])


def ensemble(pooling="attention"):
    torch.manual_seed(0)
    found = Ensemble(ClassifierNetwork(SequenceNetwork(features=2, hidden=4), 3, pooling=pooling) for _ in range(3))
    for member in found.members:
        if member.attention is not None:
            torch.nn.init.normal_(member.attention.query)
    return found.eval()


X = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(1))


def test_the_outputs_are_the_members_side_by_side():
    network = ensemble()
    found, weights = network.explain(X, lengths=LENGTHS)
    assert found.shape == (3, 3, 3)
    assert torch.equal(found, network(X, LENGTHS))
    alone = [member.explain(X, LENGTHS) for member in network.members]
    for member, (expected, _) in enumerate(alone):
        assert torch.equal(found[member], expected)
    assert not torch.equal(found[0], found[1])
    torch.testing.assert_close(weights, (alone[0][1] + alone[1][1] + alone[2][1]) / 3)


def test_without_attention_there_is_none_to_explain():
    assert ensemble("mean").explain(X, LENGTHS)[1] is None


def test_a_member_learns_from_its_own_answers():
    network = ensemble()
    network(X, LENGTHS)[1].square().sum().backward()
    touched = [any(p.grad is not None and (p.grad != 0).any() for p in m.parameters()) for m in network.members]
    assert touched == [False, True, False]


def test_no_members():
    with pytest.raises(ValueError, match="members is empty"):
        Ensemble([])
