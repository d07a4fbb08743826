"""Steppers against the references run over time, from random states; native and by definition."""

import copy
import ctypes

import pytest
import torch

from elman.kernels import Options, Weights, library
from elman.kernels.choose import IMPLEMENTATIONS
from elman.kernels.stepper import NativeStepper, ReferenceStepper, stepper

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
INPUTS, STEPS = 7, 9

CASES = [
    ("rnn", {"activation": "tanh"}, ()),
    ("rnn", {"activation": "relu"}, ("zoneout",)),
    ("rnn", {"activation": "sigmoid", "clip": 0.3}, ("layer norm",)),
    ("lstm", {}, ()),
    ("lstm", {}, ("no bias",)),
    ("lstm", {}, ("projection",)),
    ("lstm", {"clip": 0.3}, ("peephole",)),
    ("lstm", {}, ("zoneout",)),
    ("lstm", {}, ("layer norm", "no bias")),
    ("lstm", {"clip": 0.5}, ("layer norm", "projection", "peephole", "zoneout")),
    ("gru", {}, ()),
    ("gru", {"clip": 0.3}, ("zoneout",)),
    ("gru", {}, ("layer norm",)),
    ("gru", {"reset": "before"}, ()),
    ("gru", {"reset": "before", "clip": 0.3}, ("zoneout", "no bias")),
]


@pytest.fixture(params=["native", "reference"])
def kind(request, monkeypatch):
    if request.param == "reference":
        monkeypatch.setattr(library, "native", lambda: None)
        return ReferenceStepper
    if library.native() is None:
        pytest.skip(library.which())
    return NativeStepper


def draw(*shape, dtype=torch.float32):
    return torch.randn(shape).to(dtype)


def make_weights(operation, hidden, inputs, also=(), dtype=torch.float32):
    wide, out = GATES[operation] * hidden, (hidden + 1) // 2 if "projection" in also else hidden
    shapes = {"weight_ih": (wide, inputs), "weight_hh": (wide, out)}
    if "no bias" not in also:
        shapes |= {"bias_ih": (wide,), "bias_hh": (wide,)}
    if "projection" in also:
        shapes["weight_hr"] = (out, hidden)
    if "peephole" in also:
        shapes["weight_ch"] = (3 * hidden,)
    if "layer norm" in also:
        shapes |= {"gain_ih": (wide,), "gain_hh": (wide,)}
        if operation == "lstm":
            shapes["gain_c"] = (hidden,)
            if "no bias" not in also:
                shapes["bias_c"] = (hidden,)
    return Weights(**{name: 0.5 * hidden**-0.5 * draw(*shape, dtype=dtype) for name, shape in shapes.items()})


def over_time(operation, x, state, layers, options, zoneout=(0.0, 0.0), residual=False):
    """The layers one after another by their references: y (T, B, P) and each part of the state (L, B, .)."""
    finals = []
    for number, weights in enumerate(layers):
        own = tuple(part[number : number + 1] for part in state)
        zones = [x.new_full((1, len(x), *part.shape[1:]), p) for part, p in zip(own, zoneout, strict=False)]
        masked = options._replace(**dict(zip(("zone_h", "zone_c"), zones, strict=False)))
        found = IMPLEMENTATIONS["reference"][operation](x, own, (weights,), options=masked)
        finals.append(found.state)
        x = x + found.y if residual and x.shape == found.y.shape else found.y
    return x, tuple(map(torch.cat, zip(*finals, strict=True)))


def step_through(made, x):
    return torch.stack([made.step(x_t).clone() for x_t in x])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("hidden", [1, 5, 33, 144])
