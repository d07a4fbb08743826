"""The native scans against the definition: outputs, gradients of both orders, ragged, reversed, compiled."""

from functools import partial

import pytest
import torch
from cases import GATES, TOLERANCE

from elman.kernels import Options, Weights, library
from elman.kernels.choose import IMPLEMENTATIONS
from elman.kernels.scan import native
from elman.kernels.scan.call import Scan
from elman.kernels.scan.operators import OWN, run

pytestmark = pytest.mark.skipif(library.native() is None, reason=library.which())

CELLS = ["indrnn_tanh", "indrnn_relu", "mingru", "minlstm", "rglru"]


def draw(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def close(found, expected, dtype):
    for name, right in expected.items():
        # By the largest number of all, as a gradient summed over a thousand steps has no digits near zero.
        scale = right.abs().max().clamp(min=1) if right.numel() else 1
        error = (found[name].double() - right).abs().max() if right.numel() else 0
        assert error <= TOLERANCE[dtype] * scale, f"{name}: {float(error)} against {float(scale)}"


def layer_case(cell, dtype, *, steps=7, rows=3, hidden=6, ways=2, lengths=None, spread=1.0):
    """Inputs of a layer, by name; spread makes gates saturate."""
    operation, _, activation = cell.partition("_")
    wide = GATES[operation] * hidden
    leaves = {"x": draw(steps, rows, 4, dtype=dtype) * spread, "h_0": draw(ways, rows, hidden, dtype=dtype, seed=1)}
    for way in range(ways):
        leaves[f"weight_ih {way}"] = draw(wide, 4, dtype=dtype, seed=2 + way) * 0.7
        leaves[f"bias_ih {way}"] = draw(wide, dtype=dtype, seed=4 + way)
        if operation in OWN:
            leaves[f"{OWN[operation]} {way}"] = draw(hidden, dtype=dtype, seed=6 + way) * 0.6
    return operation, Options(activation=activation or "tanh"), leaves, lengths


def run_layer(layer, options, leaves, lengths, dtype):
    leaves = {name: leaf.detach().to(dtype).requires_grad_() for name, leaf in leaves.items()}
    ways = len(leaves["h_0"])
    weights = tuple(
        Weights(**{name[:-2]: leaf for name, leaf in leaves.items() if name.endswith(f" {way}")}) for way in range(ways)
    )
    out = layer(leaves["x"], (leaves["h_0"],), weights, lengths=lengths, options=options)
    into = [draw(*out.y.shape, dtype=dtype, seed=8), draw(*leaves["h_0"].shape, dtype=dtype, seed=9)]
    gradients = torch.autograd.grad([out.y, out.state[0]], list(leaves.values()), into)
    return {"y": out.y, "h_n": out.state[0], **dict(zip(leaves, gradients, strict=True))}


SHAPES = [
    {},
    {"ways": 1, "hidden": 16},
    {"steps": 1, "rows": 1, "hidden": 1},
    {"hidden": 33, "rows": 17},
    {"hidden": 600, "rows": 2},
    {"steps": 200, "lengths": torch.tensor([200, 1, 77])},
    {"lengths": torch.tensor([3, 7, 1]), "hidden": 21},
    {"lengths": torch.tensor([2, 2, 2])},
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(shape) or "plain")
@pytest.mark.parametrize("cell", CELLS)
def test_layers_agree_with_the_definition(cell, shape, dtype):
    operation, options, leaves, lengths = layer_case(cell, dtype, **shape)
    expected = run_layer(IMPLEMENTATIONS["reference"][operation], options, leaves, lengths, torch.float64)
    found = run_layer(partial(native.layer, operation), options, leaves, lengths, dtype)
    close(found, expected, dtype)


@pytest.mark.parametrize("cell", ["mingru", "minlstm", "rglru"])
def test_gates_that_saturate_stay_right(cell):
    operation, options, leaves, lengths = layer_case(cell, torch.float64, spread=100.0)
    expected = run_layer(IMPLEMENTATIONS["reference"][operation], options, leaves, lengths, torch.float64)
    found = run_layer(partial(native.layer, operation), options, leaves, lengths, torch.float64)
    close(found, expected, torch.float64)
    leaves["x"] *= 100  # here the definition itself divides 0 by 0
    for dtype in (torch.float32, torch.float64):
        found = run_layer(partial(native.layer, operation), options, leaves, lengths, dtype)
        assert all(part.isfinite().all() for part in found.values())


def scan_by_hand(a, b, h_0, lengths, reverse):
    """The scan of each row by itself, step by step."""
    out, final = torch.zeros_like(a), []
    for row in range(a.shape[1]):
        h, end = h_0[row], a.shape[0] if lengths is None else int(lengths[row])
        for t in reversed(range(end)) if reverse else range(end):
            h = a[t, row] * h + b[t, row]
            out = out.index_put((torch.tensor(t), torch.tensor(row)), h)
        final.append(h)
    return out, torch.stack(final)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 1, 9])], ids=["padded", "ragged"])
