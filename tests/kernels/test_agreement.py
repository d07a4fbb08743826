"""Every operation, option and implementation against the reference in float64, by name: the table is `cases.py`.

The reference itself is held to outside truths in `test_references.py`; `test_mutants.py` shows that the
comparison sees.
"""

import pytest
import torch
from cases import CASES, FEATURES, TOLERANCE, Case, assert_agrees, computes, outcome, truth
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.kernels import Output, torch_native
from elman.kernels.choose import IMPLEMENTATIONS

# torch says once, for a projection in float32, which of its own kernels it takes.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def torch_module(case):
    """torch.nn's own module as one more implementation of the case's layer."""

    def layer(x, state, weights, *, lengths, options):
        kind, sizes = case.operation.upper(), {"bidirectional": case.ways == 2, "bias": case.bias}
        if case.operation == "rnn":
            sizes["nonlinearity"] = options.activation
        if case.out != case.hidden:
            sizes["proj_size"] = case.out
        module = getattr(torch.nn, kind)(FEATURES, case.hidden, dtype=x.dtype, **sizes)
        named = {
            f"{name}_l0{way}": w
            for own, way in zip(weights, ("", "_reverse"), strict=False)
            for name, w in own._asdict().items()
            if w is not None
        }
        packed = x if lengths is None else pack_padded_sequence(x, lengths, enforce_sorted=False)
        hx = state if len(state) > 1 else state[0]
        y, final = torch.func.functional_call(module, named, (packed, hx))
        if lengths is not None:
            y, _ = pad_packed_sequence(y, total_length=case.steps)
        return Output(y, final if isinstance(final, tuple) else (final,))

    return layer


def implementations(case):
    """Every way to compute the case; the reference in float64 is the truth and not among them."""
    found = [
        (name, own.get(case.operation), dtype)
        for name, own in IMPLEMENTATIONS.items()
        for dtype in TOLERANCE
        if computes(name, case, dtype) and (name, dtype) != ("reference", torch.float64)
    ]
    if computes("torch", case, torch.float64):
        found += [("torch.nn", torch_module(case), dtype) for dtype in TOLERANCE]
    return [pytest.param(case, layer, dtype, id=f"{case}-{name}-{str(dtype)[6:]}") for name, layer, dtype in found]


RUNS = [run for case in CASES for run in implementations(case)]


@pytest.mark.parametrize(("case", "layer", "dtype"), RUNS)
def test_agrees_with_the_reference_in_float64(case, layer, dtype):
    assert_agrees(outcome(layer, case, dtype), truth(case), dtype)


def test_every_operation_option_and_implementation_is_in_the_table():
    names = {run.id.rsplit("-", 2)[1] for run in RUNS}
    # What refuses even a plain LSTM is not there on this machine.
    here = {name for name in IMPLEMENTATIONS if computes(name, Case("lstm"), torch.float32)}
    assert {"reference", "torch"} <= here
    assert names == here | {"torch.nn"}
    assert {run.values[0].operation for run in RUNS} == set(IMPLEMENTATIONS["reference"])


@pytest.mark.parametrize("operation", ["rnn", "lstm", "gru"])
def test_equal_lengths_take_the_padded_kernel(operation, monkeypatch):
    case = Case(operation, ragged=True)

    def short(layer):
        return lambda *given, **options: layer(*given, **options | {"lengths": torch.full((case.rows,), 4)})

    native = IMPLEMENTATIONS["torch"][operation]
    expected = outcome(short(IMPLEMENTATIONS["reference"][operation]), case, torch.float64)
    dimensions = []
    kernel = torch_native.KERNELS[operation, "tanh"]
    monkeypatch.setitem(
        torch_native.KERNELS, (operation, "tanh"), lambda x, *rest: dimensions.append(x.dim()) or kernel(x, *rest)
    )
    assert_agrees(outcome(short(native), case, torch.float64), expected, torch.float64)
    outcome(native, case, torch.float64)
    assert dimensions == [3, 2], "the padded kernel reads (T, B, F), the packed one (steps, F)"
