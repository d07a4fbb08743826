"""RNN, LSTM and GRU against torch.nn's, whose place they take: same arguments, numbers, states and names."""

import copy
import io
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman import kernels, nn

# torch says once, for a projection in float32, which of its own kernels it takes.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

CELLS = {
    "tanh": ("RNN", {"nonlinearity": "tanh"}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "lstm-projected": ("LSTM", {"proj_size": 2}),
    "gru": ("GRU", {}),
}
STEPS, ROWS, FEATURES, HIDDEN = 6, 4, 3, 5


def pair(cell, *, sizes=(FEATURES, HIDDEN), **options):
    """torch's module and ours, in float64 with the same random weights."""
    kind, own = CELLS[cell]
    options = {"dtype": torch.float64, **own, **options}
    theirs, ours = getattr(torch.nn, kind)(*sizes, **options), getattr(nn, kind)(*sizes, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def random_state(module, rows):
    places = (module.num_layers * (2 if module.bidirectional else 1), *([rows] if rows else []))
    h = torch.randn(*places, module.proj_size or module.hidden_size, dtype=torch.float64)
    c = torch.randn(*places, module.hidden_size, dtype=torch.float64)
    return (h, c) if module.mode == "LSTM" else h


def results(module, x, hx=None, **options):
    """What a call gives, by name: output, states, and the gradients of a sum that weighs each element."""
    leaf = x.data if hasattr(x, "batch_sizes") else x
    leaf.grad = None
    leaf.requires_grad_()
    y, state = module(x, hx, **options)
    named = {"output": y.data if hasattr(y, "batch_sizes") else y}
    named |= dict(zip(("h_n", "c_n"), state if isinstance(state, tuple) else (state,), strict=False))
    loss = sum(t.flatten() @ torch.linspace(0.5, 1.5, t.numel()).to(t) for t in named.values())
    module.zero_grad()
    loss.backward()
    named |= {f"gradient of {name}": p.grad for name, p in module.named_parameters()}
    named["gradient of input"] = leaf.grad
    return {name: t.detach().clone() for name, t in named.items()}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, right in expected.items():
        torch.testing.assert_close(found[name], right, rtol=1e-10, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


FORMS = ["batch", "one sequence", "packed", "packed in order", "packed with equal rows"]


def given_as(form, batch_first):
    """A random input in a form that torch takes, and how many rows it has (None for one sequence)."""
    x = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64)
    if form == "one sequence":
        return x[:, 0].clone(), None
    x = x.transpose(0, 1) if batch_first else x
    if form == "batch":
        return x, ROWS
    lengths = {"packed": [2, 6, 1, 4], "packed in order": [6, 4, 4, 1]}.get(form, [STEPS] * ROWS)
    return pack_padded_sequence(x, lengths, batch_first, enforce_sorted=form == "packed in order"), ROWS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch_first", [False, True], ids=["time first", "batch first"])
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_gives_what_torch_gives(cell, num_layers, bidirectional, bias, batch_first, form):
    theirs, ours = pair(cell, num_layers=num_layers, bidirectional=bidirectional, bias=bias, batch_first=batch_first)
    x, rows = given_as(form, batch_first)
    for hx in (None, random_state(theirs, rows)):
        assert_same(results(ours, x, hx), results(theirs, x, hx))
    found, expected = ours(x)[0], theirs(x)[0]
    if rows and hasattr(expected, "batch_sizes"):
        for name in ("batch_sizes", "sorted_indices", "unsorted_indices"):
            right = getattr(expected, name)
            assert getattr(found, name) is right if right is None else torch.equal(getattr(found, name), right)


@pytest.mark.parametrize("cell", CELLS)
def test_state_dicts_load_both_ways(cell):
    theirs, ours = pair(cell, num_layers=2, bidirectional=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    fresh, _ = pair(cell, num_layers=2, bidirectional=True)
    fresh.load_state_dict(ours.state_dict())
    x = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64)
    assert torch.equal(fresh(x)[0], theirs(x)[0])
    for mine, own in zip(ours.all_weights, theirs.all_weights, strict=True):
        assert all(map(torch.equal, mine, own))


@pytest.mark.parametrize("cell", CELLS)
def test_the_same_seed_gives_the_same_parameters_and_dropout(cell):
    kind, own = CELLS[cell]
    outputs = []
    for source in (torch.nn, nn):
        torch.manual_seed(3)
        module = getattr(source, kind)(FEATURES, HIDDEN, 3, dropout=0.4, bidirectional=True, **own)
        outputs.append((dict(module.named_parameters()), module(torch.randn(STEPS, ROWS, FEATURES))[0]))
        module.eval()
        x = torch.ones(STEPS, ROWS, FEATURES)
        assert torch.equal(module(x)[0], module(x)[0])
    (theirs, y), (ours, z) = outputs
    assert list(theirs) == list(ours)
    assert all(torch.equal(theirs[name], ours[name]) for name in theirs)
    torch.testing.assert_close(z, y)


@pytest.mark.parametrize(
    ("kind", "arguments", "options"),
    [
        ("RNN", (3, 5, 2, "relu", False, True, 0.5, True), {}),
        ("LSTM", (3, 5, 2, False, True, 0.5, True, 2), {}),
        ("GRU", (3, 5, 2, False, True, 0.5, True), {}),
        ("GRU", (3, 5), {"device": "cpu", "dtype": torch.float64}),
    ],
)
def test_arguments_attributes_and_repr_are_torch_s(kind, arguments, options):
    theirs, ours = getattr(torch.nn, kind)(*arguments, **options), getattr(nn, kind)(*arguments, **options)
    names = ["mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout"]
    names += ["bidirectional", "proj_size"]
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]
    assert repr(ours) == repr(theirs)
    assert [p.dtype for p in ours.parameters()] == [p.dtype for p in theirs.parameters()]
    if kind == "RNN":
        assert ours.nonlinearity == theirs.nonlinearity


def test_dropout_warns_where_it_cannot_act():
    with pytest.warns(UserWarning, match="acts between layers and num_layers is 1") as caught:
        nn.GRU(3, 5, dropout=0.5)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [[2, 6, 1, 4], [1, 4, 2, 4], [6, 6, 6, 6], [3, 3, 3, 3]], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_lengths_do_what_packing_does(cell, lengths, batch_first):
    theirs, ours = pair(cell, num_layers=2, bidirectional=True, batch_first=batch_first)
    x, _ = given_as("batch", batch_first)
    hx = random_state(theirs, ROWS)

    def packing(x, hx):
        y, state = theirs(pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False), hx)
        return pad_packed_sequence(y, batch_first, total_length=STEPS)[0], state

    packing.zero_grad, packing.named_parameters = theirs.zero_grad, theirs.named_parameters
    expected = results(packing, x, hx)
    assert_same(results(ours, x, hx, lengths=lengths), expected)
    assert_same(results(ours, x, hx, lengths=torch.tensor(lengths, dtype=torch.int32)), expected)
    with kernels.use("reference"):
        assert_same(results(ours, x, hx, lengths=lengths), expected)