def test_linear_scan_agrees_with_a_loop(lengths, reverse, dtype):
    values = {"a": draw(9, 3, 19, seed=1).sigmoid(), "b": draw(9, 3, 19, seed=2), "h_0": draw(3, 19, seed=3)}
    into = [draw(9, 3, 19, seed=4), draw(3, 19, seed=5)]
    results = []
    for scan, kind in ((scan_by_hand, torch.float64), (native.linear_scan, dtype)):
        leaves = {name: value.to(kind).requires_grad_() for name, value in values.items()}
        out = scan(*leaves.values(), lengths, reverse)
        gradients = torch.autograd.grad(out, list(leaves.values()), [g.to(kind) for g in into])
        results.append(dict(zip(["h", "h_n", *leaves], [*out, *gradients], strict=True)))
    close(results[1], results[0], dtype)


def test_linear_scan_starts_from_zeros_and_takes_strided_input():
    a, b = draw(19, 3, 6).transpose(0, 2), draw(6, 3, 38, seed=1)[..., ::2]
    found = native.linear_scan(a, b)
    expected = scan_by_hand(a, b, a.new_zeros(3, 19), None, False)
    assert all(torch.allclose(f, e, rtol=1e-12, atol=1e-12) for f, e in zip(found, expected, strict=True))


@pytest.mark.parametrize("steps, rows, hidden", [(0, 3, 4), (3, 0, 4), (3, 2, 0)])
def test_empty_scans(steps, rows, hidden):
    a = torch.ones(steps, rows, hidden, requires_grad=True)
    h_0 = draw(rows, hidden, dtype=torch.float32)
    h, h_n = native.linear_scan(a, a.detach(), h_0)
    assert h.shape == (steps, rows, hidden)
    assert steps or torch.equal(h_n, h_0)
    (h.sum() + h_n.sum()).backward()
    assert a.grad.shape == a.shape


@pytest.mark.parametrize("reverse", [False, True])
def test_what_lies_past_the_end_is_never_read(reverse):
    lengths = torch.tensor([4, 1, 6])
    a, b = draw(6, 3, 5).sigmoid(), draw(6, 3, 5, seed=1)
    past = torch.arange(6)[:, None] >= lengths
    clean, dirty = ([t.masked_fill(past[..., None], fill).requires_grad_() for t in (a, b)] for fill in (0, torch.nan))
    results = []
    for leaves in (clean, dirty):
        h, h_n = native.linear_scan(*leaves, lengths=lengths, reverse=reverse)
        results.append([h, h_n, *torch.autograd.grad(h.sum() + h_n.sum(), leaves)])
    assert all(torch.equal(c, d) for c, d in zip(*results, strict=True))
    assert not results[0][2][past].any()


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_never_reads_past_the_end(cell):
    operation, options, leaves, lengths = layer_case(cell, torch.float64, lengths=torch.tensor([4, 1, 7]))
    expected = run_layer(partial(native.layer, operation), options, leaves, lengths, torch.float64)
    leaves["x"][torch.arange(7)[:, None] >= lengths] = torch.nan
    found = run_layer(partial(native.layer, operation), options, leaves, lengths, torch.float64)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_nan_stays_in_its_column():
    a, b = torch.ones(4, 2, 40), torch.zeros(4, 2, 40)
    b[1, 0, 37] = torch.nan
    h, _ = native.linear_scan(a, b)
    spoilt = torch.zeros(4, 2, 40, dtype=torch.bool)
    spoilt[1:, 0, 37] = True
    assert torch.equal(h.isnan(), spoilt)


def test_results_do_not_depend_on_threads_or_neighbours():
    leaves = [draw(50, 9, 70, dtype=torch.float32).sigmoid(), draw(50, 9, 70, dtype=torch.float32, seed=1)]
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            results.append(native.linear_scan(*leaves)[0])
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])
    assert torch.equal(native.linear_scan(*(t[:, 4:5] for t in leaves))[0], results[0][:, 4:5])


@pytest.mark.parametrize("reverse", [False, True])
def test_results_too_large_for_the_caches_are_the_same(reverse):
    values = [draw(2100, 4, 512, dtype=torch.float32, seed=seed) for seed in range(3)]
    lengths = torch.tensor([2100, 3, 2099, 1000])
    results = []
    for rows in (slice(None), slice(2, 3)):
        a, b, into = (value[:, rows].detach().clone() for value in values)
        leaves = [a.sigmoid().requires_grad_(), b.requires_grad_()]
        h, h_n = native.linear_scan(*leaves, lengths=lengths[rows], reverse=reverse)
        results.append([h, h_n[None], *torch.autograd.grad(h, leaves, into)])
    assert results[0][0].nbytes > 2**24 > results[1][0].nbytes
    assert all(torch.equal(whole[:, 2:3], part) for whole, part in zip(*results, strict=True))


