"""Layers described by JSON: what a mask does to each, and what cannot be built."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.nn.layers import Layers

LSTM = {"kind": "lstm", "input_size": 3, "hidden_size": 4}


def built(*described, seed=0):
    torch.manual_seed(seed)
    return Layers(described).eval()


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(["rnn", "lstm", "gru"]),
    way=st.sampled_from([{}, {"reverse": True}, {"bidirectional": True}]),
    every=st.booleans(),
    hold=st.booleans(),
    seed=st.integers(0, 999),
)
def test_padding_is_passed_over_wherever_it_is(kind, way, every, hold, seed):
    """Each row gives what it would give alone and without its padding, which may be all of it."""
    hold = hold and "bidirectional" not in way
    own = {"kind": kind, "input_size": 3, "hidden_size": 4, "every": every, "hold": hold, **way}
    layers = built({"kind": "masking", "value": -1.0}, own, seed=seed)
    x = torch.randn(6, 4, 3)
    here = torch.rand(6, 4) < 0.6
    here[:, 3] = False
    y = layers(torch.where(here[..., None], x, -1.0))
    bare = built({"kind": "masking", "value": -1.0}, own, seed=seed)[1]
    for row in range(4):
        steps = here[:, row].nonzero()[:, 0].tolist()
        if not steps:
            assert (y[..., row, :] == 0).all()
            continue
        alone, _ = bare(x[steps, row : row + 1], None)
        if not every:
            torch.testing.assert_close(y[row], alone[0], atol=1e-6, rtol=1e-5)
            continue
        last = torch.zeros_like(alone[0, 0])
        known = dict(zip(steps, alone[:, 0], strict=True))
        for t in reversed(range(6)) if "reverse" in way else range(6):
            last = known.get(t, last if hold else torch.zeros_like(last))
            torch.testing.assert_close(y[t, row], last, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("first", [False, True])
def test_a_step_of_each_row(first):
    layers = built({"kind": "linear", "inputs": 2, "outputs": 3}, {"kind": "step", "first": first})
    x, lengths = torch.randn(5, 3, 2), torch.tensor([5, 1, 3])
    y = layers[0](x)[0]
    rows = torch.arange(3)
    torch.testing.assert_close(layers(x, lengths), y[0] if first else y[lengths - 1, rows])
    torch.testing.assert_close(layers(x), y[0 if first else -1])
    assert not layers.every and layers.outputs == 3


def test_activations_and_a_flip():
    x = torch.randn(4, 2, 3)
    for name, f in {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda v: v}.items():
        plain = built({"kind": "linear", "inputs": 3, "outputs": 2})(x)
        torch.testing.assert_close(
            built({"kind": "linear", "inputs": 3, "outputs": 2, "activation": name})(x), f(plain)
        )
    y = built(LSTM, {"kind": "flip"}, {"kind": "activation", "activation": "softmax"})(x)
    torch.testing.assert_close(y.sum(-1), torch.ones(4, 2))
    torch.testing.assert_close(y, built(LSTM)(x).flip(0).softmax(-1))


def test_dropout_is_for_training():
    layers = built({"kind": "dropout", "p": 0.5, "locked": True}, {"kind": "linear", "inputs": 3, "outputs": 3})
    x = torch.ones(50, 2, 3)
    assert torch.equal(layers(x), layers(x))
    dropped = layers.train()[0](x, None)[0]
    assert set(dropped.unique().tolist()) <= {0.0, 2.0} and torch.equal(dropped, dropped[:1].expand_as(dropped))


def test_a_description_and_weights_make_the_same_layers():
    layers = built({"kind": "embedding", "symbols": 7, "size": 3, "mask": True}, {**LSTM, "bidirectional": True})
    again = Layers.of(layers.to_json(), layers.state_dict())
    x = torch.randint(0, 7, (5, 2))
    assert torch.equal(again(x), layers(x))
    assert again.inputs is None and again.outputs == 8 and all(weight.requires_grad for weight in again.parameters())


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ([], "has 0 layers"),
        ([LSTM] * 1001, "has 1001 layers"),
        ([{"kind": "conv"}], "kind of a layer is 'conv', but there are embedding"),
        (["lstm"], "kind of a layer is None"),
        ([{**LSTM, "device": "cuda"}], "'device' is given"),
        ([{**LSTM, "hidden_size": 1 << 40}], "hidden_size .* is 1099511627776, but 1 to"),
        ([{**LSTM, "hidden_size": 0}], "hidden_size .* is 0, but 1 to"),
        ([{**LSTM, "hidden_size": True}], "must be of type int"),
        ([{**LSTM, "hidden_size": 1 << 20}], "weights, but at most"),
        ([{**LSTM, "num_layers": 1000}], "at most 64"),
        ([{"kind": "lstm", "hidden_size": 4}], "cannot be built"),
        ([{**LSTM, "bidirectional": True, "hold": True}], "reverse and hold are for a stack of one direction"),
        ([{**LSTM, "proj_size": 4}], "proj_size is 4"),
        ([LSTM, {"kind": "embedding", "symbols": 2, "size": 2}], "must be the first"),
        ([LSTM, {"kind": "linear", "inputs": 5, "outputs": 1}], "reads 5 features, but 4 come"),
        ([{**LSTM, "every": False}, {"kind": "step"}], "reads steps, but the layer before it gives one vector"),
        ([{"kind": "linear", "inputs": 1, "outputs": 1, "activation": "gelu"}], "activation is 'gelu'"),
        ([{"kind": "flip"}], "no layer says how many features"),
        ([{"kind": "dropout", "p": 2.0}, LSTM], "dropout probability|probability"),
    ],
)
def test_what_cannot_be_built_is_refused(described, said):
    with pytest.raises(ValueError, match=said):
        Layers(described)


def test_weights_that_are_not_those_described_are_refused():
    layers = built(LSTM)
    weights = dict(layers.state_dict())
    with pytest.raises(ValueError, match=r"differ in '0.stack.bias_hh_l0'"):
        Layers.of([LSTM], {name: weight for name, weight in weights.items() if "bias_hh" not in name})
    with pytest.raises(ValueError, match="has the shape"):
        Layers.of([LSTM], {name: weight[:1] for name, weight in weights.items()})
    with pytest.raises(ValueError, match=r"is torch.float64"):
        Layers.of([LSTM], {name: weight.double() for name, weight in weights.items()})
    with pytest.raises(ValueError, match="has the shape"):  # and no memory is taken for what is described
        Layers.of([{**LSTM, "hidden_size": 15000}], weights)


@pytest.mark.parametrize("x", [torch.ones(4, 3), torch.ones(2, 4, 5), torch.ones(4, 2, 3, dtype=torch.long)])
def test_inputs_that_do_not_fit_are_refused(x):
    with pytest.raises(ValueError, match=r"but \(T, B, 3\) is needed: time comes first|input is torch.int64"):
        built(LSTM)(x)
    with pytest.raises(ValueError, match="of whole numbers is needed"):
        built({"kind": "embedding", "symbols": 2, "size": 2})(torch.ones(4, 2))
    with pytest.raises(ValueError, match="a length is 0"):
        built(LSTM)(torch.ones(4, 1, 3), torch.tensor([0]))
