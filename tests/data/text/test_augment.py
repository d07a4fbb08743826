"""Texts changed by chance stay texts: of the same length, padding untouched."""

import torch

from elman.data.text.augment import drop_words, swap_words
from elman.data.text.tokens import UNKNOWN

LENGTHS = torch.randint(1, 60, (200,), generator=torch.Generator().manual_seed(0))
INSIDE = torch.arange(60)[:, None] < LENGTHS
X = torch.where(INSIDE, torch.arange(2, 62)[:, None], 0)


def test_words_are_hidden_by_chance_within_their_rows():
    out = drop_words(X, LENGTHS, 0.3, torch.Generator().manual_seed(1))
    hidden = out == UNKNOWN
    assert torch.equal(out[~hidden], X[~hidden])
    assert not hidden[~INSIDE].any()
    assert abs(hidden[INSIDE].float().mean() - 0.3) < 0.03
    assert torch.equal(drop_words(X, LENGTHS, 0.0), X)
    assert (drop_words(X, LENGTHS, 1.0)[INSIDE] == UNKNOWN).all()


def test_neighbours_are_swapped_within_their_rows():
    out = swap_words(X, LENGTHS, 0.2, torch.Generator().manual_seed(1))
    assert torch.equal(out.sort(0).values, X.sort(0).values)
    assert torch.equal(out[~INSIDE], X[~INSIDE])
    moved = (out - X)[INSIDE]
    assert set(moved.tolist()) == {-1, 0, 1}
    pairs = (moved == 1).sum() / INSIDE[1:].sum()
    assert 0.14 < pairs < 0.2  # those right after a swap are not swapped
    assert torch.equal(swap_words(X, LENGTHS, 0.0), X)
    assert swap_words(torch.tensor([[5], [6], [7], [0]]), torch.tensor([3]), 1.0).tolist() == [[6], [5], [7], [0]]
    assert swap_words(torch.tensor([[5]]), torch.tensor([1]), 1.0).tolist() == [[5]]


def test_changes_follow_their_generator_alone():
    for change in (drop_words, swap_words):
        state = torch.get_rng_state()
        runs = [change(X, LENGTHS, 0.5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
        assert torch.equal(runs[0], runs[1])
        assert not torch.equal(runs[0], runs[2])
        assert torch.equal(torch.get_rng_state(), state)
