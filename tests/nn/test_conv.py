"""Convolution over time: a sum over neighbours that lie in the same row."""

import pytest
import torch

from elman.nn import Conv
from elman.nn.pool import inside

LENGTHS = torch.tensor([6, 2, 1, 4])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("width", "dilation"), [(1, 1), (3, 1), (4, 1), (3, 2), (9, 1)])
def test_conv_by_hand(width, dilation, causal):
    torch.manual_seed(0)
    conv = Conv(3, 5, width, dilation=dilation, causal=causal).double()
    torch.nn.init.normal_(conv.bias)
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    x = torch.where(inside(6, LENGTHS)[..., None], x, 1e3)

    y = conv(x, LENGTHS)

    centre = width - 1 if causal else (width - 1) // 2
    expected = torch.zeros(6, 4, 5, dtype=torch.float64)
    for row, length in enumerate(LENGTHS.tolist()):
        for t in range(length):
            expected[t, row] = conv.bias
            for k in range(width):
                at = t + (k - centre) * dilation
                if 0 <= at < length:
                    expected[t, row] += conv.weight[:, :, k] @ x[at, row]
    torch.testing.assert_close(y, expected)


def test_without_lengths_every_row_is_whole():
    conv, x = Conv(3, 5), torch.randn(6, 4, 3)
    torch.testing.assert_close(conv(x), conv(x, torch.full((4,), 6)))


def test_causal_sees_nothing_to_come():
    conv = Conv(2, 3, 3, causal=True)
    x = torch.randn(6, 1, 2, requires_grad=True)
    conv(x)[2].sum().backward()
    assert (x.grad[:3] != 0).all()
    assert (x.grad[3:] == 0).all()


def test_gradients():
    conv = Conv(2, 3, 3).double()
    x = torch.randn(6, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: conv(x, LENGTHS), x)


def test_what_it_refuses():
    with pytest.raises(ValueError, match="width is 0"):
        Conv(2, 3, 0)
    with pytest.raises(ValueError, match=r"shape \(6, 4, 3\)"):
        Conv(2, 3)(torch.zeros(6, 4, 3))
    with pytest.raises(ValueError, match="a length is 7"):
        Conv(2, 3)(torch.zeros(6, 4, 2), torch.tensor([1, 2, 7, 3]))
