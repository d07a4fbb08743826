"""Gradients of the native layers: of both orders, of any part, through ties, and refused where torch refuses them."""

import pytest
import torch
from cases import GATED as GATED_CELLS
from cases import Case, tensors
from runs import EVERYTHING_OF_AN_LSTM, GATED, PLAIN, SCANS, close, gradients, into, leaves_of, run, same_bits
from torch.utils.checkpoint import checkpoint

from elman import kernels, nn
from elman.kernels import library

pytestmark = pytest.mark.skipif(library.native() is None, reason=library.which())

ALL = [*GATED, *SCANS]
SMALL = [case._replace(steps=3, rows=2, hidden=4 if "heads" in case.also else 3) for case in ALL]
EACH = pytest.mark.parametrize("case", PLAIN, ids=str)
EVERY = pytest.mark.parametrize("case", ALL, ids=str)


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_gradients_are_those_of_finite_differences_twice(case):
    leaves = leaves_of(case)

    def layer(*values):
        return tuple(run(case, dict(zip(leaves, values, strict=True))).values())

    # A random direction in place of every one: these have a hundred numbers.
    assert torch.autograd.gradcheck(layer, tuple(leaves.values()), fast_mode=True)
    assert torch.autograd.gradgradcheck(layer, tuple(leaves.values()), fast_mode=True)


@EVERY
def test_a_graph_of_the_gradient_has_the_same_gradient(case):
    leaves = leaves_of(case)
    plain = gradients(case, run(case, leaves), leaves)
    close(gradients(case, run(case, leaves), leaves, create_graph=True), plain)


@EVERY
def test_gradients_of_gradients_are_the_reference_s(case):
    found = []
    for implementation in ("native", "reference"):
        leaves = leaves_of(case)
        first = gradients(case, run(case, leaves, implementation), leaves, create_graph=True)
        penalty = sum((g * draw(*g.shape, seed=1)).sum() ** 2 for g in first.values())
        second = torch.autograd.grad(penalty, list(leaves.values()), allow_unused=True, materialize_grads=True)
        found.append(dict(zip(leaves, second, strict=True)))
    close(*found, tolerance=1e-9)


def on_each(compute):
    """What `compute` gives on the native library and by definition."""
    made = []
    for implementation in ("native", "reference"):
        with kernels.use(implementation):
            made.append(dict(enumerate(compute())))
    return made


@pytest.mark.parametrize("lengths", [None, [5, 2, 4]], ids=["padded", "ragged"])
def test_a_gradient_penalty_through_a_stack(lengths):
    critic = nn.GRU(3, 4, 2, bidirectional=True, dtype=torch.float64)
    parameters = list(critic.parameters())

    def penalty():
        x = draw(5, 3, 3).requires_grad_()
        score = critic(x, lengths=lengths)[0].square().sum()
        (slope,) = torch.autograd.grad(score, x, create_graph=True)
        loss = score + 10 * (slope.square().sum((0, 2)).sqrt() - 1).square().mean()
        return [slope, *torch.autograd.grad(loss, [*parameters, x])]

    close(*on_each(penalty))


def test_tied_weights_gather_both_gradients_of_both_orders():
    module = nn.GRU(4, 4, 2, bidirectional=True, dtype=torch.float64)
    del module.weight_hh_l1, module.weight_hh_l0_reverse
    module.weight_hh_l1 = module.weight_hh_l0_reverse = tied = module.weight_hh_l0

    def twice():
        y, _ = module(draw(5, 3, 4))
        (slope,) = torch.autograd.grad(y.square().sum(), tied, create_graph=True)
        return [slope, *torch.autograd.grad(slope.square().sum(), list(module.parameters()))]

    close(*on_each(twice))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "SLSTM", "MinGRU", "RGLRU"])
def test_an_input_made_of_a_weight_counts_once(name):
    module = getattr(nn, name)(4, 4, dtype=torch.float64)
    weight = module.weight_ih_l0

    def twice():
        x = draw(5, 3, len(weight)) @ weight
        y, _ = module(x)
        (slope,) = torch.autograd.grad(y.square().sum(), weight, create_graph=True)
        return [slope, *torch.autograd.grad(slope.square().sum(), list(module.parameters()))]

    close(*on_each(twice))


ONE_LEAF = [
    pytest.param(case, name, id=f"{case.operation}-{name}")
    for case in (Case("lstm", EVERYTHING_OF_AN_LSTM, ragged=True), Case("gru"), Case("rnn"), *SCANS, Case("slstm"))
    for name in tensors(case)[0]
    if not name.endswith("_reverse")
]


@pytest.mark.parametrize(("case", "name"), ONE_LEAF)
def test_one_leaf_alone(case, name):
    leaves = leaves_of(case)
    expected = gradients(case, run(case, leaves), leaves)[name]
    alone = {other: leaf.detach().requires_grad_(other == name) for other, leaf in leaves.items()}
    results = run(case, alone)
    into_results = into(case, results)
    (found,) = torch.autograd.grad(list(results.values()), alone[name], into_results, retain_graph=True)
    assert torch.equal(found, expected)
    # The same through the graph of the gradient, which holds no more than this leaf.
    (found,) = torch.autograd.grad(list(results.values()), alone[name], into_results, create_graph=True)
    torch.testing.assert_close(found.detach(), expected, rtol=1e-10, atol=1e-10)