@pytest.mark.parametrize(("operation", "settings", "also"), CASES, ids=str)
def test_steps_are_those_of_the_reference_over_time(kind, operation, settings, also, hidden, rows, dtype):
    if hidden == 1 and {"layer norm", "projection"} & set(also):
        pytest.skip("one unit has no spread to normalise, and nothing to project to")
    torch.manual_seed(len(also) + hidden)
    layers = [make_weights(operation, hidden, INPUTS, also, dtype)]
    out = layers[0].weight_hh.shape[1]
    layers.append(make_weights(operation, hidden, out, also, dtype))
    sizes = (out, hidden) if operation == "lstm" else (out,)
    zoneout = (0.2, 0.1) if "zoneout" in also else (0.0, 0.0)
    options, x = Options(**settings), draw(STEPS, rows, INPUTS, dtype=dtype)
    first = tuple(draw(2, rows, size, dtype=dtype) for size in sizes)

    made = stepper(operation, layers, sizes, rows, options=options, zoneout=zoneout, residual=True)
    made.state = first
    y = step_through(made, x)

    assert type(made) is kind
    expected, final = over_time(operation, x, first, layers, options, zoneout, residual=True)
    torch.testing.assert_close(y, expected, rtol=0, atol=TOLERANCE[dtype])
    for part, right in zip(made.state, final, strict=True):
        torch.testing.assert_close(part, right, rtol=0, atol=TOLERANCE[dtype])


def test_residual_sums_skip_a_layer_that_changes_the_size(kind):
    torch.manual_seed(0)
    layers = [make_weights("gru", 6, 6), make_weights("gru", 6, 6)]
    x, first = draw(STEPS, 2, 6), (torch.zeros(2, 2, 6),)
    y = step_through(stepper("gru", layers, (6,), 2, residual=True), x)
    torch.testing.assert_close(y, over_time("gru", x, first, layers, Options(), residual=True)[0], rtol=0, atol=1e-6)
    plain = over_time("gru", x, first, layers, Options())[0]
    assert (y - plain).abs().max() > 0.1


@pytest.mark.parametrize("operation", GATES)
def test_a_row_does_not_depend_on_how_many_there_are(kind, operation):
    if kind is ReferenceStepper:
        pytest.skip("torch's products do not promise that")
    torch.manual_seed(0)
    layers, sizes = [make_weights(operation, 50, INPUTS)], (50, 50) if operation == "lstm" else (50,)
    x = draw(STEPS, 3, INPUTS)
    together = step_through(stepper(operation, layers, sizes, 3), x)
    for row in range(3):
        alone = step_through(stepper(operation, layers, sizes), x[:, row : row + 1])
        assert torch.equal(alone[:, 0], together[:, row])


@pytest.fixture
def made(kind):
    torch.manual_seed(0)
    return stepper("lstm", [make_weights("lstm", 6, INPUTS), make_weights("lstm", 6, 6)], (6, 6), 2)


def test_y_is_one_buffer(made):
    x = draw(2, INPUTS)
    first = made.step(x)
    kept = first.clone()
    assert made.step(x) is first
    assert not torch.equal(first, kept)


def test_what_is_done_to_y_does_not_reach_the_state(made):
    x = draw(3, 2, INPUTS)
    right = step_through(made, x)
    made.reset()
    for t in range(3):
        y = made.step(x[t])
        assert torch.equal(y, right[t])
        y.fill_(7.0)


@pytest.mark.parametrize("depth", [1, 2])
def test_y_may_be_the_next_x(kind, depth):
    torch.manual_seed(0)
    layers, x = [make_weights("gru", 6, 6) for _ in range(depth)], draw(2, 6)
    alone, fed = (stepper("gru", layers, (6,), 2, residual=True) for _ in range(2))
    y = fed.step(x)
    for _ in range(4):
        right = alone.step(x).clone()
        assert torch.equal(y, right)
        x, y = right, fed.step(y)


def test_state_is_a_copy_that_can_be_put_back(made):
    x = draw(4, 2, INPUTS)
    assert [tuple(part.shape) for part in made.state] == [(2, 2, 6), (2, 2, 6)]
    assert all((part == 0).all() for part in made.state)
    step_through(made, x[:2])
    state = made.state
    right = step_through(made, x[2:])
    later = made.state
    made.state = state
    for part in state:
        part.fill_(7.0)
    assert torch.equal(step_through(made, x[2:]), right)
    assert all(torch.equal(a, b) for a, b in zip(made.state, later, strict=True))


def test_reset_and_none_start_anew(made):
    x = draw(3, 2, INPUTS)
    right = step_through(made, x)
    made.reset()
    assert torch.equal(step_through(made, x), right)
    made.state = None
    assert torch.equal(step_through(made, x), right)


