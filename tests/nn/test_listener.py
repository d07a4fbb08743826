"""Networks that listen: steps joined, lengths that follow, and heads that agree with their parts."""

import pytest
import torch

from elman.nn.ctc import ctc_loss
from elman.nn.listener import Listener, SpeechNetwork, joined, steps_left
from elman.nn.seq2seq import Decoder


def test_steps_are_joined_row_by_row():
    x = torch.arange(1, 6).float()[:, None, None].expand(5, 2, 1).contiguous()
    y, lengths = joined(x, torch.tensor([5, 3]), 2)
    assert lengths.tolist() == [3, 2] and y.shape == (3, 2, 2)
    assert y[:, 0].tolist() == [[1, 2], [3, 4], [5, 0]]
    assert y[:, 1].tolist() == [[1, 2], [3, 0], [0, 0]]


@pytest.mark.parametrize(("stack", "join", "layers"), [(1, 1, 1), (3, 1, 2), (2, 2, 3)])
def test_lengths_shrink_as_said_and_what_pads_a_row_changes_nothing(stack, join, layers):
    torch.manual_seed(0)
    listener = Listener(4, 6, layers, stack=stack, join=join).eval()
    lengths = torch.tensor([17, 9, 1])
    x = torch.randn(17, 3, 4)
    y, steps = listener(x, lengths)
    expected = lengths
    for count in (stack, *[join] * (layers - 1)):
        expected = steps_left(expected, count)
    assert steps.tolist() == listener.lengths(lengths).tolist() == expected.tolist()
    assert y.shape == (int(steps.max()), 3, listener.outputs)
    assert listener.shrink == stack * join ** (layers - 1)
    alone, _ = listener(x[:9, 1:2], lengths[1:2])
    torch.testing.assert_close(y[: int(steps[1]), 1], alone[:, 0], rtol=1e-4, atol=1e-5)


def test_both_heads_learn_from_the_same_steps():
    torch.manual_seed(0)
    listener = Listener(3, 5, 2, stack=2)
    decoder = Decoder(vocabulary=7, embedding=5, hidden=5, memory=listener.outputs)
    network = SpeechNetwork(listener, symbols=5, decoder=decoder)
    x, lengths, before = torch.randn(12, 2, 3), torch.tensor([12, 8]), torch.tensor([[5, 5], [2, 3]])
    said, steps, logits = network(x, lengths, before)
    assert said.shape == (6, 2, 5) and steps.tolist() == [6, 4] and logits.shape == (2, 2, 7)
    torch.testing.assert_close(said.exp().sum(-1), torch.ones(6, 2))
    loss = ctc_loss(said, steps, torch.tensor([[2, 3], [3, 3]]), torch.tensor([2, 1])) + logits.logsumexp(-1).mean()
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    memory, _ = network.encode(x, lengths)
    assert memory.past.tolist() == [[False] * 6, [False] * 4 + [True] * 2]


def test_one_head_is_enough_and_none_is_refused():
    listener = Listener(3, 5)
    said, _, logits = SpeechNetwork(listener, symbols=4)(torch.randn(9, 1, 3), torch.tensor([9]), torch.zeros(1, 1))
    assert logits is None and said.shape == (3, 1, 4)
    with pytest.raises(ValueError, match="one head is needed"):
        SpeechNetwork(listener)