@pytest.mark.parametrize("lengths", [None, [2, 6, 1, 4]], ids=str)
@pytest.mark.parametrize("cell", [*CELLS, "sigmoid"])
def test_residual_adds_each_layer_s_input_where_the_sizes_agree(cell, lengths):
    kind, own = (CELLS | {"sigmoid": ("RNN", {"nonlinearity": "sigmoid"})})[cell]
    stack = getattr(nn, kind)(3, 4, 3, residual=True, **own)
    x = torch.randn(STEPS, ROWS, 3)
    y, state = stack(x, lengths=lengths)
    assert "residual=True" in repr(stack)
    expected, finals = x, []
    for layer in range(3):
        one = getattr(nn, kind)(expected.shape[-1], 4, **own)
        one.load_state_dict({f"{k[:-1]}0": v for k, v in stack.state_dict().items() if k.endswith(f"_l{layer}")})
        output, final = one(expected, lengths=lengths)
        expected = expected + output if output.shape == expected.shape else output
        finals.append(final if isinstance(final, tuple) else (final,))
    torch.testing.assert_close(y, expected)
    for found, parts in zip(state if isinstance(state, tuple) else (state,), zip(*finals, strict=True), strict=True):
        torch.testing.assert_close(found, torch.cat(parts))


def test_residual_keeps_what_lies_past_the_end_out():
    stack = nn.GRU(5, 5, 2, residual=True)
    x = torch.randn(STEPS, 2, 5)
    x[2:, 1] = torch.nan
    y, _ = stack(x, lengths=[STEPS, 2])
    assert torch.isfinite(y).all()
    assert (y[2:, 1] == 0).all()
    torch.testing.assert_close(y[:2, 1:], stack(x[:2, 1:])[0])


def test_residual_comes_after_dropout():
    stack = nn.GRU(5, 5, 2, residual=True, dropout=1.0)
    with torch.no_grad():
        for name, p in stack.named_parameters():
            if name.endswith("l1"):
                p.zero_()
    x = torch.randn(STEPS, ROWS, 5)
    torch.testing.assert_close(stack(x)[0], x)


@pytest.mark.parametrize("lengths", [None, []], ids=["plain", "lengths"])
@pytest.mark.parametrize("cell", [*CELLS, "sigmoid"])
def test_an_empty_batch_gives_empty_results(cell, lengths):
    kind, own = (CELLS | {"sigmoid": ("RNN", {"nonlinearity": "sigmoid"})})[cell]
    module = getattr(nn, kind)(FEATURES, HIDDEN, 2, batch_first=True, bidirectional=True, **own)
    y, state = module(torch.empty(0, STEPS, FEATURES), lengths=lengths)
    assert y.shape == (0, STEPS, 2 * (module.proj_size or HIDDEN))
    h = state[0] if isinstance(state, tuple) else state
    assert h.shape == (4, 0, module.proj_size or HIDDEN)
    y.sum().backward()
    assert all((p.grad == 0).all() for p in module.parameters())


