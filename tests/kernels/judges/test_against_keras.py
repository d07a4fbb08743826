"""Keras' layers on torch tensors judge random layers with their gradients, and the GRU that resets before."""

from typing import NamedTuple

import pytest
import torch
from hypothesis import strategies as st

from .convert import from_keras, module_of
from .differential import OPERATIONS, TRIED, assert_close, drawn, held


class Layer(NamedTuple):
    """What is drawn for Keras to judge."""

    steps: int
    rows: int
    features: int
    hidden: int
    bias: bool
    with_state: bool
    ragged: bool
    reset_after: bool
    relu: bool
    seed: int


def layers(operation):
    return st.builds(
        Layer,
        steps=st.integers(1, 7),
        rows=st.integers(1, 5),
        features=st.integers(1, 6),
        hidden=st.integers(1, 19),
        bias=st.booleans(),
        with_state=st.booleans(),
        ragged=st.booleans(),
        reset_after=st.booleans() if operation == "gru" else st.just(True),
        relu=st.booleans() if operation == "rnn" else st.just(False),
        seed=st.integers(0, 9999),
    )


@pytest.fixture(scope="module")
def keras():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        judge = pytest.importorskip("keras", reason="Keras is the judge")
    if judge.backend.backend() != "torch":
        pytest.skip(f"Keras runs on {judge.backend.backend()} in this process, and gradients are torch's")
    return judge


def keras_layer(keras, operation, config):
    """The layer on torch tensors, built, and the options of elman's, in float32: Keras multiplies in no other."""
    kind = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[operation]
    theirs, ours = {}, {}
    if operation == "gru":
        theirs = ours = {"reset_after": config.reset_after}
    if config.relu:
        theirs, ours = {"activation": "relu"}, {"nonlinearity": "relu"}
    common = {"return_sequences": True, "return_state": True, "use_bias": config.bias}
    layer = kind(config.hidden, **common, **theirs)
    layer.build((config.rows, config.steps, config.features))
    return layer, ours


@pytest.mark.parametrize("operation", OPERATIONS)
def test_keras_agrees(operation, keras):
    def judge(config):
        random = torch.Generator().manual_seed(config.seed)
        layer, options = keras_layer(keras, operation, config)
        values = [v.value for v in layer.trainable_weights]
        with torch.no_grad():
            for value in values:
                value.copy_(drawn(value.shape, random).float() * config.hidden**-0.5)
        x = drawn((config.rows, config.steps, config.features), random).float().requires_grad_()
        state, lengths, inside = [], None, torch.ones(config.rows, config.steps, dtype=torch.bool)
        if config.with_state:
            count = 2 if operation == "lstm" else 1
            state = [drawn((config.rows, config.hidden), random).float().requires_grad_() for _ in range(count)]
        if config.ragged:
            lengths = torch.randint(1, config.steps + 1, (config.rows,), generator=random)
            inside = torch.arange(config.steps) < lengths[:, None]
        into = drawn((config.rows, config.steps, config.hidden), random).float() * inside[..., None]

        def results(y, after, leaves):
            named = {"y": y * inside[..., None]} | dict(zip(("h_n", "c_n"), after, strict=False))
            loss = (y * into).sum() + sum((s * into[:, 0]).sum() for s in after)
            return named, torch.autograd.grad(loss, [x, *state, *leaves])

        y, *after = layer(x, initial_state=state or None, mask=inside if config.ragged else None)
        expected, gradients = results(y, after, values)
        at = 1 + len(state)
        expected |= {f"gradient {i}": g for i, g in enumerate(gradients[:at])}
        weights = from_keras(operation, *gradients[at:])
        expected |= {f"gradient of {n}": g for n, g in weights._asdict().items() if g is not None}

        module = module_of(
            operation, (from_keras(operation, *(v.detach() for v in values)),), batch_first=True, **options
        )
        hx = tuple(s[None] for s in state) or None
        y, after = module(x, hx if operation == "lstm" or not hx else hx[0], lengths=lengths)
        after = [s[0] for s in (after if operation == "lstm" else (after,))]
        found, gradients = results(y, after, list(module.parameters()))
        found |= {f"gradient {i}": g for i, g in enumerate(gradients[:at])}
        own = {n.removesuffix("_l0"): g for (n, _), g in zip(module.named_parameters(), gradients[at:], strict=True)}
        if "bias_hh" in own and not (operation == "gru" and config.reset_after):
            own["bias_hh"] = torch.zeros_like(own["bias_hh"])  # Keras has but one bias here
        found |= {f"gradient of {n}": g for n, g in own.items()}
        assert_close(found, expected, torch.float32)

    held(TRIED["keras"], layers(operation), judge)
