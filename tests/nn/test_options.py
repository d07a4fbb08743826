"""Peepholes, layer norm, zoneout, recurrent dropout, clipping and the two resets, against the loop of loops.py."""

import copy
import io

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman import kernels, nn

from .loops import by_hand

STEPS, ROWS, FEATURES, HIDDEN = 5, 3, 4, 6
EACH = [
    ("LSTM", {"peephole": True}),
    ("LSTM", {"peephole": True, "clip": 0.3}),
    ("LSTM", {"zoneout": (0.4, 0.0)}),
    ("LSTM", {"zoneout": (0.0, 0.4)}),
    ("LSTM", {"zoneout": 0.3}),
    ("LSTM", {"peephole": True, "layer_norm": True, "proj_size": 2, "zoneout": (0.1, 0.5), "recurrent_dropout": 0.5}),
    ("GRU", {"reset_after": False}),
    ("GRU", {"reset_after": False, "recurrent_dropout": 0.5, "clip": 0.3, "zoneout": 0.2}),
    *((kind, {"layer_norm": True}) for kind in ("RNN", "LSTM", "GRU")),
    *((kind, {"layer_norm": True, "bias": False}) for kind in ("RNN", "LSTM", "GRU")),
    *((kind, {"zoneout": 0.3}) for kind in ("RNN", "GRU")),
    *((kind, {"recurrent_dropout": 0.4}) for kind in ("RNN", "LSTM", "GRU")),
    *((kind, {"clip": 0.3}) for kind in ("RNN", "LSTM", "GRU")),
    ("RNN", {"nonlinearity": "relu", "layer_norm": True, "clip": 0.5}),
]
SHAPES = [
    {},
    {"num_layers": 2, "bidirectional": True, "residual": True, "lengths": [3, 5, 1]},
    {"num_layers": 3, "residual": True, "batch_first": True},
]


def words(value):
    return "-".join(f"{name}={v}" for name, v in value.items()) or "plain" if isinstance(value, dict) else value


def made(kind, **options):
    """A module in float64 whose every parameter is random, gains and shifts too."""
    module = getattr(nn, kind)(FEATURES, HIDDEN, dtype=torch.float64, **options)
    with torch.no_grad():
        for name, p in module.named_parameters():
            p += torch.randn_like(p) * (0.3 if name.startswith(("gain", "bias_c")) else 0.1)
    return module


def random_state(module):
    places = module.num_layers * (1 + module.bidirectional)
    sizes = [module.proj_size or HIDDEN] + [HIDDEN] * (module.mode == "LSTM")
    state = tuple(torch.randn(places, ROWS, size, dtype=torch.float64) for size in sizes)
    return state if len(state) > 1 else state[0]


@pytest.fixture
def asked(monkeypatch):
    """The `Options` of every layer called, in order."""
    seen, layer = [], kernels.layer

    def spy(*arguments, options, **named):
        seen.append(options)
        return layer(*arguments, options=options, **named)

    monkeypatch.setattr(kernels, "layer", spy)
    return seen


