"""The native products against torch in float64, beside memory they must not touch; and the same bits however asked."""

import ctypes
import itertools

import pytest
import torch

from elman.kernels import library

pytestmark = pytest.mark.skipif(library.native() is None, reason=library.which())

SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
DTYPES = pytest.mark.parametrize("dtype", SUFFIX, ids=str)
STARTS = ("zero", "bias", "onto")
UNTOUCHED = -7.5
# One chain of n additions errs by at most n units of the last place of the sum of magnitudes.
SLACK = 2.0


def call(name, dtype, *arguments):
    kinds = {torch.Tensor: lambda t: ctypes.c_void_p(t.data_ptr()), int: ctypes.c_int64, type(None): ctypes.c_void_p}
    getattr(library.native(), f"elman_{name}_{SUFFIX[dtype]}")(*(kinds[type(a)](a) for a in arguments))


def wide(rows, columns, dtype, seed):
    """Random numbers whose rows lie further apart than they are long."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns + 5, dtype=dtype, generator=generator)[:, :columns]


def multiply(a, w, start, bias=None, onto=None, transposed=False):
    """C from A (rows, K) and W (K, N), W given as it lies or as W^T."""
    rows, inner, columns = *a.shape, w.shape[1]
    c = torch.full((rows + 1, columns + 3), UNTOUCHED, dtype=a.dtype)
    if onto is not None:
        c[:rows, :columns] = onto
    w = w.t().contiguous() if transposed else w.contiguous()
    by = (1, inner) if transposed else (columns, 1)
    call("multiply", a.dtype, rows, inner, columns, a, a.stride(0), w, *by, c, c.stride(0), STARTS.index(start), bias)
    assert (c[rows] == UNTOUCHED).all() and (c[:rows, columns:] == UNTOUCHED).all()
    return c[:rows, :columns]


def outer(a, b, cuts=(), sums=False):
    """C = A^T B, its rows asked for in the ranges between the cuts; and A's column sums."""
    (rows, width), columns = a.shape, b.shape[1]
    c = torch.full((width, columns + 3), UNTOUCHED, dtype=a.dtype)
    total = torch.full((width,), UNTOUCHED, dtype=a.dtype) if sums else None
    ends = [0, *cuts, width]
    for begin, end in itertools.pairwise(ends):
        call("outer", a.dtype, rows, a, a.stride(0), b, b.stride(0), columns, c, c.stride(0), begin, end, total)
    assert (c[:, columns:] == UNTOUCHED).all()
    return c[:, :columns], total


def assert_sums_to(found, right, magnitude, length):
    limit = SLACK * (length + 1) * torch.finfo(found.dtype).eps * magnitude
    assert ((found.double() - right).abs() <= limit).all()


@DTYPES
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("inner", [0, 1, 15, 64, 130, 700])
@pytest.mark.parametrize("columns", [1, 8, 17, 50, 100, 193])
def test_multiply_is_the_product(columns, inner, transposed, dtype):
    a, w = wide(19, inner, dtype, 1), wide(inner, columns, dtype, 2)
    bias, before = wide(1, columns, dtype, 3)[0].contiguous(), wide(19, columns, dtype, 4)
    for start, first in (("zero", torch.zeros(columns, dtype=dtype)), ("bias", bias), ("onto", before)):
        found = multiply(a, w, start, bias, before, transposed)
        right = first.double() + a.double() @ w.double()
        assert_sums_to(found, right, first.double().abs() + a.double().abs() @ w.double().abs(), inner)


@DTYPES
@pytest.mark.parametrize(("inner", "columns"), [(50, 200), (700, 50), (300, 17)])
def test_a_row_does_not_depend_on_how_many_there_are(inner, columns, dtype):
    a, w = wide(70, inner, dtype, 1), wide(inner, columns, dtype, 2)
    everything = multiply(a, w, "zero")
    for rows in (1, 2, 7, 8, 9, 16, 33, 64):
        torch.testing.assert_close(multiply(a[5 : 5 + rows], w, "zero"), everything[5 : 5 + rows], rtol=0, atol=0)


@DTYPES
def test_packing_a_transposed_weight_changes_nothing(dtype):
    a, w = wide(9, 131, dtype, 1), wide(131, 77, dtype, 2)
    torch.testing.assert_close(multiply(a, w, "zero", transposed=True), multiply(a, w, "zero"), rtol=0, atol=0)


@DTYPES
@pytest.mark.parametrize("rows", [0, 1, 191, 400])
@pytest.mark.parametrize("width", [1, 5, 50, 200])
@pytest.mark.parametrize("columns", [1, 2, 3, 7, 8, 9, 50, 130])
def test_outer_is_the_product_and_its_sums(columns, width, rows, dtype):
    a, b = wide(rows, width, dtype, 1), wide(rows, columns, dtype, 2)
    found, sums = outer(a, b, sums=True)
    assert_sums_to(found, a.double().t() @ b.double(), a.double().abs().t() @ b.double().abs(), rows)
    assert_sums_to(sums, a.double().sum(0), a.double().abs().sum(0), rows)
    torch.testing.assert_close(outer(a, b)[0], found, rtol=0, atol=0)


@DTYPES
@pytest.mark.parametrize("columns", [1, 7, 50, 130])
def test_outer_does_not_depend_on_how_it_is_shared(columns, dtype):
    a, b = wide(400, 203, dtype, 1), wide(400, columns, dtype, 2)
    whole, sums = outer(a, b, sums=True)
    for cuts in [(101,), (50, 101, 152), (3, 3, 202)]:
        shared, shared_sums = outer(a, b, cuts, sums=True)
        torch.testing.assert_close(shared, whole, rtol=0, atol=0)
        torch.testing.assert_close(shared_sums, sums, rtol=0, atol=0)


@DTYPES
@pytest.mark.parametrize("columns", [3, 50, 130])
def test_nan_reaches_its_own_row_and_no_other(columns, dtype):
    a, b = wide(40, 60, dtype, 1), wide(40, columns, dtype, 2)
    a[7, 3] = torch.nan
    assert outer(a, b)[0].isnan().all(1).nonzero().flatten().tolist() == [3]
    assert multiply(a, wide(60, columns, dtype, 3), "zero").isnan().any(1).nonzero().flatten().tolist() == [7]
