"""Every operation, option and implementation against the reference in float64, by name.

The reference itself is held to torch.nn and to finite differences; planted mistakes show that the comparison
sees.
"""

from functools import cache, partial
from typing import NamedTuple

import pytest
import torch
from torch import sigmoid, tanh
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.kernels import Weights, torch_native
from elman.kernels.choose import IMPLEMENTATIONS
from elman.kernels.gru import reference as gru
from elman.kernels.lstm import reference as lstm
from elman.kernels.rnn import reference as rnn
from elman.kernels.time_loop import both_ways, over_time

# torch says once, for a projection in float32, which of its own kernels it takes.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
ROWS, FEATURES = 3, 4
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


class Case(NamedTuple):
    operation: str
    activation: str | None = None
    projected: bool = False
    steps: int = 7
    hidden: int = 5
    ragged: bool = False
    ways: int = 2
    bias: bool = True
    contiguous: bool = True

    def __str__(self):
        words = [self.operation, self.activation, f"T{self.steps}", f"H{self.hidden}", f"D{self.ways}"]
        flags = {"projected": self.projected, "ragged": self.ragged, "no-bias": not self.bias}
        flags["strided"] = not self.contiguous
        return "-".join([w for w in words if w] + [name for name, on in flags.items() if on])

    @property
    def lengths(self):
        return torch.tensor([(self.steps + 1) // 2, 1, self.steps]) if self.ragged else None

    @property
    def out(self):
        return 2 if self.projected else self.hidden


CELLS = [
    Case("rnn", "tanh"),
    Case("rnn", "relu"),
    Case("rnn", "sigmoid"),
    Case("lstm"),
    Case("lstm", projected=True),
    Case("gru"),
]
SHAPES = [(steps, hidden) for steps in (1, 2, 7, 64) for hidden in (1, 5, 33)]
OPTIONS = [{"ways": 1}, {"bias": False}, {"contiguous": False}, {"ways": 1, "ragged": True}]
OPTIONS += [{"bias": False, "ragged": True}, {"contiguous": False, "ragged": True}]
CASES = [
    cell._replace(steps=steps, hidden=hidden, ragged=ragged)
    for cell in CELLS
    for steps, hidden in SHAPES
    for ragged in (False, True)
    if not (cell.projected and hidden < 3)
] + [cell._replace(**options) for cell in CELLS for options in OPTIONS]


@cache
def tensors(case):
    """The case's leaves by name (x, h_0, c_0, the weights) and the gradients that flow into its results."""
    random = torch.Generator().manual_seed(sum(map(ord, str(case))))

    def draw(*shape, scale=1.0):
        # float32's numbers in float64, so that every implementation starts from the very same ones.
        return (torch.randn(shape, generator=random) * scale).double()

    # Half of 1/√H keeps units from saturating, where 1 - h² loses float32's digits whoever computes it.
    rows, weight = GATES[case.operation] * case.hidden, partial(draw, scale=0.5 * case.hidden**-0.5)
    leaves = {"x": draw(case.steps, ROWS, FEATURES), "h_0": draw(case.ways, ROWS, case.out)}
    results = {"y": (case.steps, ROWS, case.ways * case.out), "h_n": (case.ways, ROWS, case.out)}
    if case.operation == "lstm":
        leaves["c_0"], results["c_n"] = draw(case.ways, ROWS, case.hidden), (case.ways, ROWS, case.hidden)
    # Positive, because a sum that cancels by chance has no digits to compare where H = T = 1.
    into = {name: draw(*shape).abs() + 0.5 for name, shape in results.items()}
    for way in ("", "_reverse")[: case.ways]:
        leaves[f"weight_ih{way}"] = weight(rows, FEATURES)
        leaves[f"weight_hh{way}"] = weight(rows, case.out)
        if case.bias:
            leaves[f"bias_ih{way}"], leaves[f"bias_hh{way}"] = (weight(rows) for _ in range(2))
        if case.projected:
            leaves[f"weight_hr{way}"] = weight(case.out, case.hidden)
    return leaves, into


def outcome(layer, case, dtype):
    """Run `layer` and name what comes out: y, h_n, c_n and, through a gradient into each, every gradient."""
    values, into = tensors(case)
    leaves = {name: value.to(dtype).requires_grad_() for name, value in values.items()}
    x, h_0, c_0 = leaves["x"], leaves["h_0"], leaves.get("c_0")
    if not case.contiguous:
        x, h_0 = (torch.stack([t, t], -1)[..., 0] for t in (x, h_0))
        assert not x.is_contiguous()
    weights = tuple(
        Weights(**{name: leaves[name + way] for name in Weights._fields if name + way in leaves})
        for way in ("", "_reverse")[: case.ways]
    )
    options = {"activation": case.activation} if case.activation else {}
    y, state = layer(x, (h_0,) if c_0 is None else (h_0, c_0), weights, lengths=case.lengths, **options)
    results = {"y": y, **dict(zip(("h_n", "c_n"), state, strict=False))}
    assert results.keys() == into.keys()
    loss = sum((result * into[name].to(dtype)).sum() for name, result in results.items())
    gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
    results |= {f"gradient of {name}": g for name, g in zip(leaves, gradients, strict=True)}
    return {name: result.detach() for name, result in results.items()}


@cache
def truth(case):
    return outcome(IMPLEMENTATIONS["reference"][case.operation], case, torch.float64)


def assert_agrees(found, expected, dtype):
    for name, right in expected.items():
        assert found[name].dtype == dtype
        assert found[name].shape == right.shape, name
        error = (found[name].double() - right).abs().max() / right.abs().max().clamp(min=1e-30)
        assert error <= TOLERANCE[dtype], f"{name} is off by {error:.1e} of its largest value"


def torch_module(case):
    """torch.nn's own module as one more implementation of the case's layer."""

    def layer(x, state, weights, *, lengths, activation=None):
        kind, options = case.operation.upper(), {"bidirectional": case.ways == 2, "bias": case.bias}
        if activation:
            options["nonlinearity"] = activation
        if case.projected:
            options["proj_size"] = case.out
        module = getattr(torch.nn, kind)(FEATURES, case.hidden, dtype=x.dtype, **options)
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
        return y, final if isinstance(final, tuple) else (final,)

    return layer


def implementations(case):
    """Every way to compute the case, by name; the reference in float64 is the truth and not among them."""
    everywhere = (torch.float32, torch.float64)
    found = [("reference", IMPLEMENTATIONS["reference"][case.operation], (torch.float32,))]
    if case.activation != "sigmoid":
        found += [("torch.nn", torch_module(case), everywhere)]
        found += [
            (name, own[case.operation], everywhere) for name, own in IMPLEMENTATIONS.items() if name != "reference"
        ]
    return [
        pytest.param(case, layer, dtype, id=f"{case}-{name}-{str(dtype)[6:]}")
        for name, layer, dtypes in found
        for dtype in dtypes
    ]


@pytest.mark.parametrize(("case", "layer", "dtype"), [run for case in CASES for run in implementations(case)])
def test_agrees_with_the_reference_in_float64(case, layer, dtype):
    assert_agrees(outcome(layer, case, dtype), truth(case), dtype)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_the_simple_step_is_its_equation(activation):
    x, h, w, u, b, c = (torch.randn(*shape).double() for shape in [(2, 3), (2, 4), (4, 3), (4, 4), (4,), (4,)])
    f = {"tanh": torch.tanh, "relu": lambda a: a.clamp(min=0), "sigmoid": lambda a: 1 / (1 + (-a).exp())}
    (found,) = rnn.step(x, (h,), Weights(w, u, b, c), activation=activation)
    torch.testing.assert_close(found, f[activation](x @ w.T + b + h @ u.T + c))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_reference_passes_gradcheck(cell, reverse):
    case = cell._replace(steps=3, hidden=3, ways=1, ragged=True)
    values, _ = tensors(case)
    layer = {"rnn": rnn, "lstm": lstm, "gru": gru}[case.operation].layer
    states = [name for name in ("h_0", "c_0") if name in values]
    names = [name for name in values if name not in ("x", *states)]
    options = {"activation": case.activation} if case.activation else {}

    def run(x, *rest):
        state, weights = rest[: len(states)], Weights(**dict(zip(names, rest[len(states) :], strict=True)))
        y, final = layer(x, state, weights, lengths=case.lengths, reverse=reverse, **options)
        return y, *final

    leaves = [values["x"], *(values[name][0] for name in states), *(values[name] for name in names)]
    assert torch.autograd.gradcheck(run, [leaf.clone().requires_grad_() for leaf in leaves])


@pytest.mark.parametrize("implementation", list(IMPLEMENTATIONS))
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.activation != "sigmoid"], ids=str)
def test_what_lies_past_a_row_s_end_is_never_read(cell, implementation):
    case = cell._replace(ragged=True)
    past = torch.arange(case.steps)[:, None] >= case.lengths
    layer = IMPLEMENTATIONS[implementation][case.operation]

    def poisoned(x, *rest, **options):
        y, state = layer(x.masked_fill(past[..., None], torch.nan), *rest, **options)
        assert (y[past] == 0).all()
        return y, state

    found = outcome(poisoned, case, torch.float64)
    assert_agrees(found, truth(case), torch.float64)
    assert (found["gradient of x"][past] == 0).all()


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.activation != "sigmoid"], ids=str)
def test_equal_lengths_take_the_padded_kernel(cell, monkeypatch):
    case = cell._replace(ragged=True)

    def short(layer):
        return lambda *given, **options: layer(*given, **options | {"lengths": torch.full((ROWS,), 4)})

    native = IMPLEMENTATIONS["torch"][case.operation]
    expected = outcome(short(IMPLEMENTATIONS["reference"][case.operation]), case, torch.float64)
    dimensions = []
    kernel = torch_native.KERNELS[case.operation, case.activation]
    monkeypatch.setitem(
        torch_native.KERNELS,
        (case.operation, case.activation),
        lambda x, *rest: dimensions.append(x.dim()) or kernel(x, *rest),
    )
    assert_agrees(outcome(short(native), case, torch.float64), expected, torch.float64)
    outcome(native, case, torch.float64)
    assert dimensions == [3, 2], "the padded kernel reads (T, B, F), the packed one (steps, F)"


