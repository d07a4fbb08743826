"""The references, which define every operation: held to equations written out in numpy, and to finite differences."""

import by_hand
import numpy as np
import pytest
import torch
from cases import CELLS, Case, assert_agrees, computes, given, outcome, tensors, truth

from elman.kernels import Weights
from elman.kernels.choose import IMPLEMENTATIONS
from elman.kernels.scan import minlstm, rglru
from elman.kernels.slstm import reference as slstm

# torch says once, for a projection in float32, which of its own kernels it takes.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

REFERENCES = IMPLEMENTATIONS["reference"]
SMALL = [cell._replace(steps=3, rows=2, hidden=4, ragged=True, ways=1 if cell.also else 2) for cell in CELLS]


@pytest.mark.parametrize("ragged", [False, True], ids=["padded", "ragged"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_each_reference_is_its_equations(cell, ragged):
    case = cell._replace(ragged=ragged)
    leaves, masks, _ = tensors(case)
    weights, options = given(case, leaves, torch.float64)
    own = [{name: w.numpy() for name, w in way._asdict().items() if w is not None} for way in weights]
    lengths = [case.steps] * case.rows if case.lengths is None else case.lengths.tolist()
    x, state = leaves["x"], tuple(leaves[f"{part}_0"] for part in case.states)
    chosen = {name: value for name, value in options._asdict().items() if value is not None}
    chosen |= {name: mask.numpy() for name, mask in masks.items()}
    step = getattr(by_hand, case.operation)
    y, final, cells = by_hand.layer(step, x.numpy(), [s.numpy() for s in state], own, lengths, chosen)
    found = REFERENCES[case.operation](x, state, weights, lengths=case.lengths, options=options)
    for right, tensor in [(y, found.y), *zip(final, found.state, strict=True)]:
        np.testing.assert_allclose(tensor.numpy(), right, rtol=1e-12, atol=1e-13)
    assert (found.cells is not None) == ("cells" in case.also)
    if found.cells is not None:
        np.testing.assert_allclose(found.cells.numpy(), cells, rtol=1e-12, atol=1e-13)


def test_the_clip_of_the_table_clips_some_and_leaves_some():
    case = Case("rnn", ("clip",))
    leaves, _, _ = tensors(case)
    weights, options = given(case, leaves, torch.float64)
    y = REFERENCES["rnn"](leaves["x"], (leaves["h_0"],), weights, options=options).y
    held = np.isclose(y.abs().numpy(), np.tanh(options.clip), rtol=1e-12).mean()
    assert 0.05 < held < 0.95


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_gradients_are_those_of_finite_differences_twice(case):
    values, _, _ = tensors(case)
    names, states = list(values), len(case.states)

    def run(*given_values):
        leaves = dict(zip(names, given_values, strict=True))
        weights, options = given(case, leaves, torch.float64)
        state = given_values[1 : 1 + states]
        y, final, cells = REFERENCES[case.operation](leaves["x"], state, weights, lengths=case.lengths, options=options)
        return y, *final, *(() if cells is None else (cells,))

    leaves = [value.clone().requires_grad_() for value in values.values()]
    assert torch.autograd.gradcheck(run, leaves)
    assert torch.autograd.gradgradcheck(run, leaves, fast_mode=True)


@pytest.mark.parametrize(
    ("implementation", "case"),
    [
        pytest.param(name, cell._replace(ragged=True), id=f"{name}-{cell}")
        for name in IMPLEMENTATIONS
        for cell in CELLS
        if computes(name, cell, torch.float64)
    ],
)
def test_what_lies_past_a_row_s_end_is_never_read(implementation, case):
    past = torch.arange(case.steps)[:, None] >= case.lengths
    layer = IMPLEMENTATIONS[implementation][case.operation]

    def poisoned(x, *rest, **options):
        found = layer(x.masked_fill(past[..., None], torch.nan), *rest, **options)
        for part in (found.y, *(() if found.cells is None else (found.cells,))):
            assert (part[past] == 0).all()
            part.register_hook(lambda gradient: gradient.masked_fill(past[..., None], torch.nan))
        return found

    found = outcome(poisoned, case, torch.float64)
    assert_agrees(found, truth(case), torch.float64)
    assert (found["gradient of x"][past] == 0).all()


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_two_runs_give_the_same_bits(cell):
    case = cell._replace(ragged=True)
    first, second = (outcome(REFERENCES[case.operation], case, torch.float32) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def gates(*values, dtype=torch.float32):
    """Weights that give a single unit these pre-activations, whatever x of ones is."""
    return Weights(torch.zeros(len(values), 1), torch.zeros(len(values), 1), torch.tensor(values, dtype=dtype))


def test_the_slstm_stays_finite_where_its_exponents_are_huge():
    x, state = torch.ones(1, 1), tuple(torch.zeros(1, 1) for _ in range(4))
    weights = gates(500.0, 500.0, 0.5, 0.0)
    for _ in range(3):
        state = slstm.step(x, state, weights)
    h, c, n, m = state
    assert m.item() == 500
    torch.testing.assert_close(
        (h, c / n), (torch.tanh(torch.full((1, 1), 0.5)) / 2, torch.tanh(torch.full((1, 1), 0.5)))
    )


def test_the_min_lstm_s_gates_may_both_vanish():
    (h,) = minlstm.step(torch.ones(1, 1), (torch.ones(1, 1),), gates(-200.0, -201.0, 3.0))
    kept = torch.sigmoid(torch.tensor(1.0))
    torch.testing.assert_close(h, (kept + (1 - kept) * 3).view(1, 1))


def test_the_rg_lru_keeps_its_digits_where_it_hardly_forgets():
    weights = gates(-10.0, 0.0, 1.0)._replace(decay=torch.tensor([-12.0]))
    (h,) = rglru.step(torch.ones(1, 1), (torch.zeros(1, 1),), weights)
    (right,) = rglru.step(
        torch.ones(1, 1).double(),
        (torch.zeros(1, 1).double(),),
        Weights(*(None if w is None else w.double() for w in weights)),
    )
    assert right < 1e-3
    torch.testing.assert_close(h.double(), right, rtol=1e-6, atol=0)
