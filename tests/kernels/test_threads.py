"""The same bits from run to run, on any number of threads, beside any other rows, from many Python threads at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from cases import Case, tensors
from runs import EVERYTHING_OF_AN_LSTM, SCANS, gradients, leaves_of, run, same_bits

from elman import nn
from elman.kernels import abi, library

pytestmark = pytest.mark.skipif(library.native() is None, reason=library.which())

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
BIG = {"steps": 13, "rows": 11, "hidden": 64, "ways": 2}
GATED = [
    Case("rnn", **BIG),
    Case("rnn", ("layer norm", "clip", "drop", "zoneout"), **BIG),
    Case("lstm", **BIG),
    Case("lstm", EVERYTHING_OF_AN_LSTM, **BIG),
    Case("gru", **BIG),
    Case("gru", ("layer norm",), **BIG),
    Case("gru", ("reset before", "zoneout"), **BIG),
    Case("gru", **BIG | {"ways": 1, "rows": 21}),
    Case("slstm", **BIG),
    Case("slstm", ("heads",), **BIG | {"steps": 25}),
]
CASES = [*GATED, *(case._replace(**BIG) for case in SCANS)]
CASES = [case._replace(ragged=ragged) for case in CASES for ragged in (False, True)]
EACH = pytest.mark.parametrize("case", CASES, ids=str)


def everything(case, leaves):
    """Results, and the gradients of all leaves."""
    results = run(case, leaves)
    return {**results, **{f"gradient of {n}": g for n, g in gradients(case, results, leaves).items()}}


ROWS = ("x", "h_0", "c_0", "n_0", "m_0")


def of_rows(found):
    """All but the gradients of weights, which each number of threads sums up in its own order."""
    return {n: t for n, t in found.items() if not n.startswith("gradient of ") or n.endswith(ROWS)}


@EACH
def test_two_runs_give_the_same_bits(case):
    torch.set_num_threads(2)
    leaves = leaves_of(case, torch.float32)
    same_bits(everything(case, leaves), everything(case, leaves))


@DTYPES
@EACH
def test_the_number_of_threads_changes_no_bit_of_a_row(case, dtype):
    leaves = leaves_of(case, dtype)
    found = {}
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found[threads] = everything(case, leaves)
    same_bits(of_rows(found[2]), of_rows(found[1]))
    same_bits(of_rows(found[3]), of_rows(found[1]))
    for name in found[1].keys() - of_rows(found[1]).keys():
        error = (found[3][name] - found[1][name]).abs().max() / found[1][name].abs().max()
        assert error < 100 * torch.finfo(dtype).eps, name


@pytest.mark.parametrize("case", [case for case in CASES if case.operation in ("rnn", "lstm", "gru", "slstm")], ids=str)
def test_these_are_large_enough_to_be_dealt_out(case, monkeypatch):
    words = []
    own = abi.call
    monkeypatch.setattr(abi, "call", lambda name, dtype, given: words.append(list(given)) or own(name, dtype, given))
    torch.set_num_threads(3)
    everything(case, leaves_of(case))
    place = abi.SIZES.index("tasks")
    # Three threads for two ways make two tasks of each.
    assert [given[place] for given in words] == [2 if case.ways == 2 else 3] * 2


@pytest.mark.parametrize("threads", [(1, 3), (3, 1)], ids=str)
def test_backward_may_have_other_threads_than_forward(threads):
    leaves = leaves_of(case := Case("lstm", EVERYTHING_OF_AN_LSTM, ragged=True, **BIG))
    torch.set_num_threads(1)
    expected = of_rows(everything(case, leaves))
    torch.set_num_threads(threads[0])
    results = run(case, leaves)
    torch.set_num_threads(threads[1])
    found = gradients(case, results, leaves)
    same_bits(of_rows({**results, **{f"gradient of {name}": g for name, g in found.items()}}), expected)


@DTYPES
@pytest.mark.parametrize("rows", [[3], [4, 3], [10, 0, 3, 7, 9]], ids=len)
@pytest.mark.parametrize("case", [case for case in CASES if not {"drop", "zoneout"} & set(case.also)], ids=str)
def test_a_row_does_not_see_its_neighbours(case, rows, dtype):
    leaves = leaves_of(case, dtype)
    part = {n: leaf[:, rows].detach().requires_grad_() if n in ROWS else leaf for n, leaf in leaves.items()}
    whole = run(case, leaves)
    lengths = torch.full((case.rows,), case.steps) if case.lengths is None else case.lengths
    alone = run(case, part, lengths=lengths[rows])
    same_bits(alone, {name: result[:, rows] for name, result in whole.items()})
    into = {name: tensors(case)[2][name].to(dtype) for name in whole}
    own = [name for name in leaves if name in ROWS]
    right = torch.autograd.grad(list(whole.values()), [leaves[name] for name in own], list(into.values()))
    found = torch.autograd.grad(list(alone.values()), [part[n] for n in own], [g[:, rows] for g in into.values()])
    same_bits(dict(zip(own, found, strict=True)), dict(zip(own, [g[:, rows] for g in right], strict=True)))


@DTYPES
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU, nn.SLSTM])
def test_wide_inputs_and_layers_do_not_depend_on_threads_or_neighbours(make, dtype):
    module, x = make(33, 200, 2, dtype=dtype), torch.randn(9, 7, 33, dtype=dtype, requires_grad=True)
    into, found = torch.randn(9, 7, 200, dtype=dtype), []
    for threads, rows in ((1, slice(None)), (2, slice(None)), (3, slice(None)), (2, slice(4, 5)), (1, slice(2, 5))):
        torch.set_num_threads(threads)
        part = x[:, rows].detach().requires_grad_()
        y, _ = module(part)
        found.append((rows, y, *torch.autograd.grad(y, part, into[:, rows])))
    for rows, y, gradient in found[1:]:
        assert torch.equal(y, found[0][1][:, rows])
        assert torch.equal(gradient, found[0][2][:, rows])


def test_many_python_threads_at_once():
    small = [Case("gru", ragged=True, steps=30, rows=9, hidden=32), Case("rglru", steps=40, rows=9, hidden=32)]
    cases = [Case("lstm", **BIG), Case("gru", ("layer norm",), ragged=True, **BIG), *small]
    leaves = {case: leaves_of(case) for case in cases}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        expected = {case: everything(case, leaves[case]) for case in cases}
        with ThreadPoolExecutor(6, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
            order = cases * 12
            for case, found in zip(order, pool.map(lambda case: everything(case, leaves[case]), order), strict=True):
                same_bits(found, expected[case])
