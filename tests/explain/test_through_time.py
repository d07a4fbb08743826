"""The gradients through time are the true ones, and what is said of them holds for networks whose truth is known."""

import json

import pytest
import torch
from torch import nn

from elman.explain.through_time import Flow, flows
from elman.nn import GRU, LSTM, RNN
from elman.nn.initialise import initialise, remember
from elman.nn.sequence import ClassifierNetwork, SequenceNetwork

T, B, H = 12, 4, 6


class Last(nn.Module):
    """A stack and a number of its last output."""

    def __init__(self, stack):
        super().__init__()
        self.stack, self.head = stack, nn.Linear(stack.hidden_size, 1)

    def forward(self, x):
        return self.head(self.stack(x)[0][-1])


def of(stack, steps=T, **options):
    torch.manual_seed(1)
    x = torch.randn(steps, B, stack.input_size)
    return flows(Last(stack), lambda network: network(x).square().sum(), **options)


def test_the_norms_are_those_of_autograd():
    torch.manual_seed(0)
    stack = initialise(RNN(2, H))
    network = Last(stack).double()
    x = torch.randn(T, B, 2, dtype=torch.float64)
    (flow,) = flows(network, lambda copy: copy(x).square().sum())
    h, states = torch.zeros(B, H, dtype=torch.float64), []
    for t in range(T):
        h = torch.tanh(x[t] @ stack.weight_ih_l0.T + h @ stack.weight_hh_l0.T + stack.bias_ih_l0 + stack.bias_hh_l0)
        states.append(h)
    found = torch.autograd.grad(network.head(h).square().sum(), states)
    norms = torch.stack([one.norm(dim=1) for one in found]).flip(0)
    torch.testing.assert_close(torch.tensor(flow.norms).double(), (norms / norms[0]).mean(1))
    assert flow.lags == list(range(T)) and flow.steps == T and flow.direct == pytest.approx(0, abs=1e-6)


def scaled(factor):
    """A linear-like network: near 0, where tanh is straight, each step multiplies the gradient by ``factor``."""
    stack = RNN(1, H)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.zero_()
        stack.weight_hh_l0.copy_(factor * torch.eye(H))
    return stack


@pytest.mark.parametrize(
    ("factor", "verdict", "memory"), [(0.5, "vanishing", 6), (0.99, "healthy", 49), (1.5, "exploding", 49)]
)
def test_each_verdict_where_the_truth_is_known(factor, verdict, memory):
    (flow,) = of(scaled(factor), steps=50)
    assert (flow.verdict, flow.memory) == (verdict, memory)
    assert flow.factor == pytest.approx(factor, rel=1e-4)
    assert flow.radius["h"] == pytest.approx(factor, rel=1e-5)
    assert flow.silent == H and flow.stuck == {"h": (0.0, 0.0)}


def test_what_grows_out_of_all_numbers_is_still_a_number():
    (flow,) = of(scaled(1e9), steps=50)
    assert flow.verdict == "exploding" and max(flow.norms) > 1e100
    json.dumps(flow.to_json(), allow_nan=False)


def test_a_ragged_bidirectional_stack_is_followed_from_each_row_s_own_ends():
    torch.manual_seed(0)
    network = ClassifierNetwork(SequenceNetwork(features=2, cell="gru", hidden=H, layers=2), 1, pooling="last")
    x, lengths = torch.randn(T, B, 2), torch.tensor([12, 3, 7, 1])

    def loss(one):
        return one(x, lengths).square().sum()

    found = flows(network, loss)
    assert [flow.name for flow in found] == [
        f"layer {layer}, {way}" for layer in (1, 2) for way in ("forward", "backward")
    ]
    assert all(flow.norms[0] == pytest.approx(1) and flow.steps == T for flow in found)
    garbage = x.clone()
    for row, length in enumerate(lengths):
        garbage[length:, row] = 1e3
    x = garbage
    assert [flow.norms for flow in flows(network, loss)] == [flow.norms for flow in found]


def test_attention_is_a_way_around_time_and_a_loss_of_each_step_is_none():
    network = ClassifierNetwork(SequenceNetwork(features=2, hidden=H, bidirectional=False), 1)
    x = torch.randn(T, B, 2)
    (flow,) = flows(network, lambda one: one(x).sum())
    assert flow.direct > 0.5
    (flow,) = flows(network, lambda one: one.body(x).sum(), each_step=True)
    assert flow.direct == 0


def test_of_long_rows_the_last_steps_are_looked_at():
    (flow,) = of(GRU(1, H), steps=700)
    assert flow.steps == 512 and len(flow.lags) == 128 and flow.lags[-1] == 511


def test_nothing_of_the_network_changes_and_a_head_of_zeros_hides_nothing():
    network = Last(LSTM(2, H)).train()
    nn.init.zeros_(network.head.weight)
    before = {name: p.clone() for name, p in network.named_parameters()}
    x, state = torch.randn(T, B, 2), torch.random.get_rng_state()
    (flow,) = flows(network, lambda one: one(x).sum())
    assert flow.norms[0] == pytest.approx(1) and flow.norms[-1] > 0
    assert network.training and all(p.grad is None for p in network.parameters())
    assert all(torch.equal(p, before[name]) for name, p in network.named_parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_network_without_recurrent_layers_has_nothing_to_look_at():
    linear = nn.Linear(2, 1)
    assert flows(linear, lambda network: network(torch.randn(3, 2)).sum()) == []


def test_chrono_gates_remember_longer():
    torch.manual_seed(0)
    short, long = of(initialise(GRU(2, 32)), 200)[0], of(remember(initialise(GRU(2, 32)), 200), 200)[0]
    assert short.verdict == "vanishing" and long.verdict == "healthy" and long.memory > 5 * short.memory


def test_a_flow_comes_back_from_json():
    (flow,) = of(LSTM(2, H))
    assert Flow.from_json(json.loads(json.dumps(flow.to_json()))) == flow