def with_weights(operation, change):
    """A layer whose weights are changed before the reference runs."""

    def layer(x, state, weights, **options):
        return IMPLEMENTATIONS["reference"][operation](x, state, tuple(map(change, weights)), **options)

    return layer


def with_step(step):
    """A layer in which `step` stands in for the reference's."""

    def one_way(x, state, weights, **options):
        return over_time(lambda x_t, before: step(x_t, before, weights), x, state, **options)

    return partial(both_ways, one_way)


def with_options(operation, **changes):
    """A layer in which the reference's options are changed."""
    one_way = {"rnn": rnn, "lstm": lstm, "gru": gru}[operation].layer

    def changed(x, state, weights, **options):
        for name, change in changes.items():
            options[name] = change(options[name])
        return one_way(x, state, weights, **options)

    return partial(both_ways, changed)


def gates_in_order(*order):
    """Each weight with its gates in another order; a projection has none."""

    def change(weights):
        moved = {
            name: torch.cat([w.chunk(len(order))[gate] for gate in order])
            for name, w in weights._asdict().items()
            if w is not None and name != "weight_hr"
        }
        return weights._replace(**moved)

    return change


def gru_by_parts(x, h, w):
    return linear(x, w.weight_ih, w.bias_ih).chunk(3, -1), linear(h, w.weight_hh, w.bias_hh).chunk(3, -1)


