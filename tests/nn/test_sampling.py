"""Sampling: the distribution by counting, the text by its seed."""

from itertools import islice

import pytest
import torch

from elman.nn.language import LanguageNetwork
from elman.nn.sampling import Sampler, generate

LOGITS = torch.tensor([2.0, 0.5, -1.0, 1.5, -torch.inf, 0.0])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def shares(sampler, draws=20_000):
    return torch.bincount(torch.tensor([sampler(LOGITS) for _ in range(draws)]), minlength=6) / draws


def softmax_over(kept, temperature=1.0):
    z = torch.full((6,), -torch.inf)
    z[kept] = LOGITS[kept] / temperature
    return z.softmax(0)


# The probabilities fall as 0.50, 0.30, 0.11, 0.07, 0.02: symbols 0, 3, 1, 5, 2.
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, softmax_over([0, 1, 2, 3, 5])),
        ({"temperature": 0.5}, softmax_over([0, 1, 2, 3, 5], 0.5)),
        ({"temperature": 2.0}, softmax_over([0, 1, 2, 3, 5], 2.0)),
        ({"top_k": 2}, softmax_over([0, 3])),
        ({"top_k": 100}, softmax_over([0, 1, 2, 3, 5])),
        ({"top_p": 0.7}, softmax_over([0, 3])),
        ({"top_p": 0.95}, softmax_over([0, 3, 1, 5])),
        ({"top_p": 0.01}, softmax_over([0])),
        ({"top_p": 1.0}, softmax_over([0, 1, 2, 3, 5])),
        # Of the three that stay, the first two have 0.88.
        ({"top_k": 3, "top_p": 0.86}, softmax_over([0, 3])),
        ({"top_k": 1, "temperature": 5.0}, softmax_over([0])),
        ({"temperature": 0.0}, softmax_over([0])),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_symbols_come_as_often_as_they_should(settings, expected):
    found = shares(Sampler(**settings, generator=seeded()))
    torch.testing.assert_close(found, expected, rtol=0, atol=0.015)
    assert ((found == 0) | (expected > 0)).all()


def test_the_seed_makes_the_text():
    def draw(seed):
        sampler = Sampler(generator=seeded(seed))
        return [sampler(LOGITS) for _ in range(50)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_without_a_generator_torchs_own_is_used():
    torch.manual_seed(5)
    first = shares(Sampler(), draws=50)
    torch.manual_seed(5)
    assert torch.equal(shares(Sampler(), draws=50), first)


def test_one_sampler_for_vocabularies_of_any_size():
    sampler = Sampler(generator=seeded())
    wide = torch.full((100_000,), -torch.inf)
    wide[99_999] = 0
    assert sampler(wide) == 99_999
    assert sampler(torch.tensor([-torch.inf, 3.0])) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.1}, "top_p is 1.1"),
    ],
)
def test_what_it_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        Sampler(**settings)


def test_generating_is_step_and_draw_in_turn():
    torch.manual_seed(0)
    model = LanguageNetwork(vocabulary=20, embedding=8, hidden=6)
    found = list(islice(generate(model.stream(), [3, 4], Sampler(generator=seeded())), 30))

    stream, sampler, expected = model.stream(), Sampler(generator=seeded()), []
    stream.step(3)
    logits = stream.step(4)
    for _ in range(30):
        expected.append(sampler(logits))
        logits = stream.step(expected[-1])
    assert found == expected
    assert len(set(found)) > 3


def test_the_coldest_text_is_the_likeliest_at_every_step():
    torch.manual_seed(0)
    model = LanguageNetwork(vocabulary=20, embedding=8, hidden=6).eval()
    found = list(islice(generate(model.stream(), [3], Sampler(temperature=0)), 10))
    z = model(torch.tensor([3, *found[:-1]])[:, None], fresh=True)
    assert z[:, 0].argmax(-1).tolist() == found