def op_inputs(cell, lengths):
    gates, ways = ({"linear": 1, "indrnn": 1, "mingru": 2}.get(cell.partition("_")[0], 3), 1 if cell == "linear" else 2)
    x = draw(4, 2, ways * gates * 3).requires_grad_()
    b = draw(4, 2, 3, seed=1).requires_grad_() if cell == "linear" else None
    own = draw(ways, 3, seed=2).requires_grad_() if cell.partition("_")[0] in OWN else None
    return cell, 0b10, lengths, x, b, draw(ways, 2, 3, seed=3).requires_grad_(), own


@pytest.mark.parametrize("cell", ["linear", *CELLS])
def test_gradients_of_both_orders(cell):
    for lengths in (None, torch.tensor([4, 2])):
        fixed = op_inputs(cell, lengths)
        leaves = [t for t in fixed[3:] if t is not None]

        def scan(*leaves, fixed=fixed):
            given = iter(leaves)
            return run(Scan(*fixed[:3], *(None if t is None else next(given) for t in fixed[3:])))

        assert torch.autograd.gradcheck(scan, leaves)
        assert torch.autograd.gradgradcheck(scan, leaves)


@pytest.mark.parametrize("cell", ["linear", "rglru", "mingru"])
@pytest.mark.parametrize("ragged", [False, True])
def test_the_operators_keep_torchs_contract(cell, ragged):
    inputs = op_inputs(cell, torch.tensor([4, 2]) if ragged else None)
    torch.library.opcheck(torch.ops.elman.scan.default, inputs)
    plain = [t.detach() if isinstance(t, torch.Tensor) else t for t in inputs]
    y, h_n = torch.ops.elman.scan(*plain)
    torch.library.opcheck(torch.ops.elman.scan_backward.default, (*plain, y, torch.ones_like(y), None))
    torch.library.opcheck(torch.ops.elman.scan_backward.default, (*plain, y, None, torch.ones_like(h_n)))


def test_compiled_whole():
    leaves = [draw(6, 2, 5).sigmoid().requires_grad_(), draw(6, 2, 5, seed=1).requires_grad_()]

    def loss(a, b):
        h, h_n = native.linear_scan(a * 2, b, reverse=True)
        return (h.sin().sum() + h_n.sum()) * 3

    expected = torch.autograd.grad(loss(*leaves), leaves)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert all(map(torch.equal, torch.autograd.grad(compiled(*leaves), leaves), expected))


def test_under_torch_func():
    a, b = draw(6, 2, 5).sigmoid(), draw(6, 2, 5, seed=1)
    found = torch.func.grad(lambda a: native.linear_scan(a, b)[0].sum())(a)
    expected = torch.func.grad(lambda a: scan_by_hand(a, b, a.new_zeros(2, 5), None, False)[0].sum())(a)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_lengths_are_checked_wherever_the_scan_runs():
    for dtype in (torch.float32, torch.bfloat16):
        with pytest.raises(ValueError, match="from 1 to 7, but 1 to T=6"):
            native.linear_scan(
                torch.ones(6, 2, 5, dtype=dtype), torch.ones(6, 2, 5, dtype=dtype), lengths=torch.tensor([1, 7])
            )


def test_other_types_and_missing_kernels_fall_back():
    a, b = draw(6, 2, 5).sigmoid(), draw(6, 2, 5, seed=1)
    h, _ = native.linear_scan(a.bfloat16(), b.bfloat16())
    assert h.dtype == torch.bfloat16
    assert torch.allclose(h.double(), native.linear_scan(a, b)[0], rtol=0.05, atol=0.05)
    assert "float16" in native.lacks("linear", "cpu", torch.float16, Options(), None)
    assert "meta" in native.lacks("mingru", "meta", torch.float32, Options(), None)
    assert "lstm" in native.lacks("lstm", "cpu", torch.float32, Options(), None)
    assert "clip" in native.lacks("indrnn", "cpu", torch.float32, Options(clip=1.0), None)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"b": torch.ones(4, 2, 3)}, "(4, 2, 3)"),
        ({"b": torch.ones(4, 2, 5, dtype=torch.float64)}, "float64"),
        ({"a": torch.ones(2, 5), "b": torch.ones(2, 5)}, "(2, 5)"),
        ({"a": torch.ones(4, 2, 5, dtype=torch.int64), "b": torch.ones(4, 2, 5, dtype=torch.int64)}, "int64"),
        ({"h_0": torch.ones(5)}, "h_0 is (5,)"),
        ({"lengths": torch.tensor([1])}, "2 integers"),
        ({"lengths": torch.tensor([1.0, 2.0])}, "float32"),
        ({"lengths": torch.tensor([0, 4])}, "from 0 to 4"),
        ({"lengths": torch.tensor([2, 5])}, "from 2 to 5"),
    ],
)
def test_refusals_name_what_was_given(change, words):
    given = {"a": torch.ones(4, 2, 5), "b": torch.ones(4, 2, 5)} | change
    with pytest.raises(ValueError) as refusal:
        native.linear_scan(**given)
    assert words in str(refusal.value)
