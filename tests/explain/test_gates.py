"""The gates' values are those with which the definition makes its next state."""

import pytest
import torch

from elman.explain.gates import gates, radii, silent, stuck
from elman.nn import GRU, LSTM, RNN, MinGRU

F, H, N = 3, 4, 6


@pytest.mark.parametrize("layer_norm", [False, True])
def test_they_make_the_next_state(layer_norm):
    torch.manual_seed(0)
    x, h, c = torch.randn(N, F), torch.rand(N, H), torch.rand(N, H)
    for kind in (RNN, LSTM, GRU):
        stack = kind(F, H, layer_norm=layer_norm)
        state = (h[None], c[None]) if kind is LSTM else h[None]
        y = stack(x[None], state)[0][0]
        found = gates(stack, 0, 0, x, (h, c))
        if kind is RNN:
            made = found["h"]
        elif kind is GRU:
            made = (1 - found["z"]) * found["n"] + found["z"] * h
        elif layer_norm:
            continue  # what h sees of c is normalised besides
        else:
            made = found["o"] * torch.tanh(found["f"] * c + found["i"] * found["g"])
        torch.testing.assert_close(made, y)


def test_peepholes_are_seen():
    torch.manual_seed(0)
    stack, x, h, c = LSTM(F, H, peephole=True), torch.randn(N, F), torch.rand(N, H), torch.rand(N, H)
    found = gates(stack, 0, 0, x, (h, c))
    made = found["o"] * torch.tanh(found["f"] * c + found["i"] * found["g"])
    torch.testing.assert_close(made, stack(x[None], (h[None], c[None]))[0][0])


def test_other_cells_have_none():
    assert gates(MinGRU(F, H), 0, 0, torch.randn(N, F), (torch.zeros(N, H),)) == {}
    assert radii(MinGRU(F, H), 0, 0) == {} and radii(LSTM(F, H, proj_size=2), 0, 0) == {}


def test_ends_of_the_range_and_units_that_say_nothing():
    assert stuck("i", torch.tensor([0.01, 0.5, 0.97, 0.99])) == (0.25, 0.5)
    assert stuck("h", torch.tensor([-0.95, 0.0, 0.85, 0.99])) == (0.25, 0.25)
    y = torch.rand(N, H)
    y[:, 1] = 0.3
    assert silent(y) == 1


def test_the_radius_is_the_largest_eigenvalue_of_each_gate():
    stack = GRU(F, H)
    with torch.no_grad():
        stack.weight_hh_l0.copy_(torch.cat([k * torch.eye(H) for k in (0.5, 2.0, -3.0)]))
    assert radii(stack, 0, 0) == pytest.approx({"r": 0.5, "z": 2.0, "n": 3.0})
