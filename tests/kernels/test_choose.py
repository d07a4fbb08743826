"""The choice of an implementation, its reason in words, and the way to force one."""

import pytest
import torch

from elman import kernels
from elman.kernels import Choice, Options, Weights, choose, explain, library
from elman.kernels.choose import IMPLEMENTATIONS

PART = torch.ones(1)
PROJECTION = Weights(PART, PART, weight_hr=PART)
OPERATIONS = list(IMPLEMENTATIONS["reference"])


@pytest.fixture
def without_a_library(monkeypatch):
    monkeypatch.setattr(library, "native", lambda: None)
    monkeypatch.setattr(library, "which", lambda: "no native library: left out for a test")


@pytest.mark.skipif(library.native() is None, reason=library.which())
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_native_library_runs_what_it_has(operation, dtype):
    options = Options(activation="relu" if operation == "indrnn" else "tanh")
    assert choose(operation, options=options, dtype=dtype).implementation == "native"


def test_torch_runs_what_torch_has_without_a_library(without_a_library):
    for operation in ("rnn", "lstm", "gru"):
        choice = choose(operation)
        assert choice == Choice("torch", "no native library is loaded, and torch has this cell")
    assert choose("lstm", weights=PROJECTION).implementation == "torch"


def test_the_reference_runs_what_nothing_else_has(without_a_library):
    choice = choose("rnn", options=Options(activation="sigmoid"))
    assert choice.implementation == "reference"
    assert "torch has no simple recurrent network with the activation 'sigmoid'" in choice.reason
    assert "no native library is loaded" in choice.reason
    assert choose("lstm", weights=PROJECTION, device="mps").implementation == "reference"
    assert "torch has no lstm with peephole:" in choose("lstm", weights=Weights(PART, PART, weight_ch=PART)).reason
    assert "torch has no gru with clip:" in choose("gru", options=Options(clip=1.0)).reason
    assert "torch has no slstm:" in choose("slstm").reason


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"device": "cuda"}, "there is no native kernel on cuda"),
        ({"dtype": torch.bfloat16}, "there is no native kernel for bfloat16"),
    ],
)
def test_where_the_library_is_no_help_the_reason_says_so(place, words):
    choice = choose("gru", **place)
    assert choice.implementation == "torch"
    assert words in choice.reason
    assert words in choose("indrnn", options=Options(activation="relu"), **place).reason


def test_function_transforms_work_on_the_reference():
    assert choose("gru", transformed=True).implementation == "reference"


def run(operation, **options):
    generator = torch.Generator().manual_seed(0)
    x, h, w, u = (torch.randn(shape, generator=generator) for shape in [(3, 2, 4), (1, 2, 5), (15, 4), (15, 5)])
    return kernels.layer(operation, x, (h,), (Weights(w, u),), **options).y


def test_use_forces_one_and_gives_it_back(monkeypatch):
    def refuse(*given, **options):
        raise AssertionError("torch's kernel ran")

    monkeypatch.setitem(IMPLEMENTATIONS["torch"], "gru", refuse)
    with kernels.use("torch"):
        with kernels.use("reference"):
            assert choose("gru") == Choice("reference", 'kernels.use("reference") is in force')
            run("gru")
        with pytest.raises(AssertionError, match="torch's kernel ran"):
            run("gru")
    run("gru")


def test_use_is_undone_by_an_error():
    before = choose("gru")
    with pytest.raises(KeyError), kernels.use("reference"):
        raise KeyError
    assert choose("gru") == before


def test_torch_cannot_be_forced_where_it_lacks_the_cell():
    with kernels.use("torch"), pytest.raises(ValueError, match=r"sigmoid.*use \"reference\" here"):
        choose("rnn", options=Options(activation="sigmoid"))


def test_native_cannot_be_forced_without_a_library(without_a_library):
    with kernels.use("native"), pytest.raises(ValueError, match="no native library is loaded"):
        choose("gru")


@pytest.mark.parametrize(
    ("operation", "options", "message"),
    [
        ("elman", {}, "operation is 'elman', but there are rnn, lstm, gru"),
        ("gru", {"dtype": torch.int64}, "dtype is torch.int64, but a recurrent layer needs a floating type"),
        (
            "rnn",
            {"options": Options(activation="gelu")},
            "activation is 'gelu', but 'rnn' has 'tanh', 'relu', 'sigmoid'",
        ),
    ],
)
def test_what_cannot_be_chosen_says_why(operation, options, message):
    with pytest.raises(ValueError, match=message):
        choose(operation, **options)


def test_an_unknown_implementation_is_refused():
    words = "implementation is 'cuda', but it must be 'reference' or 'torch' or 'native'"
    with pytest.raises(ValueError, match=words), kernels.use("cuda"):
        pass


def test_explain_tells_each_layer_s_choice_and_reason():
    lines = explain(dtype=torch.float64).splitlines()
    assert lines[:2] == [library.which(), "recurrent layers on cpu in float64:"]
    assert len(lines) == 2 + len(OPERATIONS) + 3 + 1, "the simple network has three, the IndRNN two, and a projection"
    for operation in ("gru", "slstm"):
        choice = choose(operation)
        assert any(line.split()[:2] == [operation, choice.implementation] for line in lines)
    choice = choose("rnn", options=Options(activation="sigmoid"))
    assert any("(sigmoid)" in line and line.endswith(choice.reason) for line in lines)


def test_a_function_transform_leaves_the_native_library_aside():
    x, h, w, u = (torch.randn(shape, dtype=torch.float64) for shape in [(3, 2, 4), (1, 2, 5), (15, 4), (15, 5)])

    def loss(w):
        return kernels.layer("gru", x, (h,), (Weights(w, u),)).y.pow(2).sum()

    leaf = w.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf), leaf)
    torch.testing.assert_close(torch.func.grad(loss)(w), expected)
    torch.testing.assert_close(torch.func.vmap(loss)(torch.stack([w, w])), torch.stack([loss(w), loss(w)]))


def test_the_meta_device_works_as_in_torch():
    x, h, w, u = (torch.empty(shape, device="meta") for shape in [(3, 2, 4), (1, 2, 5), (15, 4), (15, 5)])
    assert kernels.layer("gru", x, (h,), (Weights(w, u),)).y.shape == (3, 2, 5)