def test_a_single_state_may_be_a_tensor(kind):
    torch.manual_seed(0)
    made, h = stepper("gru", [make_weights("gru", 6, INPUTS)], (6,)), draw(1, 1, 6)
    made.state = h.requires_grad_()
    assert torch.equal(made.state[0], h)
    assert not made.state[0].requires_grad


def test_x_may_lie_in_memory_in_any_way(made):
    x = draw(2, INPUTS)
    right = made.step(x).clone()
    for same in (x.t().contiguous().t(), x.repeat(1, 2)[:, :INPUTS], torch._neg_view(-x), torch._neg_view(-x.t()).t()):
        made.reset()
        torch.testing.assert_close(made.step(same), right, rtol=0, atol=1e-6)


def test_the_weights_are_those_of_the_moment(kind):
    torch.manual_seed(0)
    own, x = make_weights("lstm", 6, INPUTS, ("peephole",)), draw(1, INPUTS)
    made = stepper("lstm", [own], (6, 6))
    right = made.step(x).clone()
    for part in own:
        if part is not None:
            part.fill_(0.3)
    made.reset()
    assert torch.equal(made.step(x), right)


def test_one_made_in_inference_mode_serves_outside(kind):
    torch.manual_seed(0)
    own, x = make_weights("gru", 6, INPUTS), draw(1, INPUTS)
    with torch.inference_mode():
        made = stepper("gru", [own], (6,))
    right = made.step(x).clone()
    made.reset()
    assert torch.equal(made.step(x), right)


def test_half_precision_steps_by_definition():
    torch.manual_seed(0)
    made = stepper("gru", [make_weights("gru", 6, INPUTS, dtype=torch.bfloat16)], (6,))
    assert type(made) is ReferenceStepper
    assert made.step(draw(1, INPUTS, dtype=torch.bfloat16)).dtype is torch.bfloat16


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        ([1.0] * INPUTS, TypeError, "x is of type list"),
        (torch.ones(1, INPUTS), ValueError, r"x is \(1, 7\) of torch.float32 on cpu, but \(2, 7\)"),
        (torch.ones(2, INPUTS + 1), ValueError, r"x is \(2, 8\)"),
        (torch.ones(2, 1, INPUTS), ValueError, r"x is \(2, 1, 7\)"),
        (torch.ones(2, INPUTS).double(), ValueError, "of torch.float64"),
        (torch.ones(2, INPUTS, device="meta"), ValueError, "on meta"),
    ],
)
def test_an_x_that_does_not_fit_is_refused(made, x, error, words):
    with pytest.raises(error, match=words):
        made.step(x)


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        (torch.zeros(2, 2, 6), ValueError, "state has shapes"),
        ((torch.zeros(2, 2, 6), torch.zeros(2, 2, 5)), ValueError, r"\[\(2, 2, 6\), \(2, 2, 5\)\], but"),
        ((torch.zeros(2, 2, 6), 0), TypeError, "Tensor, int"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(made, state, error, words):
    step_through(made, draw(2, 2, INPUTS))
    before = made.state
    with pytest.raises(error, match=words):
        made.state = state
    assert all(torch.equal(a, b) for a, b in zip(made.state, before, strict=True))


@pytest.mark.parametrize(("rows", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError)])
def test_rows_must_be_a_count(rows, error):
    with pytest.raises(error, match="rows is"):
        stepper("gru", [make_weights("gru", 6, INPUTS)], (6,), rows)


def test_a_stepper_is_not_copied(made):
    for make in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be copied"):
            make(made)


def test_memory_goes_with_the_stepper():
    if library.native() is None:
        pytest.skip(library.which())
    layers, closed = [make_weights("gru", 6, INPUTS)], []

    class Watched:
        def __getitem__(self, name):
            found = library.native()[name]
            if "close" not in name:
                return found
            found.argtypes = [ctypes.c_void_p]

            def close(within):
                closed.append(within)
                found(within)

            return close

    made = NativeStepper(Watched(), "gru", layers, (6,), 1, Options(), False)
    within = made._within
    assert not closed
    del made
    assert closed == [within]