def gradients(module, results):
    loss = sum(r.flatten() @ torch.linspace(0.5, 1.5, r.numel()).to(r) for r in results)
    return torch.autograd.grad(loss, list(module.parameters()))


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("shape", SHAPES, ids=words)
@pytest.mark.parametrize(("kind", "options"), EACH, ids=words)
def test_each_option_does_what_its_equation_says(kind, options, shape, training, asked):
    torch.manual_seed(0)
    shape = dict(shape)
    lengths = shape.pop("lengths", None)
    module = made(kind, **options, **shape).train(training)
    x, hx = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64), random_state(module)
    y, state = module(x.transpose(0, 1) if module.batch_first else x, hx, lengths=lengths)
    y, state = y.transpose(0, 1) if module.batch_first else y, state if isinstance(state, tuple) else (state,)
    right, finals, _ = by_hand(module, x, hx if isinstance(hx, tuple) else (hx,), lengths, asked)
    torch.testing.assert_close(y, right, rtol=1e-10, atol=1e-12)
    for found, final in zip(state, finals, strict=True):
        torch.testing.assert_close(found, final, rtol=1e-10, atol=1e-12)
    found, expected = gradients(module, (y, *state)), gradients(module, (right, *finals))
    for (name, _), one, other in zip(module.named_parameters(), found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("form", ["time first", "batch first", "one sequence", "lengths", "packed"])
def test_every_c_of_the_last_layer(form):
    torch.manual_seed(1)
    module = made("LSTM", num_layers=2, bidirectional=True, peephole=True, batch_first=form == "batch first")
    lengths = [3, 5, 1] if form in ("lengths", "packed") else None
    x, hx = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64), random_state(module)
    right, finals, c = by_hand(module, x, hx, lengths)
    if form == "batch first":
        y, state, found = (*module(x.transpose(0, 1), hx, cells=True),)
        y, found = y.transpose(0, 1), found.transpose(0, 1)
    elif form == "one sequence":
        y, state, found = module(x[:, 0], tuple(s[:, 0] for s in hx), cells=True)
        right, c, finals = right[:, 0], c[:, 0], [s[:, 0] for s in finals]
    elif form == "packed":
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        y, state, found = module(packed, hx, cells=True)
        y, found = (pad_packed_sequence(p, total_length=STEPS)[0] for p in (y, found))
    else:
        y, state, found = module(x, hx, lengths=lengths, cells=True)
    for one, other in zip((y, found, *state), (right, c, *finals), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_masks_of_recurrent_dropout_hold_over_time_and_scale(asked):
    torch.manual_seed(2)
    module = nn.GRU(FEATURES, 100, 2, bidirectional=True, recurrent_dropout=0.2)
    x = torch.randn(STEPS, 40, FEATURES)
    module(x)
    assert [options.drop.shape for options in asked] == [(2, 40, 100)] * 2
    drop = torch.stack([options.drop for options in asked])
    assert set(drop.unique().tolist()) == {0.0, 1.25}
    assert 0.18 < (drop == 0).float().mean() < 0.22
    masks = (drop == 0).flatten(0, 1).flatten(1)
    agreement = (masks[:, None] == masks).float().mean(-1)
    assert (agreement[~torch.eye(4, dtype=torch.bool)] < 0.75).all(), "layers or directions share a mask"
    module.eval()(x)
    assert all(options.drop is None for options in asked[2:])


@pytest.mark.parametrize("zoneout", [0.3, (0.1, 0.6)], ids=str)
def test_masks_of_zoneout_are_drawn_at_every_step(zoneout, asked):
    torch.manual_seed(3)
    module = nn.LSTM(FEATURES, 50, 2, proj_size=40, zoneout=zoneout)
    x = torch.randn(8, 20, FEATURES)
    module(x)
    for name, size, p in zip(
        ("zone_h", "zone_c"), (40, 50), zoneout if isinstance(zoneout, tuple) else (0.3, 0.3), strict=True
    ):
        first, second = (getattr(options, name) for options in asked[:2])
        assert first.shape == second.shape == (1, 8, 20, size)
        assert set(first.unique().tolist()) == {0.0, 1.0}
        assert abs(first.mean() - p) < 0.03
        assert not torch.equal(first, second)
        assert not torch.equal(first[0, 0], first[0, 1])
    module.eval()(x)
    for options in asked[2:]:
        p_h, p_c = zoneout if isinstance(zoneout, tuple) else (0.3, 0.3)
        torch.testing.assert_close(options.zone_h, torch.full((1, 8, 20, 40), p_h))
        torch.testing.assert_close(options.zone_c, torch.full((1, 8, 20, 50), p_c))


def test_the_ends_of_the_probabilities():
    x = torch.randn(STEPS, ROWS, FEATURES)
    deaf = nn.RNN(FEATURES, HIDDEN, recurrent_dropout=1.0)
    y = deaf(x)[0]
    with torch.no_grad():
        deaf.weight_hh_l0.zero_()
    torch.testing.assert_close(y, deaf.eval()(x)[0])
    for kept in (nn.LSTM(FEATURES, HIDDEN, zoneout=1), nn.LSTM(FEATURES, HIDDEN, zoneout=1.0).eval()):
        h, c = torch.randn(2, 1, ROWS, HIDDEN)
        y, state = kept(x, (h, c))
        torch.testing.assert_close(y, h.expand(STEPS, -1, -1))
        torch.testing.assert_close(state, (h, c))


@pytest.mark.parametrize("options", [{"recurrent_dropout": 0.5}, {"zoneout": 0.5}], ids=words)
def test_the_seed_decides_the_masks_and_evaluation_has_none(options):
    module = nn.GRU(FEATURES, HIDDEN, **options)
    x = torch.randn(STEPS, ROWS, FEATURES)
    outputs = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        outputs.append(module(x)[0])
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    module.eval()
    assert torch.equal(module(x)[0], module(x)[0])


def test_layer_norm_forgets_the_scale_of_its_input():
    module = nn.LSTM(FEATURES, HIDDEN, layer_norm=True)
    x = 100 * torch.randn(STEPS, ROWS, FEATURES)
    torch.testing.assert_close(module(x)[0], module(1000 * x)[0])


def test_a_wide_clip_changes_nothing_and_a_narrow_one_stops_the_gradient():
    torch.manual_seed(4)
    plain = nn.LSTM(FEATURES, HIDDEN)
    x = torch.randn(STEPS, ROWS, FEATURES)
    wide, narrow = nn.LSTM(FEATURES, HIDDEN, clip=1e6), nn.LSTM(FEATURES, HIDDEN, clip=1e-9)
    for module in (wide, narrow):
        module.load_state_dict(plain.state_dict())
    torch.testing.assert_close(wide(x)[0], plain(x)[0])
    narrow(x)[0].sum().backward()
    assert all((p.grad == 0).all() for p in narrow.parameters())


@pytest.mark.parametrize(
    ("kind", "options", "extra"),
    [
        ("LSTM", {"peephole": True}, ["weight_ch"]),
        ("LSTM", {"layer_norm": True}, ["gain_ih", "gain_hh", "gain_c", "bias_c"]),
        ("LSTM", {"layer_norm": True, "bias": False}, ["gain_ih", "gain_hh", "gain_c"]),
        (
            "LSTM",
            {"layer_norm": True, "peephole": True, "proj_size": 2},
            ["weight_hr", "weight_ch", "gain_ih", "gain_hh", "gain_c", "bias_c"],
        ),
        ("GRU", {"layer_norm": True}, ["gain_ih", "gain_hh"]),
        ("RNN", {"layer_norm": True, "bias": False}, ["gain_ih", "gain_hh"]),
        ("GRU", {"reset_after": False, "zoneout": 0.1, "recurrent_dropout": 0.1, "clip": 1.0}, []),
    ],
    ids=words,
)
def test_names_and_first_values_of_the_parameters(kind, options, extra):
    module = getattr(nn, kind)(FEATURES, HIDDEN, 2, bidirectional=True, **options)
    plain = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if module.bias else []), *extra]
    assert list(module.state_dict()) == [f"{n}_l{k}{way}" for k in (0, 1) for way in ("", "_reverse") for n in plain]
    for name, p in module.named_parameters():
        if name.startswith("gain"):
            assert (p == 1).all()
        elif name.startswith("bias_c"):
            assert (p == 0).all()
        else:
            assert 0.5 * HIDDEN**-0.5 < p.abs().max() <= HIDDEN**-0.5
    if module.peephole:
        assert module.weight_ch_l0.shape == (3 * HIDDEN,)


