"""CTC against the sum over every path, and its searches against every text."""

import itertools
import math

import pytest
import torch

from elman.nn.ctc import BLANK, alignment, blank_share, ctc_costs, ctc_loss, decode, steps_needed

S, V = 5, 4


def collapsed(path):
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)


def every_text(said):
    """The probability of each text of a row (S, V), by all paths."""
    found = {}
    for path in itertools.product(range(said.shape[1]), repeat=len(said)):
        p = math.exp(sum(float(said[s, symbol]) for s, symbol in enumerate(path)))
        found[collapsed(path)] = found.get(collapsed(path), 0.0) + p
    return found


def random_said(rows=6, seed=0, sharp=2.0):
    return (sharp * torch.randn(S, rows, V, generator=torch.Generator().manual_seed(seed))).log_softmax(-1)


def padded(texts):
    sizes = torch.tensor([len(text) for text in texts])
    symbols = torch.full((int(sizes.max()), len(texts)), -100)
    for row, text in enumerate(texts):
        symbols[: len(text), row] = torch.tensor(text, dtype=torch.long)
    return symbols, sizes


def test_costs_are_the_sums_over_all_paths():
    said, texts = random_said(4), [(1,), (2, 2), (1, 2, 3), (3, 1)]
    found = ctc_costs(said, torch.full((4,), S), *padded(texts))
    for row, text in enumerate(texts):
        assert float(found[row]) == pytest.approx(-math.log(every_text(said[:, row])[text]), rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_beam_search_finds_the_likeliest_texts(seed):
    lengths = torch.tensor([5, 5, 4, 3, 2, 1])
    said = random_said(6, seed)
    found = decode(said, lengths, beam=60)
    for row, length in enumerate(lengths.tolist()):
        truth = sorted(every_text(said[:length, row]).items(), key=lambda pair: -pair[1])[:8]
        for heard, (text, p) in zip(found[row], truth, strict=False):
            assert math.exp(heard.score) == pytest.approx(p, rel=1e-3)
            assert tuple(heard.symbols) == text
        texts = [tuple(heard.symbols) for heard in found[row]]
        assert len(set(texts)) == len(texts)


def test_a_narrow_beam_sums_what_the_best_path_does_not():
    # The best path says nothing, but the ways to say 1 are together likelier: 1 - 0.6² against 0.6².
    said = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()[:, None]
    assert decode(said, torch.tensor([2]))[0][0].symbols == []
    best = decode(said, torch.tensor([2]), beam=2)[0][0]
    assert best.symbols == [1] and math.exp(best.score) == pytest.approx(0.64)


def test_the_best_path_stops_at_each_rows_end():
    path = torch.tensor([[1, 1], [1, 0], [0, 2], [1, 2], [3, 3]])
    said = torch.nn.functional.one_hot(path, V).float().mul(20).log_softmax(-1)
    found = decode(said, torch.tensor([5, 3]))
    assert [heard[0].symbols for heard in found] == [[1, 1, 3], [1, 2]]
    for beam in (2, 7):
        assert [heard[0].symbols for heard in decode(said, torch.tensor([5, 3]), beam=beam)] == [[1, 1, 3], [1, 2]]
    assert [heard[0].symbols for heard in decode(said, torch.tensor([5, 3]), banned=(1,))] == [[3], [2]]
    assert all(
        1 not in heard.symbols for row in decode(said, torch.tensor([5, 3]), beam=5, banned=(1,)) for heard in row
    )
    assert blank_share(said, torch.tensor([5, 3])) == pytest.approx(2 / 8)


def test_few_symbols_a_step_lose_little():
    said = random_said(6, 9, sharp=5.0)
    lengths = torch.full((6,), S)
    whole, some = decode(said, lengths, beam=10), decode(said, lengths, beam=10, symbols=2)
    assert [row[0].symbols for row in whole] == [row[0].symbols for row in some]


def test_steps_needed_count_the_blanks_between_repeats():
    symbols, sizes = padded([(1, 2, 3), (2, 2), (1, 1, 1), (3,)])
    assert steps_needed(symbols, sizes).tolist() == [3, 3, 5, 1]
    # One step fewer cannot say it, so many can.
    said = random_said(4)[:, :4]
    need = steps_needed(symbols, sizes)
    assert torch.isfinite(ctc_costs(said, need, symbols, sizes)).all()
    assert torch.isinf(ctc_costs(said[:, :3], need[:3] - 1, symbols[:, :3], sizes[:3])).all()


def test_a_row_that_cannot_be_said_teaches_nothing():
    symbols, sizes = padded([(1, 1, 1), (2, 3, 1)])
    z = torch.randn(4, 2, V, requires_grad=True)
    loss = ctc_loss(z.log_softmax(-1), torch.tensor([4, 4]), symbols, sizes)
    loss.backward()
    assert torch.isfinite(loss) and z.grad[:, 0].abs().max() == 0 and z.grad[:, 1].abs().max() > 0


def test_the_alignment_is_the_posterior_of_each_symbols_steps():
    said = random_said(1)[:, 0]
    for text in [(1, 2), (2, 2), (3,)]:
        expected = torch.zeros(len(text), S)
        for path in itertools.product(range(V), repeat=S):
            if collapsed(path) != text:
                continue
            p = math.exp(sum(float(said[s, symbol]) for s, symbol in enumerate(path)))
            which = -1
            for s, symbol in enumerate(path):
                which += symbol != BLANK and (s == 0 or path[s - 1] != symbol)
                if symbol != BLANK:
                    expected[which, s] += p
        torch.testing.assert_close(alignment(said, list(text)), expected / every_text(said)[text], rtol=1e-3, atol=1e-5)
    assert alignment(said, [1, 1, 1, 1]).abs().max() == 0
    assert alignment(said, []).shape == (0, S)
