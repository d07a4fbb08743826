"""Products in bfloat16, which torch's switch allows and AMX makes: what is rounded, and that nothing else is.

The truth is the reference in float64 with the operands of its products rounded, forward and backward. A value that lies
between two numbers of bfloat16 may be rounded to either, which shows as a step of one last place in what follows.
"""

import ctypes
import itertools
import statistics

import pytest
import torch
from cases import CASES, TOLERANCE, TOLERANCE_IN_BFLOAT16, Case, assert_agrees, error_of, outcome
from runs import EVERYTHING_OF_AN_LSTM, leaves_of, run, same_bits
from test_threads import GATED, everything, of_rows
from torch.nn import functional

from elman import nn
from elman.kernels import choose, explain, library, product
from elman.kernels.choose import IMPLEMENTATIONS
from elman.kernels.gru import reference as gru
from elman.kernels.lstm import reference as lstm
from elman.kernels.native import GATES
from elman.kernels.slstm import reference as slstm

needs_amx = pytest.mark.skipif(not library.amx(), reason="products in bfloat16 need _native_avx512 and a CPU with AMX")

# Any size of tile, and more than one of each; lengths, one way, one row, one unit.
SIZED = [case for case in CASES if case.operation in GATES and (case.rows, case.hidden, case.ways) != (3, 6, 2)]


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    torch.set_float32_matmul_precision("highest")


@pytest.fixture
def medium():
    torch.set_float32_matmul_precision("medium")


def half(t):
    return t.float().bfloat16().to(t.dtype)


def rounded(t):
    """`t` rounded, its gradient as if it were not."""
    return t + (half(t) - t).detach()


def with_rounded_gradient(y):
    y.register_hook(half)
    return y


@pytest.fixture
def truth(monkeypatch):
    """What the reference gives in float64 for a case, its products' operands rounded."""
    einsum = torch.einsum

    def linear(v, weight, bias=None):
        y = with_rounded_gradient(functional.linear(rounded(v), rounded(weight)))
        return y if bias is None else y + bias

    def of(case):
        with monkeypatch.context() as patch:
            for page in (product, gru, lstm, slstm):
                patch.setattr(page, "linear", linear)
            patch.setattr(torch, "einsum", lambda how, a, b: with_rounded_gradient(einsum(how, rounded(a), rounded(b))))
            return outcome(IMPLEMENTATIONS["reference"][case.operation], case, torch.float64)

    return of


@needs_amx
@pytest.mark.parametrize("case", SIZED, ids=str)
def test_agrees_with_the_reference_whose_operands_are_rounded(case, truth, medium):
    found = outcome(IMPLEMENTATIONS["native"][case.operation], case, torch.float32)
    assert_agrees(found, truth(case), torch.float32, TOLERANCE_IN_BFLOAT16)


@needs_amx
def test_nearly_always_to_the_tolerance_of_float32(truth, medium):
    errors = []
    for case in SIZED[::5]:
        found = outcome(IMPLEMENTATIONS["native"][case.operation], case, torch.float32)
        errors += [float(error_of(found[name], right)) for name, right in truth(case).items()]
    assert statistics.mean(error <= TOLERANCE[torch.float32] for error in errors) > 0.9
    assert statistics.median(errors) < 1e-6


def call(name, *arguments):
    kinds = {torch.Tensor: lambda t: ctypes.c_void_p(t.data_ptr()), int: ctypes.c_int64, type(None): ctypes.c_void_p}
    getattr(library.native(), f"elman_{name}_bf16")(*(kinds[type(a)](a) for a in arguments))


UNTOUCHED = -7.5


def wide(rows, columns, seed):
    """Random numbers whose rows lie further apart than they are long."""
    return torch.randn(rows, columns + 5, generator=torch.Generator().manual_seed(seed))[:, :columns]


def multiply(a, w, start=0, bias=None, transposed=False):
    """C from A (rows, K) and W (K, N): from zero, from the bias, or onto what is there."""
    rows, inner, columns = *a.shape, w.shape[1]
    c = torch.full((rows + 1, columns + 3), UNTOUCHED)
    w = w.t().contiguous() if transposed else w.contiguous()
    by = (1, inner) if transposed else (columns, 1)
    call("multiply", rows, inner, columns, a, a.stride(0), w, *by, c, c.stride(0), start, bias)
    assert (c[rows] == UNTOUCHED).all() and (c[:rows, columns:] == UNTOUCHED).all()
    return c[:rows, :columns]


def outer(a, b, onto=False):
    (rows, width), columns = a.shape, b.shape[1]
    c = torch.full((width, columns + 3), UNTOUCHED)
    call("outer", rows, a, a.stride(0), width, b, b.stride(0), columns, c, c.stride(0), int(onto))
    assert (c[:, columns:] == UNTOUCHED).all()
    return c[:, :columns]


def assert_sums_to(found, first, a, b):
    a, b = half(a).double(), half(b).double()
    limit = 2 * (a.shape[1] + 1) * torch.finfo(torch.float32).eps * (abs(first) + a.abs() @ b.abs())
    assert ((found.double() - (first + a @ b)).abs() <= limit).all()


