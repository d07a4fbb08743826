"""The layers in PyTorch: in torch.nn's place, ragged rows, an LSTM of another kind, a stream, a cell torch lacks."""

import torch
from torch import Tensor

import elman
from elman import nn


def drop_in() -> nn.GRU:
    """An elman.nn.GRU takes a torch.nn.GRU's weights and gives what it gives."""
    theirs, ours = torch.nn.GRU(8, 32, num_layers=2), nn.GRU(8, 32, num_layers=2)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(20, 3, 8)  # (T, B, F)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0])
    return ours


def ragged() -> Tensor:
    """Lengths in any order: nothing to sort, nothing to pack; the state is the one at each row's own end."""
    encoder = nn.GRU(8, 32, batch_first=True, bidirectional=True)
    x, lengths = torch.randn(3, 20, 8), [20, 7, 13]
    output, h_n = encoder(x, lengths=lengths)
    assert (output[1, 7:] == 0).all()
    torch.testing.assert_close(h_n[0, 1], output[1, 6, :32])  # forward: the last of its 7 steps
    torch.testing.assert_close(h_n[1, 1], output[1, 0, 32:])  # reversed: the first one
    return h_n


def another_lstm() -> Tensor:
    """Peepholes and layer norm, trained like any module; `cells=True` gives every c_t as well."""
    torch.manual_seed(0)
    lstm = nn.LSTM(8, 32, peephole=True, layer_norm=True, zoneout=(0.1, 0.1))
    x = torch.randn(20, 3, 8)
    output, (h_n, c_n), cells = lstm(x, cells=True)
    torch.testing.assert_close(cells[-1], c_n[0])
    (output.square().mean() + cells.abs().mean()).backward()
    assert all(parameter.grad is not None for parameter in lstm.parameters())
    return h_n


def stream(gru: nn.GRU) -> Tensor:
    """One step a call gives what the whole sequence gives; the state stays inside."""
    x = torch.randn(20, 1, 8)
    stepper = gru.stepper(rows=1)
    stepped = torch.stack([stepper.step(x_t).clone() for x_t in x])  # the next call overwrites y
    with torch.no_grad():
        output, h_n = gru(x)
    torch.testing.assert_close(stepped, output, atol=1e-5, rtol=0)
    torch.testing.assert_close(stepper.state[0], h_n, atol=1e-5, rtol=0)
    stepper.reset()  # for the next stream
    return stepped


def without_a_recurrent_product() -> Tensor:
    """A minGRU's gates see x alone; the stack around it is the same."""
    body = nn.MinGRU(8, 32, num_layers=3, residual=True)
    output, _ = body(torch.randn(500, 3, 8))
    return output


def main() -> None:
    stream(drop_in())
    ragged()
    another_lstm()
    without_a_recurrent_product()
    print(elman.kernels.explain())  # which implementation runs each cell here, and why


if __name__ == "__main__":
    main()
