"""Malformed input is refused in Python or computed rightly; it never ends the interpreter, and NaN stays in its row."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from elman import nn

from .malformed_calls import GATES, MODULES, REFUSED, calls

SCRIPT = Path(__file__).with_name("malformed_calls.py")


@pytest.fixture(scope="module")
def endings():
    """How each call ended, by name, in a process that is started again after the call that ended it."""
    # Under the address sanitizer, which ends the process where memory runs out unless it is told not to.
    environment = os.environ | {"ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:allocator_may_return_null=1"}
    ends, wanted = {}, len(calls())
    while len(ends) < wanted:
        command = [sys.executable, str(SCRIPT), str(len(ends))]
        child = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
        before = len(ends)
        ends |= dict(map(json.loads, child.stdout.splitlines()))
        assert len(ends) > before, child.stderr
    return ends


@pytest.mark.parametrize("subject", [*MODULES, *GATES])
def test_is_refused_in_python(subject, endings):
    own = {call: end for call, end in endings.items() if call.startswith(f"{subject}: ")}
    assert len(own) > 50
    assert {call: end for call, end in own.items() if not end.startswith(REFUSED)} == {}


def values_and_gradient(module, x, lengths=None, rows=slice(None)):
    """Outputs, states, and x's gradient through these rows alone."""
    leaf = x.clone().requires_grad_()
    y, state = module(leaf, lengths=lengths)
    state = state if isinstance(state, tuple) else (state,)
    loss = (y[:, rows] ** 2).sum() + sum((s[:, rows] ** 2).sum() for s in state)
    return y.detach(), *(s.detach() for s in state), torch.autograd.grad(loss, leaf)[0]


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("kind", MODULES)
def test_what_is_not_finite_stays_in_its_row_and_does_not_reach_back(kind, dtype, value):
    for hidden, rows, bad in ((1, 3, 1), (5, 1, 0), (5, 19, 7), (33, 6, 5)):
        module = getattr(nn, kind)(3, hidden, 2, dtype=dtype)
        x = torch.randn(7, rows, 3, dtype=dtype)
        poisoned = x.clone()
        poisoned[3, bad, 1] = value
        for lengths in (None, torch.arange(rows) % 4 + 4):
            healthy = [row for row in range(rows) if row != bad]
            expected = values_and_gradient(module, x, lengths, healthy)
            found = values_and_gradient(module, poisoned, lengths, healthy)
            for here, right in zip(found, expected, strict=True):
                assert torch.equal(here[:, healthy], right[:, healthy])
            assert torch.equal(found[0][:3], expected[0][:3])
            if value != value:
                assert found[0][3, bad].isnan().all()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, 1e38], ids=str)
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_what_is_not_finite_gives_what_it_gives_torch(kind, value):
    for hidden in (1, 5, 33):
        theirs = getattr(torch.nn, kind)(3, hidden, dtype=torch.float64)
        x = torch.randn(7, 4, 3, dtype=torch.float64)
        x[3, 1, 2] = value
        ours = getattr(nn, kind)(3, hidden, dtype=torch.float64)
        ours.load_state_dict(theirs.state_dict())
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("lengths", [None, []], ids=["plain", "lengths"])
@pytest.mark.parametrize("kind", MODULES)
def test_an_empty_batch_gives_empty_results(kind, lengths):
    module = getattr(nn, kind)(3, 5, 2, bidirectional=True)
    y, *state, gradient = values_and_gradient(module, torch.empty(6, 0, 3), lengths)
    assert y.shape == (6, 0, 10)
    assert {s.shape for s in state} == {(4, 0, 5)}
    assert gradient.shape == (6, 0, 3)


@pytest.mark.parametrize("kind", MODULES)
def test_a_row_that_is_many_rows_gives_each_the_same(kind):
    module = getattr(nn, kind)(3, 5, 2, bidirectional=True)
    x = torch.randn(6, 1, 3)
    found, expected = module(x.expand(-1, 9, -1)), module(x)
    for here, right in zip(found, expected, strict=True):
        pairs = zip(here, right, strict=True) if isinstance(here, tuple) else [(here, right)]
        for many, one in pairs:
            torch.testing.assert_close(many, one.expand(-1, 9, -1), rtol=1e-6, atol=1e-6)
