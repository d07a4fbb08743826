"""The recommender's network: chunks that go on as one session, and items that come again."""

import copy

import pytest
import torch

from elman.nn.losses import bpr_max, sampled_cross_entropy, top1_max
from elman.nn.recommender import UNUSED, Recommender

ITEMS = 9


def made(**settings):
    torch.manual_seed(0)
    network = Recommender(items=ITEMS, **{"embedding": 6, "hidden": 6, "repeats": True, **settings})
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    return network.eval()


def session():
    return torch.tensor([2, 5, 2, 8, 3, 5, 7])


def had(x):
    """(T, V): which items were there up to each step."""
    return torch.stack([torch.isin(torch.arange(ITEMS), x[: t + 1]) for t in range(len(x))])


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("settings", [{}, {"tied": False}, {"hidden": 4}, {"repeats": False}])
def test_chunks_that_follow_each_other_score_as_the_whole_session(cell, settings):
    network, x = made(cell=cell, **settings), session()
    every = list(network.asked(x[:-1, None], torch.tensor([len(x) - 1]), torch.ones(len(x) - 1, 1, dtype=torch.bool)))
    whole = torch.cat(every)
    rest = []
    for at in (0, 3):
        own, others = network(
            x[at : at + 3, None], torch.tensor([3]), torch.tensor([at == 0]), x[at + 1 : at + 4, None]
        )
        rows = torch.arange(at, at + 3)
        torch.testing.assert_close(own, whole[rows, x[rows + 1]])
        rest.append(others)
    rest = torch.cat(rest)
    true = torch.arange(2, ITEMS) == x[1:, None]
    assert (rest[true] == UNUSED).all()
    torch.testing.assert_close(rest[~true], whole[:, 2:][~true])
    assert (whole[:, :2] == -torch.inf).all()


def test_an_item_that_was_there_gets_the_term_and_no_other():
    network, x = made(), session()
    at = torch.ones(len(x), 1, dtype=torch.bool)
    plain = copy.deepcopy(network)
    plain.again = None
    with_term, without = (
        torch.cat(list(one.asked(x[:, None], torch.tensor([len(x)]), at)))[:, 2:] for one in (network, plain)
    )
    changed = (with_term - without).abs() > 1e-6
    assert torch.equal(changed, had(x)[:, 2:])


def test_a_new_session_begins_without_the_state_of_the_last():
    network, x = made(), session()[:4, None]
    follows = session()[1:5, None]
    first = network(x, torch.tensor([4]), torch.tensor([True]), follows)
    network(x, torch.tensor([4]), torch.tensor([False]), follows)
    for a, b in zip(first, network(x, torch.tensor([4]), torch.tensor([True]), follows), strict=True):
        torch.testing.assert_close(a, b)


def test_scores_of_some_moments_come_as_those_of_all(monkeypatch):
    network = made()
    x, lengths = torch.randint(2, ITEMS, (6, 3)), torch.tensor([6, 4, 5])
    at = torch.rand(6, 3) < 0.6
    at &= torch.arange(6)[:, None] < lengths
    whole = torch.cat(list(network.asked(x, lengths, at)))
    monkeypatch.setattr("elman.nn.recommender.MOST_SCORES", 2 * ITEMS)
    torch.testing.assert_close(torch.cat(list(network.asked(x, lengths, at))), whole)
    assert len(whole) == int(at.sum())


def test_sampled_cross_entropy_of_all_items_is_the_usual_one():
    z, y = torch.randn(5, 7, dtype=torch.float64), torch.tensor([0, 3, 6, 3, 1])
    others = z.masked_fill(torch.arange(7) == y[:, None], UNUSED)
    own = z.gather(1, y[:, None])[:, 0]
    torch.testing.assert_close(sampled_cross_entropy(own, others), torch.nn.functional.cross_entropy(z, y))


def test_the_correction_makes_the_sum_over_drawn_items_unbiased():
    torch.manual_seed(0)
    z, share = torch.randn(50, dtype=torch.float64), torch.rand(50, dtype=torch.float64) ** 2
    share = share / share.sum()
    sums = []
    for _ in range(4000):
        drawn = torch.multinomial(share, 10, replacement=True).unique()
        chance = -torch.expm1(10 * torch.log1p(-share[drawn]))
        loss = sampled_cross_entropy(torch.zeros(1).double(), (z[drawn] - chance.log())[None])
        sums.append(loss.exp() - 1)
    torch.testing.assert_close(torch.stack(sums).mean(), z.exp().sum(), rtol=0.05, atol=0)


def test_drawn_others_score_as_among_all_less_their_chance():
    network, x = made(), session()
    arguments = x[:-1, None], torch.tensor([6]), torch.tensor([True]), x[1:, None]
    own, every = network(*arguments)
    some, chance = torch.tensor([3, 5, 8]), torch.tensor([-1.0, -2.0, -3.0])
    again, others = network(*arguments, some, chance)
    torch.testing.assert_close(again, own)
    used = every[:, some - 2] != UNUSED
    torch.testing.assert_close(others[used], (every[:, some - 2] - chance)[used])
    assert (others[~used] == UNUSED).all()


@pytest.mark.parametrize("loss", [bpr_max, top1_max, sampled_cross_entropy])
def test_losses_against_plain_loops(loss):
    own, others = torch.randn(3, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    others[1, 2] = UNUSED
    values = []
    for s, z in zip(own, others, strict=True):
        z = z[z > UNUSED]
        p = z.softmax(0)
        values.append(
            {
                bpr_max: -(p * (s - z).sigmoid()).sum().log() + (p * z**2).sum(),
                top1_max: (p * ((z - s).sigmoid() + (z**2).sigmoid())).sum(),
                sampled_cross_entropy: (s.exp() + z.exp().sum()).log() - s,
            }[loss]
        )
    torch.testing.assert_close(loss(own, others), torch.stack(values).mean())
    own.requires_grad_(), others.requires_grad_()
    assert torch.autograd.gradcheck(loss, (own, others))


@pytest.mark.parametrize("loss", [bpr_max, top1_max, sampled_cross_entropy])
def test_losses_are_finite_where_nothing_is_compared(loss):
    own, others = torch.zeros(2, requires_grad=True), torch.full((2, 3), UNUSED, requires_grad=True)
    loss(own, others).backward()
    assert own.grad.isfinite().all() and others.grad.isfinite().all()
