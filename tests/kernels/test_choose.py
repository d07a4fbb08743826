"""The choice of an implementation, its reason in words, and the way to force one."""

import pytest
import torch

from elman import kernels
from elman.kernels import Choice, Options, Weights, choose, explain
from elman.kernels.choose import IMPLEMENTATIONS

PART = torch.ones(1)
PROJECTION = Weights(PART, PART, weight_hr=PART)


@pytest.mark.parametrize(
    ("operation", "activation"), [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
)
@pytest.mark.parametrize("ragged", [False, True])
def test_torch_runs_what_torch_has(operation, activation, ragged):
    choice = choose(operation, options=Options(activation=activation), ragged=ragged)
    assert choice.implementation == "torch"
    assert ("packed" if ragged else "padded") in choice.reason


def test_the_reference_runs_what_torch_lacks():
    choice = choose("rnn", options=Options(activation="sigmoid"))
    assert choice.implementation == "reference"
    assert "torch has no simple recurrent network with the activation 'sigmoid'" in choice.reason
    assert choose("lstm", weights=PROJECTION).implementation == "torch"
    assert choose("lstm", weights=PROJECTION, device="mps").implementation == "reference"
    assert "torch has no lstm with peephole," in choose("lstm", weights=Weights(PART, PART, weight_ch=PART)).reason
    assert "torch has no gru with clip," in choose("gru", options=Options(clip=1.0)).reason
    assert "torch has no slstm," in choose("slstm").reason


def run(operation, **options):
    generator = torch.Generator().manual_seed(0)
    x, h, w, u = (torch.randn(shape, generator=generator) for shape in [(3, 2, 4), (1, 2, 5), (15, 4), (15, 5)])
    return kernels.layer(operation, x, (h,), (Weights(w, u),), **options).y


def test_use_forces_one_and_gives_it_back(monkeypatch):
    def refuse(*given, **options):
        raise AssertionError("torch's kernel ran")

    monkeypatch.setitem(IMPLEMENTATIONS["torch"], "gru", refuse)
    with kernels.use("reference"):
        assert choose("gru") == Choice("reference", 'kernels.use("reference") is in force')
        run("gru")
        with kernels.use("torch"), pytest.raises(AssertionError, match="torch's kernel ran"):
            run("gru")
        run("gru")
    with pytest.raises(AssertionError, match="torch's kernel ran"):
        run("gru")


def test_use_is_undone_by_an_error():
    with pytest.raises(KeyError), kernels.use("reference"):
        raise KeyError
    assert choose("gru").implementation == "torch"


def test_torch_cannot_be_forced_where_it_lacks_the_cell():
    with kernels.use("torch"), pytest.raises(ValueError, match=r"sigmoid.*use \"reference\" here"):
        choose("rnn", options=Options(activation="sigmoid"))


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
    with (
        pytest.raises(ValueError, match="implementation is 'cuda', but it must be 'reference' or 'torch'"),
        kernels.use("cuda"),
    ):
        pass


def test_explain_tells_each_layer_s_choice_and_reason():
    lines = explain(dtype=torch.float64).splitlines()
    assert lines[0] == "recurrent layers on cpu in float64:"
    for ragged in (False, True):
        word = "ragged" if ragged else "padded"
        assert any(line.split()[:3] == ["gru", word, "torch"] for line in lines)
        choice = choose("rnn", options=Options(activation="sigmoid"), ragged=ragged)
        assert any(word in line and "(sigmoid)" in line and line.endswith(choice.reason) for line in lines)
