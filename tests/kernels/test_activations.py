"""The native activations against torch in higher precision: dense sweeps, the ends of the range, NaN."""

import ctypes
import math

import pytest
import torch

from elman.kernels import library

pytestmark = pytest.mark.skipif(library.native() is None, reason=library.which())

SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
SATURATES = {torch.float32: 86.0, torch.float64: 708.0}
ULPS = 4.0


def log1p_exp(x):
    return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))


TRUTH = {
    "exp": torch.exp,
    # Written so that it has all its digits on both sides; torch's own is some ulps off in float64.
    "sigmoid": lambda x: torch.where(x < 0, torch.exp(x.clamp(max=0)), 1) / (1 + torch.exp(-x.abs())),
    "tanh": torch.tanh,
    "softplus": log1p_exp,
    "log_sigmoid": lambda x: -log1p_exp(-x),
}


def native(name, x):
    y = torch.empty_like(x)
    apply = getattr(library.native(), f"elman_apply_{name}_{SUFFIX[x.dtype]}")
    apply(ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(y.data_ptr()), ctypes.c_int64(len(x)))
    return y


def sweep(dtype):
    """Evenly over the range, densely where it bends, and by magnitude down to the tiniest."""
    end = SATURATES[dtype] * 0.999
    tiny = torch.logspace(-30, math.log10(end), 100_000, dtype=torch.float64)
    spread = torch.linspace(-end, end, 500_000, dtype=torch.float64)
    return torch.cat([spread, torch.linspace(-5, 5, 500_000, dtype=torch.float64), tiny, -tiny]).to(dtype)


def ulps(found, right, dtype):
    """How many units of the last place of `dtype` lie between."""
    _, exponent = torch.frexp(right)
    unit = torch.ldexp(torch.ones_like(right), exponent - (24 if dtype == torch.float32 else 53))
    return (found.double() - right).abs() / unit


@pytest.mark.parametrize("dtype", SUFFIX, ids=str)
@pytest.mark.parametrize("name", TRUTH)
def test_within_four_ulps(name, dtype):
    x = sweep(dtype)
    right = TRUTH[name](x.double())
    normal = right.abs() >= torch.finfo(dtype).tiny
    assert normal.float().mean() > 0.9
    error = ulps(native(name, x), right, dtype)[normal]
    # torch's float64 is the yardstick of float64 too, and itself about an ulp off.
    allowed = ULPS if dtype == torch.float32 else ULPS + 1
    assert error.max() <= allowed, f"{float(error.max()):.2f} ulps at {float(x[normal][error.argmax()])}"


@pytest.mark.parametrize("dtype", SUFFIX, ids=str)
def test_the_ends_of_the_range(dtype):
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30, -1e30, 0.0], dtype=dtype)
    nan, inf, tiny = torch.nan, torch.inf, math.exp(-SATURATES[dtype])
    expected = {
        "exp": [nan, inf, 0, inf, 0, 1],
        "sigmoid": [nan, 1, tiny, 1, tiny, 0.5],
        "tanh": [nan, 1, -1, 1, -1, 0],
        "softplus": [nan, inf, 0, x[3], 0, math.log(2)],
        "log_sigmoid": [nan, 0, -inf, 0, x[4], -math.log(2)],
    }
    for name, right in expected.items():
        torch.testing.assert_close(native(name, x), torch.tensor(right, dtype=dtype), equal_nan=True, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", SUFFIX, ids=str)
def test_exp_runs_out_gradually(dtype):
    numbers = torch.finfo(dtype)
    last, least = math.log(numbers.max), math.log(numbers.tiny)
    x = torch.tensor([last * (1 - 4 * numbers.eps), last * (1 + 4 * numbers.eps), least - 3, least - 40], dtype=dtype)
    y = native("exp", x)
    assert y[0].isfinite() and y[1].isinf()
    assert 0 < y[2] < numbers.tiny and y[3] == 0
    assert abs(float(y[2]) / math.exp(float(x[2])) - 1) < 1e-5


@pytest.mark.parametrize("name", TRUTH)
def test_any_count_and_nothing_beyond_it(name):
    x = torch.linspace(-2, 2, 40)
    whole = native(name, x)
    for count in range(34):
        part = torch.full((40,), 7.0)
        apply = getattr(library.native(), f"elman_apply_{name}_f32")
        apply(ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(part.data_ptr()), ctypes.c_int64(count))
        assert torch.equal(part[:count], whole[:count]) and bool((part[count:] == 7).all())