@pytest.mark.parametrize(("kind", "options"), EACH, ids=words)
def test_copies_know_their_options(kind, options):
    module = made(kind, num_layers=2, **options).eval()
    x = torch.randn(STEPS, ROWS, FEATURES, dtype=torch.float64)
    y = module(x)[0]
    saved = io.BytesIO()
    torch.save(module, saved)
    saved.seek(0)
    for twin in (copy.deepcopy(module), torch.load(saved, weights_only=False)):
        assert repr(twin) == repr(module)
        assert torch.equal(twin(x)[0], y)
    named = {name: torch.zeros_like(p) for name, p in module.named_parameters()}
    assert not torch.func.functional_call(module, named, x)[0].any()


def test_repr_shows_what_differs():
    module = nn.LSTM(4, 6, peephole=True, layer_norm=True, zoneout=(0.1, 0.2), recurrent_dropout=0.3, clip=2.0)
    shown = "LSTM(4, 6, peephole=True, layer_norm=True, zoneout=(0.1, 0.2), recurrent_dropout=0.3, clip=2.0)"
    assert repr(module) == shown
    assert repr(nn.GRU(4, 6, reset_after=False)) == "GRU(4, 6, reset_after=False)"


def test_parametrized_peepholes_and_gains_are_used():
    module = nn.LSTM(FEATURES, HIDDEN, peephole=True, layer_norm=True)
    x = torch.randn(STEPS, ROWS, FEATURES)
    y = module(x)[0]

    class Double(torch.nn.Module):
        def forward(self, p):
            return 2 * p

    for name in ("weight_ch_l0", "gain_hh_l0", "gain_c_l0"):
        before = module(x)[0]
        torch.nn.utils.parametrize.register_parametrization(module, name, Double())
        assert not torch.allclose(module(x)[0], before), name
    for name in ("weight_ch_l0", "gain_hh_l0", "gain_c_l0"):
        torch.nn.utils.parametrize.remove_parametrizations(module, name, leave_parametrized=False)
    torch.testing.assert_close(module(x)[0], y)


@pytest.mark.parametrize(
    ("kind", "options", "call"),
    [
        ("LSTM", {"peephole": True, "layer_norm": True, "proj_size": 2, "zoneout": (0.1, 0.2)}, {"cells": True}),
        ("GRU", {"reset_after": False, "recurrent_dropout": 0.5, "clip": 0.3}, {"lengths": [2, 1, 2]}),
        ("RNN", {"layer_norm": True, "zoneout": 0.1}, {"lengths": torch.tensor([2, 1, 2])}),
    ],
    ids=words,
)
def test_compiles_in_one_graph(kind, options, call):
    module = getattr(nn, kind)(FEATURES, HIDDEN, 2, residual=True, **options)
    x = torch.randn(2, ROWS, FEATURES)
    torch.compiler.reset()
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    with kernels.use("reference"):
        assert compiled(x, **call)[0].shape == module(x, **call)[0].shape
        # Masks need not be the same numbers in a graph, so that evaluation is what can be compared.
        module.eval()
        torch.testing.assert_close(compiled(x, **call), module(x, **call))
