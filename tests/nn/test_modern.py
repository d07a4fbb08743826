"""sLSTM, IndRNN, minGRU, minLSTM and RG-LRU: their equations by hand, and the same stack around them."""

import copy
import pickle

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman import kernels, nn

from .loops import by_hand

STEPS, ROWS, FEATURES, HIDDEN = 5, 3, 4, 6
CELLS = {
    "slstm": ("SLSTM", {}),
    "slstm-heads": ("SLSTM", {"heads": 3}),
    "indrnn": ("IndRNN", {}),
    "indrnn-tanh": ("IndRNN", {"nonlinearity": "tanh"}),
    "mingru": ("MinGRU", {}),
    "minlstm": ("MinLSTM", {}),
    "rglru": ("RGLRU", {}),
}


def made(cell, **options):
    kind, own = CELLS[cell]
    return getattr(nn, kind)(FEATURES, HIDDEN, **{"dtype": torch.float64, **own, **options})


def states(module):
    """A random state; n is positive, as a sum of exponentials is."""
    places = module.num_layers * (1 + module.bidirectional)
    parts = [torch.randn(places, ROWS, HIDDEN, dtype=torch.float64) for _ in range(4 if module.mode == "SLSTM" else 1)]
    if len(parts) == 4:
        parts[2] = parts[2].abs() + 0.5
    return tuple(parts)


def gradients(leaves, results):
    loss = sum(r.flatten() @ torch.linspace(0.5, 1.5, r.numel()).to(r) for r in results)
    return torch.autograd.grad(loss, leaves)


@pytest.mark.parametrize("form", ["time first", "batch first", "one sequence", "lengths", "packed"])
@pytest.mark.parametrize(
    "options",
    [{"bias": False}, {"num_layers": 2, "bidirectional": True}, {"num_layers": 3, "residual": True}],
    ids=["one layer, no bias", "two layers both ways", "three layers, residual"],
)
@pytest.mark.parametrize("cell", CELLS)
def test_the_equations_hold_in_every_form_of_the_stack(cell, options, form):
    torch.manual_seed(0)
    module = made(cell, batch_first=form == "batch first", **options)
    lengths = [3, 5, 1] if form in ("lengths", "packed") else None
    x, state = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64, requires_grad=True), states(module)
    right, finals, _ = by_hand(module, x, state, lengths)

    def of(state):
        return state if len(state) > 1 else state[0]

    if form == "batch first":
        y, after = module(x.transpose(0, 1), of(state))
        y = y.transpose(0, 1)
    elif form == "one sequence":
        y, after = module(x[:, 0], of(tuple(s[:, 0] for s in state)))
        right, finals = right[:, 0], [s[:, 0] for s in finals]
    elif form == "packed":
        y, after = module(pack_padded_sequence(x, lengths, enforce_sorted=False), of(state))
        y = pad_packed_sequence(y, total_length=STEPS)[0]
    else:
        y, after = module(x, of(state), lengths=lengths)
    after = after if isinstance(after, tuple) else (after,)
    for one, other in zip((y, *after), (right, *finals), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    leaves = {"x": x, **dict(module.named_parameters())}
    found, expected = (gradients(list(leaves.values()), got) for got in ((y, *after), (right, *finals)))
    for name, one, other in zip(leaves, found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("cell", CELLS)
def test_without_a_state_it_starts_from_zero(cell):
    module = made(cell, num_layers=2)
    x = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64)
    y, after = module(x)
    right, finals, _ = by_hand(module, x)
    torch.testing.assert_close(y, right, rtol=1e-10, atol=1e-12)
    assert len(finals) == (4 if module.mode == "SLSTM" else 1)
    again = module(x[3:], module(x[:3])[1])
    torch.testing.assert_close(again[0], y[3:])
    torch.testing.assert_close(again[1], after)


@pytest.mark.parametrize(
    ("cell", "names", "shapes"),
    [
        ("slstm", ["weight_ih", "weight_hh", "bias_ih"], [(24, 4), (24, 6), (24,)]),
        ("slstm-heads", ["weight_ih", "weight_hh", "bias_ih"], [(24, 4), (24, 2), (24,)]),
        ("indrnn", ["weight_ih", "weight_hh", "bias_ih"], [(6, 4), (6,), (6,)]),
        ("mingru", ["weight_ih", "bias_ih"], [(12, 4), (12,)]),
        ("minlstm", ["weight_ih", "bias_ih"], [(18, 4), (18,)]),
        ("rglru", ["weight_ih", "bias_ih", "decay"], [(18, 4), (18,), (6,)]),
    ],
)
def test_names_and_shapes_of_the_parameters(cell, names, shapes):
    module = made(cell, num_layers=2, bidirectional=True)
    assert list(module.state_dict()) == [f"{n}_l{k}{way}" for k in (0, 1) for way in ("", "_reverse") for n in names]
    assert [tuple(p.shape) for p in module.all_weights[0]] == shapes
    assert module.weight_ih_l1.shape[1] == 2 * HIDDEN
    without = made(cell, bias=False).state_dict()
    assert list(without) == [f"{n}_l0" for n in names if not n.startswith("bias")]


def test_where_the_recurrence_starts():
    torch.manual_seed(1)
    for start in (lambda module: module, nn.initialise):
        u = start(nn.IndRNN(2, 2000)).weight_hh_l0
        assert -1 <= u.min() < -0.98 and 0.98 < u.max() <= 1
        for dtype in (torch.float32, torch.bfloat16):
            decay = start(nn.RGLRU(2, 2000, dtype=dtype)).decay_l0.detach().double()
            a = torch.exp(-8 * torch.nn.functional.softplus(decay))
            assert 0.898 < a.min() < 0.902 and 0.997 < a.max() < 0.9995
            assert abs(a.median() - 0.9495) < 0.006


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_lies_between_layers_and_only_in_training(cell):
    torch.manual_seed(2)
    module = made(cell, num_layers=2, dropout=0.5)
    x = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64)
    assert not torch.equal(module(x)[0], module(x)[0])
    module.eval()
    assert torch.equal(module(x)[0], module(x)[0])
    with pytest.warns(UserWarning, match="acts between layers and num_layers is 1") as caught:
        made(cell, dropout=0.5)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("cell", CELLS)
