"""Pools and attention: each row as if it were alone, by hand."""

import pytest
import torch

from elman.nn import AttentionPool
from elman.nn.attention import masked_softmax
from elman.nn.pool import inside, pool

LENGTHS = torch.tensor([5, 2, 1, 4])


def steps(size=6, dtype=torch.float64):
    y = torch.randn(5, 4, size, generator=torch.Generator().manual_seed(0), dtype=dtype)
    # What lies past a row's end must not be seen, whatever it is.
    return torch.where(inside(5, LENGTHS)[..., None], y, 1e3)


def row_by_row(y, of_row):
    return torch.stack([of_row(y[:length, row]) for row, length in enumerate(LENGTHS.tolist())])


BY_HAND = {
    "last": lambda y: y[-1],
    "mean": lambda y: y.mean(0),
    "max": lambda y: y.max(0).values,
    "concat": lambda y: torch.cat([y[-1], y.mean(0), y.max(0).values]),
}


@pytest.mark.parametrize("kind", BY_HAND)
def test_a_pool_sees_its_row_alone(kind):
    y = steps()
    torch.testing.assert_close(pool(y, LENGTHS, kind), row_by_row(y, BY_HAND[kind]))


@pytest.mark.parametrize("kind", BY_HAND)
def test_without_lengths_every_row_is_whole(kind):
    y = steps()
    torch.testing.assert_close(pool(y, None, kind), pool(y, torch.full((4,), 5), kind))


def test_the_last_of_both_directions_is_where_each_ends():
    y = steps()
    expected = row_by_row(y, lambda row: torch.cat([row[-1, :3], row[0, 3:]]))
    torch.testing.assert_close(pool(y, LENGTHS, "last", bidirectional=True), expected)


@pytest.mark.parametrize(
    ("lengths", "kind", "message"),
    [
        (LENGTHS, "sum", "kind is 'sum'"),
        (torch.tensor([5, 0, 1, 4]), "mean", "a length is 0"),
        (torch.tensor([6, 2, 1, 4]), "last", "a length is 6"),
        (torch.tensor([5, 2]), "max", "lengths has the shape"),
    ],
)
def test_what_a_pool_refuses(lengths, kind, message):
    with pytest.raises(ValueError, match=message):
        pool(steps(), lengths, kind)


def test_softmax_ends_with_its_row():
    scores = steps(size=1)[..., 0]
    weights = masked_softmax(scores, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(weights[:length, row], scores[:length, row].softmax(0))
        assert (weights[length:, row] == 0).all()


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_attention_by_hand(kind, heads):
    torch.manual_seed(0)
    attention = AttentionPool(6, kind, heads).double()
    torch.nn.init.normal_(attention.query)
    y, wide = steps(), 6 // heads

    pooled, weights = attention(y, LENGTHS)

    for row, length in enumerate(LENGTHS.tolist()):
        alone, means = y[:length, row], torch.zeros(5, dtype=torch.float64)
        for head in range(heads):
            part = alone[:, head * wide : (head + 1) * wide]
            if kind == "additive":
                inner = torch.tanh(alone @ attention.inner.weight.T + attention.inner.bias)
                scores = inner @ attention.query[head]
            else:
                scores = part @ attention.query[head] / wide**0.5
            a = scores.exp() / scores.exp().sum()
            means[:length] += a / heads
            torch.testing.assert_close(pooled[row, head * wide : (head + 1) * wide], a @ part)
        torch.testing.assert_close(weights[:, row], means)


def test_attention_starts_as_the_mean():
    y = steps()
    torch.testing.assert_close(AttentionPool(6).double()(y, LENGTHS)[0], pool(y, LENGTHS, "mean"))


def test_gradients_of_attention():
    attention = AttentionPool(4, heads=2).double()
    torch.nn.init.normal_(attention.query)
    y = torch.randn(5, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: attention(y, LENGTHS), y)


@pytest.mark.parametrize(("kind", "heads", "message"), [("sum", 1, "kind is 'sum'"), ("dot", 4, "heads is 4")])
def test_what_attention_refuses(kind, heads, message):
    with pytest.raises(ValueError, match=message):
        AttentionPool(6, kind, heads)