@needs_amx
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("inner", [0, 1, 31, 32, 130, 1100])
@pytest.mark.parametrize("columns", [1, 16, 17, 50, 100])
def test_multiply_is_the_product_of_what_is_rounded(columns, inner, transposed):
    w, bias = wide(inner, columns, 2), torch.randn(columns, generator=torch.Generator().manual_seed(3))
    for rows in (1, 16, 19, 32, 50, 120):
        a = wide(rows, inner, 1)
        for start, first in enumerate((torch.zeros(()), bias, torch.tensor(UNTOUCHED))):
            assert_sums_to(multiply(a, w, start, bias, transposed), first.double(), a, w)


@needs_amx
@pytest.mark.parametrize(("inner", "columns"), [(50, 200), (1100, 50)])
def test_a_row_does_not_depend_on_how_many_there_are(inner, columns):
    a, w = wide(70, inner, 1), wide(inner, columns, 2)
    whole = multiply(a, w)
    for rows in (1, 7, 16, 17, 32, 33, 64):
        assert torch.equal(multiply(a[5 : 5 + rows], w), whole[5 : 5 + rows])


@needs_amx
@pytest.mark.parametrize("rows", [0, 1, 31, 33, 400])
@pytest.mark.parametrize("columns", [1, 17, 130])
def test_outer_is_the_product_of_what_is_rounded(columns, rows):
    for width in (1, 16, 50, 200):
        a, b = wide(rows, width, 1), wide(rows, columns, 2)
        for onto in (False, True):
            assert_sums_to(outer(a, b, onto), UNTOUCHED * onto, a.t(), b)


@needs_amx
def test_nan_reaches_its_own_row_and_no_other():
    a, b = wide(40, 60, 1), wide(40, 50, 2)
    a[7, 3] = torch.nan
    assert outer(a, b).isnan().all(1).nonzero().flatten().tolist() == [3]
    assert multiply(a, wide(60, 50, 3)).isnan().any(1).nonzero().flatten().tolist() == [7]


@needs_amx
@pytest.mark.parametrize("case", [case._replace(ragged=ragged) for case in GATED for ragged in (False, True)], ids=str)
def test_the_same_bits_from_run_to_run_and_in_a_row_on_any_number_of_threads(case, medium):
    leaves, found = leaves_of(case, torch.float32), {}
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found[threads] = everything(case, leaves)
        same_bits(everything(case, leaves), found[threads])
        same_bits(of_rows(found[threads]), of_rows(found[1]))


@needs_amx
def test_torch_multiplies_in_bfloat16_on_the_same_threads(medium):
    leaves = leaves_of(case := Case("lstm", EVERYTHING_OF_AN_LSTM, steps=13, rows=40, hidden=64), torch.float32)
    torch.set_num_threads(2)
    a, b = wide(80, 300, 1).bfloat16(), wide(300, 70, 2).bfloat16()
    expected, right = run(case, leaves), a @ b
    for _ in range(3):
        same_bits(run(case, leaves), expected)
        assert torch.equal(a @ b, right)


def results(precision, dtype=torch.float32):
    torch.set_float32_matmul_precision(precision)
    return everything(case := Case("gru", rows=5, hidden=40), leaves_of(case, dtype))


@needs_amx
def test_only_float32_and_only_where_the_switch_allows_it():
    exact = results("highest")
    same_bits(results("high"), exact)
    assert not any(torch.equal(t, exact[name]) for name, t in results("medium").items())
    same_bits(results("highest"), exact)
    same_bits(results("medium", torch.float64), results("highest", torch.float64))


@needs_amx
def test_torchs_newer_switch_is_the_same():
    expected, exact = results("medium"), results("highest")
    case = Case("gru", rows=5, hidden=40)
    for value, right in (("bf16", expected), ("ieee", exact)):
        torch.backends.mkldnn.matmul.fp32_precision = value
        same_bits(everything(case, leaves_of(case, torch.float32)), right)


@pytest.mark.skipif(library.native() is None, reason=library.which())
def test_without_amx_nothing_is_rounded(monkeypatch):
    exact = results("highest")
    monkeypatch.setattr(library, "amx", lambda: False)
    same_bits(results("medium"), exact)
    assert "products in float32, because those in bfloat16 need" in choose("lstm").reason


@needs_amx
def test_the_reason_says_so():
    assert "bfloat16" not in explain()
    torch.set_float32_matmul_precision("medium")
    words = 'products in bfloat16, because torch\'s matmul precision is "medium"'
    assert choose("lstm").reason.endswith(words)
    for operation, dtype in itertools.product(("lstm", "mingru"), (torch.float32, torch.float64)):
        assert (words in choose(operation, dtype=dtype).reason) == ((operation, dtype) == ("lstm", torch.float32))


@needs_amx
def test_a_compiled_layer_reads_the_switch_when_it_runs():
    torch.manual_seed(0)
    module, x = nn.LSTM(20, 40), torch.randn(9, 5, 20)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    for precision in ("highest", "medium", "highest"):
        torch.set_float32_matmul_precision(precision)
        assert torch.equal(compiled(x)[0], module(x)[0])
