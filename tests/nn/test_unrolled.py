"""Written out step by step a stack computes what the kernels compute, and every state is a node of the graph."""

import pytest
import torch

from elman.nn import GRU, LSTM, RNN, SLSTM, IndRNN, MinGRU
from elman.nn.unrolled import unrolled

T, B, F, H = 7, 3, 4, 5
STACKS = {
    "rnn": lambda: RNN(F, H),
    "relu": lambda: RNN(F, H, nonlinearity="relu", layer_norm=True),
    "lstm": lambda: LSTM(F, H, 2, bidirectional=True),
    "projected": lambda: LSTM(F, H, proj_size=3, peephole=True, zoneout=(0.1, 0.2)),
    "gru": lambda: GRU(F, H, 3, residual=True, reset_after=False),
    "slstm": lambda: SLSTM(F, H),
    "indrnn": lambda: IndRNN(F, H),
    "mingru": lambda: MinGRU(F, H),
}


@pytest.mark.parametrize("kind", STACKS)
@pytest.mark.parametrize("ragged", [False, True])
def test_it_agrees_with_the_kernels(kind, ragged):
    torch.manual_seed(0)
    stack = STACKS[kind]().double().eval()
    x, lengths = torch.randn(T, B, F, dtype=torch.float64), torch.tensor([7, 2, 5]) if ragged else None
    y, final = stack(x, lengths=lengths)
    run = unrolled(stack, x, lengths=lengths)
    torch.testing.assert_close(run.y, y)
    ends = [way[0 if at else -1] for layer in run.states for at, way in enumerate(layer)]
    parts = final if isinstance(final, tuple) else (final,)
    for part, expected in enumerate(parts):
        torch.testing.assert_close(torch.stack([end[part] for end in ends]), expected)
    assert [len(x.shape) for x in run.inputs] == [3] * stack.num_layers


def test_it_starts_where_it_is_told_to():
    torch.manual_seed(0)
    stack = LSTM(F, H, 2)
    x, state = torch.randn(T, B, F), (torch.randn(2, B, H), torch.randn(2, B, H))
    torch.testing.assert_close(unrolled(stack, x, state).y, stack(x, state)[0])
    assert torch.equal(unrolled(stack, x, state).start[1][0][1], state[1][1])


def test_its_states_have_gradients_and_its_weights_none():
    stack, x = GRU(F, H), torch.randn(T, B, F, requires_grad=True)
    run = unrolled(stack, x)
    (first,) = run.states[0][0][0]
    (found,) = torch.autograd.grad(run.y[-1].sum(), [first], retain_graph=True)
    assert found.shape == (B, H) and found.any()
    run.y.sum().backward()
    assert x.grad.any() and stack.weight_hh_l0.grad is None
