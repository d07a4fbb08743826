"""The inputs and the error inputs on which torch tests its own RNN, LSTM, GRU and their cells, given to elman's.

Compared are outputs, gradients, gradients of gradients, the names in state_dict, and the kind and place of every
error. Wherever elman differs, DIFFERENT_ERRORS says so and why; and elman has no cells, for which a layer over one
step stands in (OneStep).
"""

from functools import cache

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

from elman import nn

COUNTS = {  # inputs a mode, those of them that are packed beyond the usual ones, error inputs
    "RNN": (32, 32, 14),
    "GRU": (16, 16, 14),
    "LSTM": (32, 0, 14),
    "RNNCell": (3, 0, 6),
    "GRUCell": (2, 0, 6),
    "LSTMCell": (2, 0, 4),
}

SHAPE = "a state of too many dimensions is one more wrong shape, which is a RuntimeError everywhere in elman"
FLAG = "the case passes a nonlinearity where torch's cell takes `bias`, which elman refuses at once"
DIFFERENT_ERRORS = {
    ("RNNCell", 3): ("call", RuntimeError, SHAPE),
    ("GRUCell", 3): ("call", RuntimeError, SHAPE),
    ("LSTMCell", 3): ("call", RuntimeError, SHAPE),
    **{(kind, number): ("construction", TypeError, FLAG) for kind in ("RNNCell", "GRUCell") for number in (4, 5)},
}


class OneStep(torch.nn.Module):
    """A cell's arguments, results and names in state_dict around a layer that runs for one step."""

    def __init__(self, kind, input_size, hidden_size, bias=True, **options):
        super().__init__()
        self.layer = getattr(nn, kind)(input_size, hidden_size, bias=bias, **options)

    def load_state_dict(self, own):
        return self.layer.load_state_dict({f"{name}_l0": tensor for name, tensor in own.items()})

    def state_dict(self):
        return {name.removesuffix("_l0"): tensor for name, tensor in self.layer.state_dict().items()}

    def forward(self, x, hx):
        hx = tuple(s.unsqueeze(0) for s in hx) if isinstance(hx, tuple) else hx.unsqueeze(0)
        _, state = self.layer(x.unsqueeze(0), hx)
        return tuple(s.squeeze(0) for s in state) if isinstance(state, tuple) else state.squeeze(0)


def ours(kind, given):
    if kind.endswith("Cell"):
        return OneStep(kind.removesuffix("Cell"), *given.args, **given.kwargs)
    return getattr(nn, kind)(*given.args, **given.kwargs)


def infos():
    pytest.importorskip("expecttest", reason="torch's own test inputs import it")
    from torch.testing._internal.common_modules import module_db

    # The import forbids to set torch.backends' flags in this process, which is no business of other tests.
    torch.backends.__allow_nonbracketed_mutation_flag = True
    return {info.name.removeprefix("nn."): info for info in module_db if info.name.removeprefix("nn.") in COUNTS}


@cache
def inputs(kind, training=True, packed=False):
    torch.manual_seed(0)
    info = infos()[kind]
    usual = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": training}
    made = info.module_inputs_func(info, **usual, with_packed_sequence=packed)
    return [one for one in made if any(isinstance(a, PackedSequence) for a in one.forward_input.args) == packed]


@cache
def error_inputs(kind):
    torch.manual_seed(0)
    info = infos()[kind]
    return info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=True)


def tensors(nested):
    """Every tensor of a call's arguments or results, in order."""
    if isinstance(nested, PackedSequence):
        return [nested.data]
    if isinstance(nested, torch.Tensor):
        return [nested]
    return [tensor for part in nested for tensor in tensors(part)]


def outcome(module, arguments):
    """Results and, through weighted sums of them and of their gradients, gradients of two orders."""
    leaves = [*tensors(arguments), *module.parameters()]
    results = tensors(module(*arguments))

    def gradients(of):
        loss = sum(t.flatten() @ torch.linspace(0.5, 1.5, t.numel(), dtype=t.dtype) for t in of)
        return torch.autograd.grad(loss, leaves, create_graph=True, materialize_grads=True)

    first = gradients(results)
    return {"result": results, "gradient": first, "gradient of a gradient": gradients(first)}


def test_the_counts_are_torch_s():
    for kind, (usual, packed, errors) in COUNTS.items():
        assert len(inputs(kind)) == usual
        assert len(inputs(kind, packed=True)) == packed
        assert len(error_inputs(kind)) == errors
    assert 2 * sum(usual for usual, _, _ in COUNTS.values()) == 174
    assert sum(errors for _, _, errors in COUNTS.values()) == 58


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    ("kind", "packed", "number"),
    [
        pytest.param(kind, packed, number, id=f"{kind}{'-packed' * packed}-{number}")
        for kind, counts in COUNTS.items()
        for packed in (False, True)
        for number in range(counts[packed])
    ],
)
def test_gives_what_torch_gives(kind, packed, number, training):
    given = inputs(kind, training, packed)[number]
    options = given.constructor_input
    theirs = getattr(torch.nn, kind)(*options.args, **options.kwargs).double().train(training)
    mine = ours(kind, options).double().train(training)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    mine.load_state_dict(theirs.state_dict())
    assert not given.forward_input.kwargs
    expected = outcome(theirs, given.forward_input.args)
    for name, found in outcome(mine, given.forward_input.args).items():
        for here, right in zip(found, expected[name], strict=True):
            torch.testing.assert_close(here, right, rtol=1e-12, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize(
    ("kind", "number"), [(kind, number) for kind, (_, _, errors) in COUNTS.items() for number in range(errors)]
)
def test_refuses_what_torch_refuses(kind, number):
    case = error_inputs(kind)[number]
    given = case.module_error_input
    theirs = ("construction" if case.error_on.name == "CONSTRUCTION_ERROR" else "call", case.error_type)
    place, error = DIFFERENT_ERRORS.get((kind, number), theirs)[:2]
    assert ((kind, number) in DIFFERENT_ERRORS) == ((place, error) != theirs)
    if place == "construction":
        with pytest.raises(error) as raised:
            ours(kind, given.constructor_input)
    else:
        module = ours(kind, given.constructor_input)
        with pytest.raises(error) as raised:
            module(*given.forward_input.args, **given.forward_input.kwargs)
    assert raised.type is error
    assert ", but " in str(raised.value)
