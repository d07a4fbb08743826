"""The native layers' operators keep torch's contract; without values they give shapes; elsewhere they leave off."""

import copy
import pickle

import pytest
import torch
from cases import Case, given
from runs import GATED, PLAIN, gradients, leaves_of, run, same_bits
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from elman import kernels, nn
from elman.kernels import Weights, library
from elman.kernels.native import Call

pytestmark = pytest.mark.skipif(library.native() is None, reason=library.which())

SMALL = [case._replace(steps=3, rows=2, hidden=4) for case in GATED]
DEVICES = pytest.mark.parametrize("case", PLAIN, ids=str)


def operands(case, leaves):
    """What elman::recurrence takes; x, the states and the weights come in the order of the leaves."""
    x, *state = (leaves[name] for name in ("x", *(f"{part}_0" for part in case.states)))
    weights, o = given(case, leaves, x.dtype)
    flat = [w for own in weights for w in own if w is not None]
    fields = "".join(str(number) for number, w in enumerate(weights[0]) if w is not None)
    what = Call(case.operation, case.ways, fields, o.activation, o.reset, o.clip or 0.0, o.heads, o.cells)
    return (*what, x, case.lengths, state, flat, o.drop, o.zone_h, o.zone_c)


def detached(value):
    if isinstance(value, list):
        return [tensor.detach() for tensor in value]
    return value.detach() if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_the_forward_operator_keeps_torchs_contract(case, monkeypatch):
    # What the backward pass will read has gaps, where two runs may differ.
    monkeypatch.setattr(torch.Tensor, "new_empty", torch.Tensor.new_zeros)
    torch.library.opcheck(torch.ops.elman.recurrence.default, operands(case, leaves_of(case)))


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_the_backward_operator_keeps_torchs_contract(case):
    given = [detached(value) for value in operands(case, leaves_of(case))]
    *results, kept = torch.ops.elman.recurrence(*given)
    everything = [torch.ones_like(result) for result in results]
    for into in (everything, [None, *everything[1:]], [everything[0], *[None] * len(everything[1:])]):
        torch.library.opcheck(torch.ops.elman.recurrence_backward.default, (*given, results[0], kept, into))


@pytest.mark.parametrize("case", GATED, ids=str)
def test_the_operator_and_the_eager_node_give_the_same_bits(case):
    leaves = leaves_of(case)
    expected = run(case, leaves)
    *found, _ = torch.ops.elman.recurrence(*operands(case, leaves))
    found = dict(zip(expected, found, strict=True))
    same_bits(found, expected)
    same_bits(gradients(case, found, leaves), gradients(case, expected, leaves))


@DEVICES
def test_without_values_there_are_shapes(case):
    values = leaves_of(case)
    real, mode = run(case, values), FakeTensorMode()
    leaves = {name: mode.from_tensor(leaf) for name, leaf in values.items()}
    with mode:
        fake = run(case, leaves)
        sum(result.sum() for result in fake.values()).backward()
    assert {name: result.shape for name, result in fake.items()} == {n: result.shape for n, result in real.items()}
    assert all(leaf.grad.shape == leaf.shape for leaf in leaves.values())
    same_bits(run(case, values), real)


def test_values_among_shapes_are_refused_and_leave_nothing_behind():
    values = leaves_of(case := Case("gru", steps=13, rows=5))
    with FakeTensorMode(), pytest.raises(AssertionError, match="convert all Tensors to FakeTensors"):
        run(case, values)
    assert run(case, values)["y"].isfinite().all()


@DEVICES
def test_meta_tensors_go_past_the_library(case):
    leaves = {name: leaf.to("meta") for name, leaf in leaves_of(case).items()}
    weights, options = given(case, leaves, torch.float64)
    state = tuple(leaves[f"{part}_0"] for part in case.states)
    out = kernels.layer(case.operation, leaves["x"], state, weights, options=options)
    assert out.y.is_meta
    assert out.y.shape == (case.steps, case.rows, case.ways * case.hidden)


@pytest.mark.parametrize("name", ["h_0", "weight_hh", "bias_ih_reverse"])
def test_two_devices_are_refused_by_name(name):
    leaves = leaves_of(case := Case("lstm"))
    leaves[name] = leaves[name].to("meta")
    with pytest.raises(ValueError, match="is on meta, but x is on cpu"):
        run(case, leaves)