ONE_RESULT = [
    pytest.param(case, name, id=f"{case.operation}-{name}")
    for case in (Case("lstm", ("cells", "projection"), ragged=True), Case("gru"), Case("slstm"), *SCANS)
    for name in tensors(case)[2]
]


@pytest.mark.parametrize(("case", "name"), ONE_RESULT)
def test_through_one_result_alone(case, name):
    found = []
    for implementation in ("native", "reference"):
        leaves = leaves_of(case)
        results = run(case, leaves, implementation)
        found.append(gradients(case, {name: results[name]}, leaves))
    close(*found)


def spread(tensor, how):
    """The same numbers, not side by side in memory."""
    if how == "strided":
        return torch.stack([tensor, tensor], -1)[..., 0]
    if how == "turned":
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    return tensor[:1].expand(tensor.shape)


@pytest.mark.parametrize("how", ["strided", "turned", "expanded"])
@EVERY
def test_memory_may_lie_in_any_way(case, how):
    case = case._replace(ragged=False)
    spread_out = {name: spread(leaf.detach(), how) for name, leaf in leaves_of(case).items()}
    assert not spread_out["x"].is_contiguous()
    answers = []
    for values in (spread_out, {name: leaf.contiguous() for name, leaf in spread_out.items()}):
        leaves = {name: value.detach().requires_grad_() for name, value in values.items()}
        results = run(case, leaves)
        given = [spread(g, how) for g in into(case, results)]
        given = given if values is spread_out else [g.contiguous() for g in given]
        found = torch.autograd.grad(list(results.values()), list(leaves.values()), given)
        answers.append({**results, **{f"gradient of {name}": g for name, g in zip(leaves, found, strict=True)}})
    same_bits(*answers)


@EVERY
def test_the_graph_may_be_kept_and_walked_again(case):
    leaves = leaves_of(case)
    results = run(case, leaves)
    first = gradients(case, results, leaves, retain_graph=True)
    gradients(case, other := run(case, leaves), leaves, retain_graph=True)
    same_bits(gradients(case, results, leaves), first)
    same_bits(gradients(case, other, leaves), first)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        gradients(case, results, leaves)


@EACH
def test_what_was_changed_in_between_is_refused(case):
    # What a scan reads of its weights is made of them before, and the gradient needs that alone.
    saved = ["y", "x", "h_0", *(["weight_ih", "weight_hh"] if case.operation in (*GATED_CELLS, "slstm") else [])]
    for name in saved:
        leaves = leaves_of(case)
        values = {other: leaf * 1 for other, leaf in leaves.items()}
        results = run(case, values)
        (results["y"] if name == "y" else values[name]).mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            gradients(case, results, leaves)


@pytest.mark.parametrize("part", ["lengths", "drop", "zone_h", "zone_c"])
def test_lengths_and_masks_that_were_changed_are_refused(part, monkeypatch):
    case = Case("lstm", ("drop", "zoneout", "zoneout of c"), ragged=True)
    leaves, lengths, seen = leaves_of(case), case.lengths, {}
    own = kernels.choose.__globals__["IMPLEMENTATIONS"]["native"]["lstm"]

    def watch(*given, lengths, options):
        seen.update(lengths=lengths, **options._asdict())
        return own(*given, lengths=lengths, options=options)

    monkeypatch.setitem(kernels.choose.__globals__["IMPLEMENTATIONS"]["native"], "lstm", watch)
    results = run(case, leaves, lengths=lengths)
    seen[part].clamp_(max=0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        gradients(case, results, leaves)


def test_cells_are_the_caller_s_to_change():
    case = Case("lstm", ("cells",))
    leaves = leaves_of(case)
    expected = gradients(case, run(case, leaves), leaves)
    results = run(case, leaves)
    with torch.no_grad():
        results["cells"].zero_()
    same_bits(gradients(case, results, leaves), expected)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RGLRU"])
def test_checkpoints_give_the_same_gradients(name):
    module, x = getattr(nn, name)(4, 5, 2, dtype=torch.float64), draw(6, 3, 4).requires_grad_()
    leaves = [x, *module.parameters()]
    expected = torch.autograd.grad(module(x)[0].square().sum(), leaves)
    found = torch.autograd.grad(checkpoint(module, x, use_reentrant=False)[0].square().sum(), leaves)
    assert all(map(torch.equal, found, expected))


SIZES = [{"steps": 1}, {"hidden": 1}, {"rows": 1}, {"hidden": 17}, {"hidden": 131, "rows": 2}, {"rows": 70, "steps": 3}]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "-".join(f"{k}{v}" for k, v in size.items()))
@EACH
def test_sizes_at_the_edges(case, size):
    case = case._replace(ragged=True, **size)
    found = []
    for implementation in ("native", "reference"):
        leaves = leaves_of(case)
        results = run(case, leaves, implementation)
        found.append({**results, **gradients(case, results, leaves)})
    close(*found)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "SLSTM", "IndRNN", "MinGRU", "MinLSTM", "RGLRU"])
def test_one_feature(name):
    module = getattr(nn, name)(1, 3, dtype=torch.float64)
    close(*on_each(lambda: torch.autograd.grad(module(draw(5, 2, 1))[0].square().sum(), list(module.parameters()))))
