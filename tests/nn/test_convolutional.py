"""ConvLSTM and ConvGRU: the cells of torch.nn over one pixel, and a plain loop over pictures."""

import pytest
import torch
from torch import nn

from elman.nn import ConvGRU, ConvLSTM

KINDS = [(ConvLSTM, nn.LSTM), (ConvGRU, nn.GRU)]


@pytest.mark.parametrize(("kind", "peer"), KINDS)
@pytest.mark.parametrize(("layers", "bias", "batch_first"), [(1, True, False), (2, True, True), (2, False, False)])
def test_over_one_pixel_it_is_the_cell_of_torch(kind, peer, layers, bias, batch_first):
    torch.manual_seed(0)
    cell = peer(3, 5, layers, bias=bias, batch_first=batch_first).double()
    convolved = kind(3, 5, 1, layers, bias=bias, batch_first=batch_first).double()
    convolved.load_state_dict(
        {name: value[..., None, None] if value.dim() == 2 else value for name, value in cell.state_dict().items()}
    )
    x = torch.randn(4, 4, 3, dtype=torch.float64)
    expected, states = cell(x)
    found, last = convolved(x[..., None, None])
    torch.testing.assert_close(found[..., 0, 0], expected)
    pairs = zip(last, states, strict=True) if isinstance(states, tuple) else [(last, states)]
    for own, other in pairs:
        torch.testing.assert_close(own[..., 0, 0], other)


@pytest.mark.parametrize(("kind", "peer"), KINDS)
def test_padding_changes_nothing(kind, peer):
    torch.manual_seed(0)
    layer, x, lengths = kind(2, 3, num_layers=2), torch.randn(5, 3, 2, 6, 4), torch.tensor([5, 2, 4])
    y, last = layer(x, lengths=lengths)
    last = last if isinstance(last, tuple) else (last,)
    for row, length in enumerate(lengths.tolist()):
        alone, end = layer(x[:length, row : row + 1])
        torch.testing.assert_close(y[:length, row], alone[:, 0])
        assert (y[length:, row] == 0).all()
        for own, other in zip(last, end if isinstance(end, tuple) else (end,), strict=True):
            torch.testing.assert_close(own[:, row], other[:, 0])


@pytest.mark.parametrize(("kind", "peer"), KINDS)
def test_a_clip_in_two_parts_ends_as_the_whole(kind, peer):
    torch.manual_seed(0)
    layer, x = kind(1, 2), torch.randn(6, 2, 1, 5, 5)
    whole, end = layer(x)
    first, state = layer(x[:4])
    second, last = layer(x[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    for a, b in zip(
        last if isinstance(last, tuple) else (last,), end if isinstance(end, tuple) else (end,), strict=True
    ):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("kind", "peer"), KINDS)
def test_it_learns_which_way_a_dot_moves(kind, peer):
    torch.manual_seed(0)
    clips, ways = torch.zeros(6, 64, 1, 8, 8), torch.arange(64) % 2
    for row in range(64):
        for t in range(6):
            clips[t, row, 0, row // 8, 1 + t if ways[row] else 6 - t] = 1
    layer, head = kind(1, 6), nn.Linear(6, 2)
    adam = torch.optim.Adam([*layer.parameters(), *head.parameters()], 0.02)
    for _ in range(60):
        loss = nn.functional.cross_entropy(head(layer(clips)[0][-1].amax((-1, -2))), ways)
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss < 0.2


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="kernel_size is 2, but an even one has no middle"):
        ConvGRU(1, 2, 2)
    with pytest.raises(ValueError, match="hidden_channels is 0"):
        ConvGRU(1, 0)
    with pytest.raises(TypeError, match=r"input_channels is 1\.5"):
        ConvLSTM(1.5, 2)
    layer = ConvLSTM(1, 2)
    with pytest.raises(ValueError, match=r"x has shape \(2, 1, 4, 4\)"):
        layer(torch.zeros(2, 1, 4, 4))
    with pytest.raises(ValueError, match=r"a state has shape \(1, 1, 2, 4, 4\), but \(1, 3, 2, 4, 4\)"):
        layer(torch.zeros(2, 3, 1, 4, 4), (torch.zeros(1, 1, 2, 4, 4),) * 2)
    with pytest.raises(ValueError, match=r"lengths is \[3\], but 1 from 1 to 2"):
        layer(torch.zeros(2, 1, 1, 4, 4), lengths=torch.tensor([3]))
