"""How the tests of what torch sees run a case of `cases.py`: through the door, on the implementation they name."""

import torch
from cases import Case, given, tensors

from elman import kernels

EVERYTHING_OF_AN_LSTM = ("layer norm", "peephole", "projection", "clip", "drop", "zoneout", "zoneout of c", "cells")
GATED = [
    Case("rnn"),
    Case("rnn", ("layer norm", "drop"), activation="relu", ragged=True),
    Case("lstm", ways=1),
    Case("lstm", ("peephole", "projection", "zoneout", "cells"), ragged=True, bias=False),
    Case("lstm", EVERYTHING_OF_AN_LSTM, ragged=True),
    Case("gru", ragged=True),
    Case("gru", ("reset before", "clip", "drop", "zoneout"), ragged=True),
    Case("gru", ("layer norm",), ways=1),
    Case("slstm", ragged=True),
    Case("slstm", ("heads",)),
]
SCANS = [Case("indrnn", activation="relu"), *(Case(name, ragged=True) for name in ("mingru", "minlstm", "rglru"))]
PLAIN = [Case("rnn"), Case("lstm"), Case("gru"), Case("slstm"), *(case._replace(ragged=False) for case in SCANS)]


def leaves_of(case, dtype=torch.float64, requires_grad=True):
    """The case's x, states and weights by name."""
    return {name: t.to(dtype, copy=True).requires_grad_(requires_grad) for name, t in tensors(case)[0].items()}


def run(case, leaves, implementation="native", lengths=None):
    """The results of the case's layer by name: y, h_n, ..., cells."""
    x, *state = (leaves[name] for name in ("x", *(f"{part}_0" for part in case.states)))
    weights, options = given(case, leaves, x.dtype)
    lengths = case.lengths if lengths is None else lengths
    with kernels.use(implementation):
        out = kernels.layer(case.operation, x, tuple(state), weights, lengths=lengths, options=options)
    results = {"y": out.y, **{f"{part}_n": s for part, s in zip(case.states, out.state, strict=True)}}
    return results if out.cells is None else {**results, "cells": out.cells}


def into(case, results):
    """The gradients that flow into these results."""
    return [tensors(case)[2][name].to(result.dtype) for name, result in results.items()]


def gradients(case, results, leaves, **how):
    """The gradients of all leaves by name, through all of these results."""
    how = {"allow_unused": True, "materialize_grads": True} | how
    found = torch.autograd.grad(list(results.values()), list(leaves.values()), into(case, results), **how)
    return dict(zip(leaves, found, strict=True))


def same_bits(found, expected):
    """Both have the same names, and under each the same numbers to the last bit."""
    assert found.keys() == expected.keys()
    for name, right in expected.items():
        assert torch.equal(found[name], right), f"{name} differs by up to {(found[name] - right).abs().max():.1e}"


def close(found, expected, tolerance=1e-10):
    """Both have the same names, and under each the same numbers but for rounding."""
    assert found.keys() == expected.keys()
    for name, right in expected.items():
        torch.testing.assert_close(
            found[name], right, rtol=tolerance, atol=tolerance, msg=lambda m, n=name: f"{n}: {m}"
        )
