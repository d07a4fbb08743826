"""Traces of small networks: the tutorials' example by hand, and any other by the layers themselves."""

import math

import pytest
import torch

from elman import nn
from elman.errors import InputError
from elman.explain.trace import GATES, Weights, trace

BITS = [1, 0, 1, 1, 0]


def test_the_example_of_the_tutorials_is_computed_right():
    steps = trace("rnn", BITS, Weights.of("rnn", [0.5], [0.8]))
    h = 0.0
    for step, x in zip(steps, BITS, strict=True):
        h = math.tanh(0.5 * x + 0.8 * h)
        assert step.values["h"] == [pytest.approx(h, abs=1e-15)] == step.values["y"]
    assert steps[0].lines[0] == "h_1 = tanh(0.5·1 + 0.8·0 + 0) = 0.4621"
    assert steps[1].lines[0] == "h_2 = tanh(0.5·0 + 0.8·0.4621 + 0) = 0.3537"


@pytest.mark.parametrize("cell", list(GATES))
@pytest.mark.parametrize(("features", "hidden"), [(1, 1), (2, 3)])
def test_every_cell_is_that_of_the_layers(cell, features, hidden):
    torch.manual_seed(0)
    layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell](features, hidden, dtype=torch.float64)
    with torch.no_grad():
        layer.bias_hh_l0.zero_()
    parts = [getattr(layer, name).tolist() for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")]
    x = torch.randn(5, features, dtype=torch.float64)
    steps = trace(cell, x.tolist(), Weights.of(cell, *parts))
    expected = layer(x[:, None])[0][:, 0]
    torch.testing.assert_close(torch.tensor([step.values["h"] for step in steps], dtype=torch.float64), expected)
    assert all(line.startswith(("h_", "i_", "f_", "g_", "o_", "c_", "r_", "z_", "n_", "y_")) for line in steps[0].lines)
    assert len(steps[0].lines) == {"rnn": 2, "lstm": 7, "gru": 5}[cell]


def test_what_is_answered_is_of_the_state():
    steps = trace("rnn", [1.0], Weights.of("rnn", [0.5], [0.8], [0.0], [2.0], [-1.0]))
    assert steps[0].values["y"] == [pytest.approx(2 * math.tanh(0.5) - 1)]
    assert steps[0].lines[-1] == "y_1 = 2·0.4621 + (-1) = (-0.0758)"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("lstm", [1, 2, 3], [1, 1, 1]), "W has 3 rows, but a lstm has 4 gates"),
        (("rnn", [1.0], [[1.0, 2.0]]), r"U has shape \(1, 2\), but \(1, 1\) is needed"),
        (("rnn", [1.0], [1.0], [1.0, 2.0]), "b has 2 numbers, but 1 are needed"),
        (("rnn", ["a"], [1.0]), "W is .*but numbers are needed"),
        (("rnn", [math.nan], [1.0]), "W is .*but finite numbers are needed"),
        (("rnn", [1.0], [1.0], None, [[1.0, 2.0]]), "V has shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        Weights.of(*given)


def test_inputs_that_do_not_fit_are_refused():
    weights = Weights.of("rnn", [0.5], [0.8])
    with pytest.raises(InputError, match="x has 2 features, but W has 1 columns"):
        trace("rnn", [[1, 2]], weights)
    with pytest.raises(InputError, match="the cell is 'cnn'"):
        trace("cnn", [1], weights)
    with pytest.raises(InputError, match="x is"):
        trace("rnn", [], weights)
