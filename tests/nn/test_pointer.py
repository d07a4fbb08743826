"""The pointer-generator beside a plain loop, what the loss takes beside the whole distribution, and copying."""

import pytest
import torch

from elman.nn.beam import search
from elman.nn.pointer import PointerDecoder, PointerNetwork
from elman.nn.sequence import SequenceNetwork

V, UNKNOWN, START, END = 9, 1, 7, 8
SOURCE = torch.tensor([[2, 9, 3, 9], [4, 4, 9, 0], [5, 10, 11, 6]]).T  # (S, B), 0 beyond the second row's end
LENGTHS = torch.tensor([4, 3, 4])
AFTER = torch.tensor([[9, 3, 8], [4, 8, -100], [11, 2, 1]]).T
BEFORE = torch.tensor([[START, 9, 3], [START, 4, 0], [START, 11, 2]]).T


def network(seed=0, **settings):
    torch.manual_seed(seed)
    encoder = SequenceNetwork(features=6, hidden=5)
    decoder = PointerDecoder(unknown=UNKNOWN, vocabulary=V, embedding=6, hidden=5, memory=10, **settings)
    return PointerNetwork(encoder, decoder).eval()


def whole(net, before=BEFORE):
    memory, states = net.encode(SOURCE, LENGTHS)
    log_p, _, weights = net.decoder(before, memory, states)
    return log_p, weights, memory


def test_probabilities_sum_to_one_and_own_words_are_copied_alone():
    log_p, weights, memory = whole(network())
    assert log_p.shape == (3, 3, V + 3) and memory.extra == 3
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(3, 3))
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 3))
    absent = log_p.exp()[:, 1, V + 1 :]  # row 1 has one word of its own
    assert float(absent.detach().max()) < 1e-9


@torch.no_grad()
@pytest.mark.parametrize("attention", ["additive", "multiplicative"])
def test_the_distribution_is_that_of_a_plain_loop(attention):
    net = network(attention=attention)
    log_p, weights, _ = whole(net)
    memory, states = net.encode(SOURCE, LENGTHS)
    read = net.decoder.read(net.decoder.known(BEFORE), memory, states)[0]
    for t in range(3):
        for b in range(3):
            z = net.decoder.embedding.weight @ read[t, b] + net.decoder.bias
            gate = torch.sigmoid(net.decoder.gate.weight[0] @ read[t, b] + net.decoder.gate.bias[0])
            p = [float(gate * one) for one in z.softmax(0)] + [0.0] * 3
            for s in range(int(LENGTHS[b])):
                p[int(SOURCE[s, b])] += float((1 - gate) * weights[b, t, s])
            torch.testing.assert_close(log_p[t, b].exp(), torch.tensor(p), rtol=1e-4, atol=1e-7)


def test_the_loss_takes_what_the_whole_distribution_says():
    net = network().double()
    log_p, weights, _ = whole(net)
    said = net(SOURCE, LENGTHS, BEFORE, AFTER)
    counts = AFTER >= 0
    wanted = log_p.gather(-1, AFTER.clamp(min=0)[..., None])[..., 0][counts]
    torch.testing.assert_close(said.log_p, wanted)
    memory, states = net.encode(SOURCE, LENGTHS)
    read = net.decoder.read(net.decoder.known(BEFORE), memory, states)[0]
    z = torch.nn.functional.linear(read, net.decoder.embedding.weight, net.decoder.bias)
    torch.testing.assert_close(said.smooth, z.log_softmax(-1).mean(-1)[counts])
    given = weights.transpose(0, 1)
    again = [torch.minimum(given[t], given[:t].sum(0)).sum(-1) for t in range(3)]
    torch.testing.assert_close(said.again, torch.stack(again)[counts])


def test_gradients_are_those_of_the_whole_distribution():
    found = []
    for short in (True, False):
        net = network().double()
        if short:
            said = net(SOURCE, LENGTHS, BEFORE, AFTER)
            loss = said.log_p.sum() + 0.3 * said.smooth.sum()
        else:
            log_p, _, _ = whole(net)
            memory, states = net.encode(SOURCE, LENGTHS)
            read = net.decoder.read(net.decoder.known(BEFORE), memory, states)[0]
            z = torch.nn.functional.linear(read, net.decoder.embedding.weight, net.decoder.bias)
            counts = AFTER >= 0
            loss = log_p.gather(-1, AFTER.clamp(min=0)[..., None])[..., 0][counts].sum()
            loss = loss + 0.3 * z.log_softmax(-1).mean(-1)[counts].sum()
        loss.backward()
        found.append({name: p.grad for name, p in net.named_parameters()})
    for name, gradient in found[0].items():
        torch.testing.assert_close(gradient, found[1][name], msg=name)


def test_a_symbol_of_no_chance_has_a_finite_loss():
    net = network()
    with torch.no_grad():
        net.decoder.bias[3] = -1e4  # exp of it is 0
    said = net(SOURCE, LENGTHS, BEFORE, torch.full_like(AFTER, 3))
    (said.log_p.sum() + said.smooth.sum()).backward()
    assert said.log_p.isfinite().all()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


def test_words_of_their_own_are_read_as_unknown_alike():
    net = network()
    other = SOURCE.where(SOURCE < V, UNKNOWN)
    torch.testing.assert_close(net.encode(SOURCE, LENGTHS)[0].values, net.encode(other, LENGTHS)[0].values)


@pytest.mark.parametrize("beam", [1, 3])
def test_search_copies_a_word_that_no_vocabulary_holds(beam):
    net = network()
    with torch.no_grad():
        net.decoder.gate.bias.fill_(-50)  # copy always
        net.decoder.gate.weight.zero_()
    memory, states = net.encode(SOURCE, LENGTHS)
    found = search(net.decoder, memory, states, start=START, end=END, longest=4, beam=beam, banned=(0, UNKNOWN, START))
    for row, best in enumerate(found):
        assert set(best[0].symbols) <= set(SOURCE[:, row].tolist()) - {0}
    assert any(symbol >= V for best in found for symbol in best[0].symbols)
    # The rows are searched alike alone: what is their own follows them when others are done.
    alone = search(
        net.decoder, *net.encode(SOURCE[:, 2:], LENGTHS[2:]), start=START, end=END, longest=4, beam=beam,
        banned=(0, UNKNOWN, START),
    )  # fmt: skip
    assert alone[0][0].symbols == found[2][0].symbols


def test_scheduled_sampling_and_input_feeding_learn():
    torch.manual_seed(0)
    decoder = PointerDecoder(
        unknown=UNKNOWN, vocabulary=V, embedding=6, hidden=5, memory=10, input_feeding=True, embedding_dropout=0.1
    )
    net = PointerNetwork(SequenceNetwork(features=6, hidden=5), decoder, scheduled_sampling=0.5)
    adam = torch.optim.Adam(net.parameters(), 0.02)
    losses = []
    for _ in range(40):
        loss = -net(SOURCE, LENGTHS, BEFORE, AFTER).log_p.mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
