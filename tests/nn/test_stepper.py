"""module.stepper(): the module's own forward pass, one step a call."""

import pytest
import torch

from elman import nn

CASES = [
    (nn.RNN, {}),
    (nn.RNN, {"nonlinearity": "relu", "num_layers": 2, "bias": False}),
    (nn.RNN, {"nonlinearity": "sigmoid", "layer_norm": True}),
    (nn.LSTM, {"num_layers": 2}),
    (nn.LSTM, {"num_layers": 3, "residual": True, "dropout": 0.5, "recurrent_dropout": 0.5}),
    (nn.LSTM, {"proj_size": 3, "num_layers": 2, "peephole": True, "zoneout": (0.1, 0.3)}),
    (nn.LSTM, {"layer_norm": True, "clip": 0.5, "batch_first": True}),
    (nn.GRU, {"num_layers": 2, "residual": True}),
    (nn.GRU, {"reset_after": False, "zoneout": 0.2, "clip": 0.4}),
    (nn.GRU, {"layer_norm": True, "num_layers": 2}),
    (nn.SLSTM, {"num_layers": 2, "heads": 3}),
    (nn.IndRNN, {}),
    (nn.MinGRU, {"num_layers": 2}),
    (nn.MinLSTM, {}),
    (nn.RGLRU, {"residual": True}),
]


def forward(module, x, state):
    """What the module gives of x (T, B, F), in evaluation: y (T, B, P) and the parts of the final state."""
    turned = module.batch_first
    with torch.no_grad():
        y, final = module.eval()(x.transpose(0, 1) if turned else x, state if len(state) > 1 else state[0])
    return y.transpose(0, 1) if turned else y, *(final if isinstance(final, tuple) else (final,))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)], ids=str)
@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("hidden", [9, 42])
@pytest.mark.parametrize(("make", "settings"), CASES, ids=str)
def test_steps_are_the_forward_pass(make, settings, hidden, rows, dtype, tolerance):
    if "layer_norm" in settings and dtype is torch.float32:
        pytest.skip("dividing by deviations near 0 magnifies float32's rounding, whoever computes it")
    torch.manual_seed(1)
    module = make(9, hidden, dtype=dtype, **settings)
    x = torch.randn(12, rows, 9, dtype=dtype)
    stepper = module.stepper(rows)  # in evaluation, though the module is in training
    # An sLSTM's n is positive.
    state = tuple(torch.rand(part.shape).to(dtype) + 0.5 for part in stepper.state)
    stepper.state = state
    expected = forward(module, x, state)

    stepped = torch.stack([stepper.step(x_t).clone() for x_t in x])

    for part, right in zip((stepped, *stepper.state), expected, strict=True):
        torch.testing.assert_close(part, right, rtol=0, atol=tolerance)


def test_a_stream_goes_on_where_a_sequence_ended():
    torch.manual_seed(0)
    module, x = nn.LSTM(3, 8, num_layers=2), torch.randn(10, 2, 3)
    with torch.no_grad():
        y, _ = module(x)
        _, state = module(x[:6])
        stepper = module.stepper(2)
        stepper.state = state
        for t in range(6, 8):
            torch.testing.assert_close(stepper.step(x[t]), y[t], rtol=0, atol=1e-6)
        rest, _ = module(x[8:], stepper.state)
    torch.testing.assert_close(rest, y[8:], rtol=0, atol=1e-6)


def test_a_reversed_direction_cannot_be_stepped_through():
    with pytest.raises(ValueError, match="bidirectional is True"):
        nn.GRU(3, 4, bidirectional=True).stepper()
