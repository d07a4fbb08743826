"""The starting weights, gate by gate."""

import pytest
import torch

from elman.nn import GRU, LSTM, RGLRU, RNN, SLSTM, IndRNN, MinGRU, MinLSTM, initialise
from elman.nn.initialise import remember

HIDDEN = 6


def gates(weight):
    return weight.detach().split(HIDDEN)


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_every_gate_starts_on_its_own(kind):
    module = initialise(kind(4, HIDDEN, 2, bidirectional=True))
    for name, p in module.named_parameters():
        for gate in gates(p):
            if name.startswith("weight_hh"):
                torch.testing.assert_close(gate @ gate.T, torch.eye(HIDDEN))
            elif name.startswith("weight_ih"):
                bound = (6 / (HIDDEN + p.shape[1])) ** 0.5
                assert 0.7 * bound < gate.abs().max() <= bound
    blocks = [gate for name, p in module.named_parameters() if name.startswith("weight") for gate in gates(p)]
    assert len({block.sum().item() for block in blocks}) == len(blocks)


@pytest.mark.parametrize("forget_bias", [1.0, 2.5])
def test_only_the_forget_gate_s_input_bias_is_open(forget_bias):
    module = initialise(LSTM(4, HIDDEN, 2), forget_bias)
    for layer in range(2):
        i, f, g, o = gates(getattr(module, f"bias_ih_l{layer}"))
        assert (f == forget_bias).all()
        assert not torch.cat([i, g, o, getattr(module, f"bias_hh_l{layer}").detach()]).any()


@pytest.mark.parametrize("kind", [RNN, GRU])
def test_cells_without_a_forget_gate_have_no_bias_at_first(kind):
    assert not any(p.any() for name, p in initialise(kind(4, HIDDEN)).named_parameters() if "bias" in name)


def test_a_tree_of_modules_is_walked_and_others_are_left():
    tree = torch.nn.Sequential(
        torch.nn.Embedding(10, 4), torch.nn.ModuleDict({"body": LSTM(4, HIDDEN, bias=False, proj_size=3)})
    )
    tree.append(torch.nn.Linear(30, 50))
    tree.append(torch.nn.Linear(5, 2, bias=False))
    before = tree[0].weight.clone()
    assert initialise(tree) is tree
    assert torch.equal(tree[0].weight, before)
    assert not tree[2].bias.any()
    bound = (6 / 80) ** 0.5
    assert 0.95 * bound < tree[2].weight.abs().max() <= bound
    recurrent = tree[1]["body"].weight_hh_l0.detach()
    for gate in gates(recurrent):
        torch.testing.assert_close(gate.T @ gate, torch.eye(3))
    assert tree[1]["body"].weight_hr_l0.abs().max() <= (6 / 9) ** 0.5


def test_half_precision_starts_too_and_gradients_are_still_asked_for():
    module = initialise(GRU(4, HIDDEN, dtype=torch.bfloat16))
    assert all(p.requires_grad and p.is_leaf and p.dtype == torch.bfloat16 for p in module.parameters())
    for gate in gates(module.weight_hh_l0):
        torch.testing.assert_close((gate @ gate.T).float(), torch.eye(HIDDEN), atol=0.03, rtol=0)


def test_peepholes_gains_and_shifts_start_as_if_they_were_not_there():
    module = LSTM(4, HIDDEN, 2, peephole=True, layer_norm=True)
    with torch.no_grad():
        for p in module.parameters():
            p.fill_(7)
    initialise(module)
    for name, p in module.named_parameters():
        if name.startswith(("weight_ch", "bias_c", "bias_hh")):
            assert not p.any(), name
        elif name.startswith("gain"):
            assert (p == 1).all(), name
        else:
            assert not (p == 7).any(), name


def test_an_slstm_starts_head_by_head():
    module = initialise(SLSTM(4, HIDDEN, heads=3))
    for block in module.weight_hh_l0.detach().split(2):
        torch.testing.assert_close(block @ block.T, torch.eye(2))
    assert module.bias_ih_l0.tolist() == [0.0] * HIDDEN + [1.0] * HIDDEN + [0.0] * 2 * HIDDEN


@pytest.mark.parametrize(("kind", "opened"), [(IndRNN, []), (MinGRU, []), (MinLSTM, [0]), (RGLRU, [])])
def test_elementwise_cells_start_gate_by_gate(kind, opened):
    module = initialise(kind(4, HIDDEN), 2.0)
    bound = (6 / (HIDDEN + 4)) ** 0.5
    for k, (weight, bias) in enumerate(zip(gates(module.weight_ih_l0), gates(module.bias_ih_l0), strict=True)):
        assert HIDDEN**-0.5 < weight.abs().max() <= bound
        assert (bias == (2.0 if k in opened else 0.0)).all()


def test_memories_are_spread_up_to_what_was_asked():
    torch.manual_seed(0)
    lstm, gru = remember(initialise(LSTM(4, 64)), 100), remember(initialise(GRU(4, 64)), 100)
    i, f, g, o = lstm.bias_ih_l0.detach().split(64)
    r, z, n = gru.bias_ih_l0.detach().split(64)
    assert torch.equal(i, -f) and not torch.cat([g, o, r, n, lstm.bias_hh_l0, gru.bias_hh_l0]).any()
    for gate in (f, z):
        times = 1 / (1 - gate.sigmoid())  # f = u / (1 + u) forgets over 1 + u steps
        assert times.min() >= 2 and times.max() <= 100.01 and times.max() > 80


def test_cells_without_gates_or_biases_remember_as_before():
    tree = torch.nn.ModuleList([RNN(4, HIDDEN), LSTM(4, HIDDEN, bias=False), MinGRU(4, HIDDEN)])
    before = [p.clone() for p in tree.parameters()]
    assert remember(tree, 50) is tree
    assert all(torch.equal(p, old) for p, old in zip(tree.parameters(), before, strict=True))