def reset_before(x, state, w):
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, _) = gru_by_parts(x, h, w)
    z, n_rows = sigmoid(x_z + h_z), slice(2 * h.shape[-1], None)
    n = tanh(x_n + linear(sigmoid(x_r + h_r) * h, w.weight_hh[n_rows], w.bias_hh[n_rows]))
    return ((1 - z) * n + z * h,)


def update_inverted(x, state, w):
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = gru_by_parts(x, h, w)
    z, n = sigmoid(x_z + h_z), tanh(x_n + sigmoid(x_r + h_r) * h_n)
    return (z * n + (1 - z) * h,)


def cell_state_detached(x, state, w):
    h, c = lstm.step(x, (state[0], state[1].detach()), w)
    return h, c


def final_state_detached(x, state, weights, **options):
    y, final = IMPLEMENTATIONS["reference"]["gru"](x, state, weights, **options)
    return y, tuple(s.detach() + 0 * y.sum() for s in final)


def final_state_is_the_last_output(x, state, weights, **options):
    y, (h,) = IMPLEMENTATIONS["reference"]["rnn"](x, state, weights, **options)
    return y, (y[-1].unflatten(-1, (len(h), -1)).transpose(0, 1),)


MUTANTS = {
    "LSTM gates i o f g": ("lstm", with_weights("lstm", gates_in_order(0, 3, 1, 2))),
    "LSTM gates i f o g, as in ONNX and Keras": ("lstm", with_weights("lstm", gates_in_order(0, 1, 3, 2))),
    "LSTM cell state cut off from its past": ("lstm", with_step(cell_state_detached)),
    "GRU gates z r n": ("gru", with_weights("gru", gates_in_order(1, 0, 2))),
    "GRU reset before the product": ("gru", with_step(reset_before)),
    "GRU update gate inverted": ("gru", with_step(update_inverted)),
    "GRU no gradient from the final state": ("gru", final_state_detached),
    "RNN second bias forgotten": ("rnn", with_weights("rnn", lambda w: w._replace(bias_hh=w.bias_hh * 0))),
    "RNN final state taken at T": ("rnn", final_state_is_the_last_output),
    **{
        f"{operation} {name}": (operation, with_options(operation, **change))
        for operation in ("rnn", "lstm", "gru")
        for name, change in {
            "lengths one too long": {"lengths": lambda lengths: lengths + 1},
            "lengths one too short": {"lengths": lambda lengths: lengths - 1},
            "lengths ignored": {"lengths": lambda lengths: None},
            "reverse ignored": {"reverse": lambda reverse: False},
        }.items()
    },
}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_planted_mistakes_are_seen(mutant, dtype):
    operation, layer = MUTANTS[mutant]
    case = Case(operation, "tanh" if operation == "rnn" else None, ragged=True)
    with pytest.raises(AssertionError, match="is off by"):
        assert_agrees(outcome(layer, case, dtype), truth(case), dtype)


@pytest.mark.parametrize(("operation", "step"), [("lstm", lstm.step), ("gru", gru.step)], ids=["lstm", "gru"])
def test_mutants_are_caught_for_their_mistake_alone(operation, step):
    case = Case(operation, ragged=True)
    assert_agrees(outcome(with_step(step), case, torch.float64), truth(case), torch.float64)
    unchanged = with_weights(operation, gates_in_order(*range(GATES[operation])))
    assert_agrees(outcome(unchanged, case, torch.float64), truth(case), torch.float64)
