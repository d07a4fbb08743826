"""An encoder with a decoder: stepping equals one call, and scheduled sampling changes what is read alone."""

import pytest
import torch

from elman.nn.seq2seq import Decoder, Seq2Seq
from elman.nn.sequence import SequenceNetwork


def made(**options):
    torch.manual_seed(0)
    scheduled = options.pop("scheduled_sampling", 0.0)
    encoder = SequenceNetwork(vocabulary=9, embedding=6, hidden=8, cell=options.get("cell", "lstm"))
    decoder = Decoder(vocabulary=7, embedding=6, hidden=8, memory=16, **options)
    return Seq2Seq(encoder, decoder, scheduled_sampling=scheduled).double()


X, LENGTHS = torch.tensor([[1, 2], [3, 4], [5, 0]]), torch.tensor([3, 2])
BEFORE = torch.tensor([[1, 1], [2, 3], [4, 5], [6, 0]])


@pytest.mark.parametrize("options", [{}, {"input_feeding": True}, {"cell": "gru", "attention": "multiplicative"}])
def test_steps_give_what_one_call_gives(options):
    network = made(**options).eval()
    memory, states = network.encode(X, LENGTHS)
    whole, _, weights = network.decoder(BEFORE, memory, states)
    for t, symbols in enumerate(BEFORE):
        logits, states, attended = network.decoder(symbols[None], memory, states)
        torch.testing.assert_close(logits[0], whole[t])
        torch.testing.assert_close(attended[:, 0], weights[:, t])
    assert not weights[1, :, 2].any()


def test_input_feeding_hands_on_what_was_about_to_be_said():
    network = made(input_feeding=True).eval()
    memory, states = network.encode(X, LENGTHS)
    first, after, _ = network.decoder(BEFORE[:1], memory, states)
    fed = after[2][0]
    torch.testing.assert_close(
        first, torch.nn.functional.linear(fed, network.decoder.embedding.weight, network.decoder.bias)
    )
    other = (*after[:2], (torch.zeros_like(fed),))
    assert not torch.allclose(*(network.decoder(BEFORE[1:2], memory, s)[0] for s in (after, other)))


def test_scheduled_sampling_reads_guesses_where_a_symbol_is():
    network = made(scheduled_sampling=0.99)
    memory, states = network.encode(X, LENGTHS)
    torch.manual_seed(1)
    read = network._sampled(BEFORE, memory, states)
    guesses = network.decoder(BEFORE, memory, states)[0].argmax(-1)
    assert read[0].tolist() == [1, 1] and read[3, 1] == 0
    assert torch.equal(read[1:, 0], guesses[:3, 0])
    assert torch.equal(network.eval()(X, LENGTHS, BEFORE), network.decoder(BEFORE, memory, states)[0])