def test_copies_others_weights_and_repr(cell):
    module = made(cell, num_layers=2, residual=True)
    x = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64)
    y = module(x)[0]
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert repr(twin) == repr(module)
        assert torch.equal(twin(x)[0], y)
    zeros = {name: torch.zeros_like(p) for name, p in module.named_parameters()}
    assert not torch.equal(torch.func.functional_call(module, zeros, x)[0], y)
    torch.nn.utils.parametrizations.weight_norm(module, "weight_ih_l0")
    torch.testing.assert_close(module(x)[0], y)
    with torch.no_grad():
        module.parametrizations.weight_ih_l0.original0.mul_(2)
    assert not torch.allclose(module(x)[0], y)


def test_repr_shows_heads():
    assert repr(nn.SLSTM(4, 6, 2, heads=3)) == "SLSTM(4, 6, num_layers=2, heads=3)"
    assert repr(nn.MinGRU(4, 6, bidirectional=True)) == "MinGRU(4, 6, bidirectional=True)"


@pytest.mark.parametrize("cell", ["slstm-heads", "indrnn", "mingru", "minlstm", "rglru"])
def test_compiles_in_one_graph(cell):
    module = made(cell, num_layers=2)
    x = torch.randn(2, ROWS, FEATURES, dtype=torch.float64)
    torch.compiler.reset()
    with kernels.use("reference"):
        compiled = torch.compile(module, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(x, lengths=[2, 1, 2]), module(x, lengths=[2, 1, 2]))


@pytest.mark.parametrize("implementation", ["native", "reference"])
def test_an_slstm_s_first_step_bears_any_input_gate(implementation):
    if kernels.choose("slstm").implementation != "native" and implementation == "native":
        pytest.skip("no native library")
    module = nn.SLSTM(1, 4)
    with torch.no_grad():
        module.weight_ih_l0[:4] = -1000.0
    x = torch.ones(3, 2, 1, requires_grad=True)
    with kernels.use(implementation):
        y, final = module(x)
        y.sum().backward()
    assert y.isfinite().all()
    assert all(part.isfinite().all() for part in final)
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in module.parameters())