@pytest.mark.parametrize("lengths", [None, [2, 6, 1, 4]], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_strided_input_and_state(cell, lengths):
    _, ours = pair(cell, num_layers=2)
    x = torch.randn(FEATURES, ROWS, STEPS, dtype=torch.float64).permute(2, 1, 0)
    hx = random_state(ours, 2 * ROWS)
    halves = tuple(s[:, ::2] for s in hx) if isinstance(hx, tuple) else hx[:, ::2]
    whole = tuple(s.contiguous() for s in halves) if isinstance(hx, tuple) else halves.contiguous()
    assert not x.is_contiguous()
    found, expected = ours(x, halves, lengths=lengths), ours(x.contiguous(), whole, lengths=lengths)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("cell", CELLS)
def test_copies_and_pickles_are_equal_and_apart(cell):
    _, ours = pair(cell, num_layers=2)
    x = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64)
    y = ours(x)[0]
    saved = io.BytesIO()
    torch.save(ours, saved)
    saved.seek(0)
    copies = [copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), torch.load(saved, weights_only=False)]
    for twin in copies:
        assert torch.equal(twin(x)[0], y)
        with torch.no_grad():
            twin.weight_ih_l0.zero_()
        assert not torch.equal(twin(x)[0], y)
    assert torch.equal(ours(x)[0], y)
    half = ours.to(torch.bfloat16)
    assert half(x.bfloat16())[0].dtype == torch.bfloat16


def test_weights_that_others_put_in_place_are_used():
    module = nn.LSTM(FEATURES, HIDDEN)
    x = torch.randn(STEPS, ROWS, FEATURES)
    zeros = {name: torch.zeros_like(p) for name, p in module.named_parameters()}
    assert (torch.func.functional_call(module, zeros, x)[0] == 0).all()
    torch.nn.utils.parametrizations.weight_norm(module, "weight_hh_l0")
    y = module(x)[0]
    with torch.no_grad():
        module.parametrizations.weight_hh_l0.original0.mul_(2)
    assert not torch.equal(module(x)[0], y)


@pytest.mark.parametrize("cell", CELLS)
def test_autocast_does_what_it_does_to_torch(cell):
    theirs, ours = pair(cell, dtype=torch.float32)
    x = torch.randn(STEPS, ROWS, FEATURES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = ours(x), theirs(x)
    torch.testing.assert_close(found, expected)


def test_gradients_flow_in_eval_mode():
    module = nn.LSTM(FEATURES, HIDDEN).eval()
    module(torch.randn(STEPS, ROWS, FEATURES))[0].sum().backward()
    assert module.weight_hh_l0.grad.abs().sum() > 0


def test_compiles_in_one_graph():
    module = nn.GRU(FEATURES, HIDDEN, 2, bidirectional=True)
    x = torch.randn(STEPS, ROWS, FEATURES)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), module(x))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_stack_gives_what_torch_gives(data):
    draw = data.draw
    cell = draw(st.sampled_from(sorted(CELLS)))
    steps, rows, features = draw(st.integers(1, 9)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    batch_first = draw(st.booleans())
    theirs, ours = pair(
        cell,
        sizes=(features, draw(st.integers(3, 9))),
        num_layers=draw(st.integers(1, 3)),
        bias=draw(st.booleans()),
        batch_first=batch_first,
        bidirectional=draw(st.booleans()),
    )
    torch.manual_seed(draw(st.integers(0, 99)))
    x = torch.randn(rows, steps, features, dtype=torch.float64)
    x = x if batch_first else x.transpose(0, 1)
    hx = random_state(theirs, rows) if draw(st.booleans()) else None
    with kernels.use(draw(st.sampled_from(["torch", "reference"]))):
        if draw(st.booleans()):
            lengths = draw(st.lists(st.integers(1, steps), min_size=rows, max_size=rows))
            packed = pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
            expected = results(theirs, packed, hx)
            assert_same(results(ours, packed, hx), expected)
            y, _ = ours(x, hx, lengths=lengths)
            right, _ = pad_packed_sequence(theirs(packed, hx)[0], batch_first, total_length=steps)
            assert_same({"padded output": y}, {"padded output": right})
        else:
            assert_same(results(ours, x, hx), results(theirs, x, hx))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("cell", CELLS)
def test_on_a_gpu_without_a_word_about_scattered_weights(cell):
    theirs, ours = pair(cell, num_layers=2, bidirectional=True)
    x = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64)
    lengths = torch.tensor([2, 6, 1, 4])
    for module in (ours.cuda(), copy.deepcopy(ours).cpu().cuda(), copy.deepcopy(ours.cuda()).eval()):
        torch.testing.assert_close(module(x.cuda())[0].cpu(), theirs(x)[0])
        for options in ({}, {"lengths": lengths.cuda()}):
            found = results(module, x.cuda(), **options)
            with kernels.use("reference"):
                assert_same(found, results(module, x.cuda(), **options))
