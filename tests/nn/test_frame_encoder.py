"""What looks at frames: each clip as if it were alone, and what has changed since the frame before."""

import pytest
import torch
from torch import nn

from elman.nn.frame_encoder import FrameEncoder

LENGTHS = torch.tensor([5, 2, 1, 4])
KINDS = ("conv", "convgru")
SHAPES = [(12, 10, 1), (16, 16, 3), (3, 5, 1)]


def encoder(kind, shape=(12, 10, 1), outputs=7):
    torch.manual_seed(0)
    return FrameEncoder(shape, kind, outputs)


def clips(shape=(12, 10, 1)):
    torch.manual_seed(1)
    x = torch.randn(5, 4, shape[0] * shape[1] * shape[2])
    return torch.where((torch.arange(5)[:, None] < LENGTHS)[..., None], x, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_padding_changes_nothing(kind, shape):
    model, x = encoder(kind, shape), clips(shape)
    e = model(x, LENGTHS)
    assert e.shape == (5, 4, 7) and model.outputs == 7
    for row, length in enumerate(LENGTHS.tolist()):
        alone = model(x[:length, row : row + 1])
        torch.testing.assert_close(e[:length, row], alone[:, 0], atol=1e-5, rtol=1e-4)
        assert (e[length:, row] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_in_the_padding_is_not_read(kind):
    model, x = encoder(kind), clips()
    spoilt = torch.where((torch.arange(5)[:, None] < LENGTHS)[..., None], x, 99.0)
    torch.testing.assert_close(model(x, LENGTHS), model(spoilt, LENGTHS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [LENGTHS, None])
def test_every_parameter_learns(kind, lengths):
    model = encoder(kind, (16, 16, 3))
    model(clips((16, 16, 3)), lengths).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_knows_nothing_of_later_ones(kind):
    model, x = encoder(kind), clips()
    before = model(x)
    x[3] += 1
    after = model(x)
    torch.testing.assert_close(after[:3], before[:3])
    assert not torch.allclose(after[3], before[3])


def test_convolutions_see_a_frame_and_the_change_since_the_one_before():
    model, x = encoder("conv"), clips()
    frames = x.view(5, 4, 1, 12, 10)
    for t in range(5):
        change = frames[t] - frames[max(t - 1, 0)]
        v = model.third(model.first(torch.cat([frames[t], change], 1))).relu()
        torch.testing.assert_close(model(x)[t], model.last(model.pool(v).flatten(1)))


def test_a_recurrent_one_remembers():
    model, x = encoder("convgru"), clips()
    before = model(x)
    x[0] += 1
    assert not torch.allclose(model(x)[4], before[4])


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_which_way_a_dot_moves(kind):
    torch.manual_seed(0)
    x, ways = torch.zeros(4, 16, 8, 8), torch.arange(16) % 2
    for row in range(16):
        for t in range(4):
            x[t, row, row // 2, 2 + t if ways[row] else 5 - t] = 1
    model, head = FrameEncoder((8, 8, 1), kind, 16), nn.Linear(16, 2)
    adam = torch.optim.Adam([*model.parameters(), *head.parameters()], 0.01)
    for _ in range(30):
        loss = nn.functional.cross_entropy(head(model(x.flatten(2)).mean(0)), ways)
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss < 0.3


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="kind is 'lstm', but a frame encoder is conv or convgru"):
        FrameEncoder((8, 8, 1), "lstm")
