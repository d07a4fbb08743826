"""Beam search: against every sequence there is, row by row as alone, and greedy as one step after the other."""

import itertools

import pytest
import torch

from elman.nn.beam import search
from elman.nn.seq2seq import Decoder, Seq2Seq
from elman.nn.sequence import SequenceNetwork

PAD, START, END, V = 0, 1, 2, 6


def made(cell="lstm", attention="additive", seed=0, **options):
    torch.manual_seed(seed)
    encoder = SequenceNetwork(vocabulary=9, embedding=8, hidden=8, cell=cell)
    decoder = Decoder(vocabulary=V, embedding=8, hidden=8, memory=16, cell=cell, attention=attention, **options)
    network = Seq2Seq(encoder, decoder)
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.mul_(3)  # so that what is likely is clearly so
    return network.double().eval()


def texts(rows=3):
    lengths = torch.tensor([5, 3, 4][:rows])
    x = torch.randint(1, 9, (5, rows), generator=torch.Generator().manual_seed(1))
    return x, lengths


def written(network, x, lengths, **settings):
    return search(network.decoder, *network.encode(x, lengths), **settings)


def scored(network, x, lengths, symbols):
    """Σ log p of one row's symbols and the end, by one call of the decoder."""
    before = torch.tensor([[START, *symbols]]).T
    logits = network(x, lengths, before)[:, 0].log_softmax(-1)
    return float(sum(logits[at, symbol] for at, symbol in enumerate([*symbols, END])).detach())


@pytest.mark.parametrize("options", [{}, {"attention": "multiplicative"}, {"input_feeding": True}])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_wide_beam_finds_the_best_of_all_sequences(cell, options):
    network, (x, lengths) = made(cell, **options), texts()
    found = written(network, x, lengths, start=START, end=END, longest=4, beam=80, length_penalty=0.7,
                   banned=(PAD, START))  # fmt: skip
    every = [list(p) for n in range(4) for p in itertools.product(range(3, V), repeat=n)]
    for row in range(3):
        alone = x[: lengths[row], row : row + 1], lengths[row : row + 1]
        best = sorted(((scored(network, *alone, s) / (len(s) + 1) ** 0.7, s) for s in every), reverse=True)[:5]
        assert [one.symbols for one in found[row][:5]] == [symbols for _, symbols in best]
        assert [one.score for one in found[row][:5]] == pytest.approx([score for score, _ in best])


def test_a_row_is_translated_as_it_is_alone():
    network, (x, lengths) = made(seed=3), texts()
    settings = {"start": START, "end": END, "longest": 8, "beam": 3, "banned": (PAD, START)}
    together = written(network, x, lengths, **settings)
    for row in range(3):
        (alone,) = search(
            network.decoder, *network.encode(x[: lengths[row], row : row + 1], lengths[row : row + 1]), **settings
        )
        assert [one.symbols for one in alone] == [one.symbols for one in together[row]]
        for one in together[row]:
            assert one.attention.shape == (len(one.symbols) + 1, 5)
            torch.testing.assert_close(one.attention.sum(1), torch.ones(len(one.symbols) + 1).double())
            assert not one.attention[:, lengths[row] :].any()


def test_beam_one_takes_the_likeliest_each_time():
    network, (x, lengths) = made(seed=5), texts(1)
    (found,) = search(
        network.decoder, *network.encode(x, lengths), start=START, end=END, longest=6, beam=1, banned=(PAD, START)
    )
    symbols = [START]
    while len(symbols) < 6:
        logits = network(x, lengths, torch.tensor([symbols]).T)[-1, 0]
        logits[[PAD, START]] = -torch.inf
        symbols.append(int(logits.argmax()))
        if symbols[-1] == END:
            break
    assert found[0].symbols == [symbol for symbol in symbols[1:] if symbol != END]


def test_no_symbols_in_a_row_come_twice():
    network, (x, lengths) = made(seed=2), texts()
    settings = {"start": START, "end": END, "longest": 12, "beam": 2, "banned": (PAD, START), "length_penalty": 0}
    with torch.no_grad():
        network.decoder.bias[END] -= 20  # so that nothing ends by itself
    free = written(network, x, lengths, **settings)
    bound = written(network, x, lengths, no_repeat=2, **settings)
    runs = [[one.symbols[i : i + 2] for i in range(len(one.symbols) - 1)] for row in bound for one in row]
    assert all(len(set(map(tuple, pairs))) == len(pairs) for pairs in runs)
    assert [row[0].symbols for row in free] != [row[0].symbols for row in bound]


def test_what_is_left_unattended_costs():
    network, (x, lengths) = made(seed=4), texts()
    settings = {"start": START, "end": END, "longest": 4, "beam": 40, "banned": (PAD, START)}
    plain = {tuple(one.symbols): one for one in written(network, x, lengths, **settings)[1]}
    for one in written(network, x, lengths, coverage_penalty=0.5, **settings)[1]:
        covered = one.attention[:, : lengths[1]].sum(0).clamp(max=1).log().sum()
        assert one.score == pytest.approx(plain[tuple(one.symbols)].score + 0.5 * float(covered), abs=1e-6)