@DEVICES
def test_another_default_device_changes_nothing(case):
    case = case._replace(ragged=True, steps=11)
    expected = run(case, leaves_of(case))
    leaves, torch_default = leaves_of(case), torch.get_default_device()
    lengths = case.lengths
    weights, options = given(case, leaves, torch.float64)
    state = tuple(leaves[f"{part}_0"] for part in case.states)
    try:
        torch.set_default_device("meta")
        for ends in (lengths, None):
            out = kernels.layer(case.operation, leaves["x"], state, weights, lengths=ends, options=options)
            out.y.sum().backward()
            assert ends is None or torch.equal(out.y, expected["y"])
    finally:
        torch.set_default_device(torch_default)


def test_modes_that_watch_see_the_operator():
    case = Case("gru")
    leaves, seen = leaves_of(case), []

    class Watching(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **kwargs or {})

    with Watching():
        results = run(case, leaves)
        found = gradients(case, results, leaves)
    assert torch.ops.elman.recurrence.default in seen
    assert torch.ops.elman.recurrence_backward.default in seen
    right = run(case, leaves)
    same_bits(results, right)
    same_bits(found, gradients(case, right, leaves))
    with FlopCounterMode(display=False):
        same_bits(run(case, leaves), right)


@pytest.mark.parametrize("operation", ["rnn", "lstm", "gru"])
def test_autocast_goes_to_torch(operation, monkeypatch):
    def refuse(*given, **options):
        raise AssertionError("the native kernel ran")

    monkeypatch.setitem(kernels.choose.__globals__["IMPLEMENTATIONS"]["native"], operation, refuse)
    ours, x = getattr(nn, operation.upper())(5, 6), torch.randn(4, 3, 5)
    theirs = getattr(torch.nn, operation.upper())(5, 6)
    theirs.load_state_dict(ours.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ours(x), theirs(x), check_dtype=True)


@DEVICES
def test_inference_mode_gives_the_same_bits_and_training_goes_on_after_it(case):
    case = case._replace(steps=64, rows=17, also=("cells",) if case.operation == "lstm" else ())
    leaves = leaves_of(case)
    expected = run(case, leaves)
    expected_gradients = gradients(case, expected, leaves)
    with torch.no_grad():
        same_bits(run(case, leaves), expected)
    with torch.inference_mode():
        results = run(case, leaves)
        assert all(result.is_inference() for result in results.values())
        same_bits(results, expected)
    after = run(case, leaves)
    assert after["y"].requires_grad and not after["y"].is_inference()
    same_bits(gradients(case, after, leaves), expected_gradients)


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU, nn.SLSTM, nn.IndRNN, nn.MinGRU, nn.RGLRU])
def test_a_module_that_was_used_can_be_copied(make):
    module, x = make(5, 6, 2, bidirectional=True), torch.randn(4, 3, 5)
    y, _ = module(x, lengths=[4, 1, 2])
    expected = torch.autograd.grad(y.sum(), list(module.parameters()))
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        again, _ = other(x, lengths=[4, 1, 2])
        assert torch.equal(again, y)
        found = torch.autograd.grad(again.sum(), list(other.parameters()))
        assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("lengths", [None, torch.zeros(0, dtype=torch.int64)], ids=["padded", "ragged"])
@DEVICES
def test_no_rows(case, lengths):
    leaves = leaves_of(case)
    for name in ("x", *(f"{part}_0" for part in case.states)):
        leaves[name] = leaves[name][:, :0].detach().requires_grad_()
    results = run(case, leaves, lengths=lengths)
    assert results["y"].shape == (case.steps, 0, case.ways * case.hidden)
    sum(result.sum() for result in results.values()).backward()
    assert all(leaf.grad.shape == leaf.shape and not leaf.grad.any() for leaf in leaves.values())


def test_no_features_are_refused():
    weights = Weights(torch.ones(5, 0), torch.eye(5))
    with pytest.raises(ValueError, match="x has F=0 features, but 1 or more are needed"):
        kernels.layer("rnn", torch.ones(3, 2, 0), (torch.ones(1, 2, 5),), (weights,))


@pytest.mark.parametrize("lengths", [[0, 1], [4, 1], [-1, 3]])
def test_lengths_are_checked_by_the_operator_itself(lengths):
    case = Case("gru", steps=3, rows=2)
    given = [detached(value) for value in operands(case, leaves_of(case))]
    given[9] = torch.tensor(lengths)
    with pytest.raises(ValueError, match="a row has between 1 and T=3 steps"):
        torch.ops.elman.recurrence(*given)
