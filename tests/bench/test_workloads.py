"""All contestants do the same work: outputs and every gradient agree, at a size that a test can afford."""

from functools import partial

import pytest
import torch

from elman.bench import peers
from elman.bench.limits import Shape
from elman.bench.workloads import WORKLOADS, chosen, trained
from elman.errors import InputError
from elman.kernels import library

TOLERANCE, ROUNDED = 1e-5, 0.05  # the second where products, or a whole layer, are in bfloat16

# The padding gets through "torch padded", "plain" lacks the option, and zoneout draws its masks anew.
OTHER_WORK = {
    "bi-lstm train, lengths 10-100": {"torch padded"},
    "layer-norm lstm train": {"plain"},
    "peephole lstm train": {"plain"},
    "zoneout lstm train": {"plain", "torch"},
}


def small(name):
    """The workload at 3 rows, 7 steps and 8 units, or the few steps and rows that it has."""
    rows, steps, features, _ = WORKLOADS[name].shape
    shape = Shape(min(rows, 3), min(steps, 7), min(features, 5), 8)
    torch.manual_seed(1)
    if "bfloat16" in name and not library.amx():
        with pytest.raises(RuntimeError, match="need a CPU with AMX"):
            WORKLOADS[name].build(shape, 1)
        pytest.skip("products in bfloat16 need a CPU with AMX")
    return WORKLOADS[name].build(shape, 1)


def parts(result):
    """The tensors of a result, whatever the library, without dimensions of size 1."""
    tensors = result if isinstance(result, tuple) else (result,)
    return [torch.as_tensor(t).detach().squeeze().clone() for t in tensors]


def assert_close(found, expected, tolerance=TOLERANCE):
    assert [t.shape for t in found] == [t.shape for t in expected]
    for one, other in zip(found, expected, strict=True):
        scale = other.abs().max().clamp(min=1e-3)
        assert ((one - other).abs().max() / scale).item() < tolerance
        assert other.abs().max() > 0


@pytest.mark.parametrize("name", WORKLOADS)
def test_all_contestants_agree(name):
    if "streaming" in name or "inference" in name:
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
    contest = small(name)
    truth = [parts(contest.calls["elman"][0]()) for _ in range(3)]
    others = {peer: calls for peer, calls in contest.calls.items() if peer not in {"elman", *OTHER_WORK.get(name, ())}}
    assert others or name == "zoneout lstm train"
    for calls in others.values():
        for call in calls:
            for expected in truth:
                assert_close(parts(call()), expected, ROUNDED if "bfloat16" in name else TOLERANCE)


@pytest.mark.parametrize("name", [name for name in WORKLOADS if "streaming" in name])
def test_a_streaming_step_keeps_its_state(name):
    for (call,) in small(name).calls.values():
        first, second = parts(call()), parts(call())
        assert not torch.equal(first[0], second[0])


@pytest.mark.parametrize("name", [name for name in WORKLOADS if "train" in name])
def test_training_reaches_the_input_and_every_weight(name):
    for calls in small(name).calls.values():
        for call in calls:
            y, *gradients = call()
            assert len(gradients) >= 3
            assert all(g.abs().sum() > 0 for g in gradients)
            assert not y.requires_grad


def test_trained_is_forward_and_backward():
    w = torch.tensor([2.0, 3.0], requires_grad=True)
    y, gradient = trained(lambda: w * w, [w])()
    assert y.tolist() == [4.0, 9.0]
    towards = torch.randn(2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(gradient, 2 * w.detach() * towards)


def test_zoneout_of_the_loop_keeps_half_of_the_units():
    torch.manual_seed(0)
    y = peers.lstm_loop(torch.nn.LSTM(3, 40), torch.randn(60, 8, 3), zoneout=0.5)
    kept = (y[1:] == y[:-1]).float().mean()
    assert 0.45 < kept < 0.55


@pytest.mark.parametrize("steps", [1, 2, 63, 64, 65, 200])
def test_scans_agree_in_double_precision(steps):
    torch.manual_seed(0)
    a, b = torch.rand(2, steps, 2, 3, dtype=torch.float64) + 0.01
    h = torch.rand(2, 3, dtype=torch.float64)
    expected = peers.scan_loop(a, b, h)
    for way in (partial(peers.scan_in_chunks, chunks=64), peers.scan_in_logs):
        assert (way(a, b, h) - expected).abs().max() < 1e-12 * expected.abs().max()
    assert torch.allclose(expected[0], a[0] * h + b[0], rtol=1e-14)


# Names.


@pytest.mark.parametrize(
    ("only", "count"), [((), 19), (("lstm train",), 1), (("STREAMING",), 3), (("scan", "lstm train", "scan"), 2)]
)
def test_choosing_by_name_or_by_a_part_of_it(only, count):
    assert len(chosen(only)) == count
    assert set(chosen(only)) <= set(WORKLOADS)


def test_a_name_that_fits_none():
    with pytest.raises(InputError, match=r"there is no workload 'transformer', but rnn train, tiny; .*: choose one"):
        chosen(["scan", "transformer"])
