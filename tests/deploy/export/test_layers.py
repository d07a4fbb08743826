"""Layers as ONNX, judged by ONNX Runtime beside torch.nn itself, and beside elman.nn where torch has no such cell."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import elman.nn
from elman.errors import ElmanError, InputError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from elman.deploy import export  # noqa: E402
from elman.deploy.export import check  # noqa: E402

MODULES = {
    "tanh": lambda: nn.RNN(5, 6),
    "relu": lambda: nn.RNN(5, 6, nonlinearity="relu"),
    "gru": lambda: nn.GRU(5, 6),
    "gru without bias": lambda: nn.GRU(5, 6, bias=False),
    "lstm": lambda: nn.LSTM(5, 6),
    "projection": lambda: nn.LSTM(5, 6, proj_size=3),
    "two layers of lstm, both ways": lambda: nn.LSTM(5, 6, 2, bidirectional=True),
    "two layers of gru, both ways": lambda: nn.GRU(5, 6, 2, bidirectional=True),
}
SHAPES = [(5, 2), (7, 3), (1, 1)]


def running(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(names, feeds), strict=True))


def drawn_states(module, rows):
    ways = module.num_layers * (2 if module.bidirectional else 1)
    sizes = {"h_0": module.proj_size or module.hidden_size}
    if module.mode == "LSTM":
        sizes["c_0"] = module.hidden_size
    return {name: torch.randn(ways, rows, size) for name, size in sizes.items()}


@pytest.mark.parametrize("kind", MODULES)
@torch.no_grad()
def test_layers_of_torch_at_any_shape(kind, tmp_path):
    torch.manual_seed(0)
    module = MODULES[kind]()
    done = export.module(module, tmp_path / "layer.onnx")
    assert done.largest_difference < 1e-5 and done.json is None and done.bytes == done.onnx.stat().st_size
    run = running(done.onnx)
    for steps, rows in SHAPES:
        lengths = torch.randint(1, steps + 1, (rows,))
        lengths[0] = steps
        x, states = torch.randn(steps, rows, 5), drawn_states(module, rows)
        given = tuple(states.values())
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        y, after = module(packed, given if len(given) > 1 else given[0])
        parts = after if isinstance(after, tuple) else (after,)
        feeds = {name: value.numpy() for name, value in states.items()}
        found = run({"x": x.numpy(), "lengths": lengths.int().numpy(), **feeds})
        np.testing.assert_allclose(found["y"], pad_packed_sequence(y)[0], atol=2e-6)
        for name, part in zip(("h_n", "c_n"), parts, strict=False):
            np.testing.assert_allclose(found[name], part, atol=2e-6)


def test_each_layer_is_one_operator(tmp_path):
    for kind, build in MODULES.items():
        module = build()
        done = export.module(module, tmp_path / f"{kind}.onnx")
        nodes = [node.op_type for node in onnx.load(done.onnx).graph.node]
        name = module.mode.partition("_")[0]
        assert nodes.count(name) == module.num_layers and "Scan" not in nodes and "Loop" not in nodes


@torch.no_grad()
def test_a_sequence_in_chunks_is_the_sequence(tmp_path):
    for number, module in enumerate(
        (nn.LSTM(5, 6, 2), nn.GRU(5, 6), elman.nn.SLSTM(5, 6), elman.nn.LSTM(5, 6, proj_size=2))
    ):
        done = export.module(module, tmp_path / f"{number}.onnx", lengths=False)
        run, x = running(done.onnx), torch.randn(9, 2, 5)
        whole = module(x)[0].numpy()
        state = {
            name: np.full([shape[0], 2, shape[2]], -np.inf if name == "m_0" else 0, np.float32)
            for name, shape in done.inputs.items()
            if name != "x"
        }
        for begin in range(0, 9, 3):
            found = run({"x": x[begin : begin + 3].numpy(), **state})
            np.testing.assert_allclose(found["y"], whole[begin : begin + 3], atol=2e-6)
            state = {name: found[name.replace("_0", "_n")] for name in state}


@torch.no_grad()
def test_what_lies_past_the_end_is_never_read(tmp_path):
    for number, module in enumerate((elman.nn.LSTM(4, 4, 2, residual=True, bidirectional=True), elman.nn.MinGRU(4, 4))):
        run = running(export.module(module, tmp_path / f"{number}.onnx").onnx)
        x = np.random.default_rng(0).standard_normal((5, 2, 4), np.float32)
        x[3:, 1] = np.nan
        deep = 4 if module.bidirectional else 1
        feeds = {name: np.zeros((deep, 2, 4), np.float32) for name in ("h_0", "c_0")[: 2 if deep == 4 else 1]}
        y = run({"x": x, "lengths": np.array([5, 3], np.int32), **feeds})["y"]
        assert np.isfinite(y).all() and (y[3:, 1] == 0).all() and (y[:3, 1] != 0).any()


@st.composite
def stacks(draw):
    kind = draw(st.sampled_from(["RNN", "LSTM", "GRU", "SLSTM", "IndRNN", "MinGRU", "MinLSTM", "RGLRU"]))
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "residual": draw(st.booleans()),
    }
    if kind in ("RNN", "IndRNN"):
        known = ["tanh", "relu", "sigmoid"] if kind == "RNN" else ["tanh", "relu"]
        options["nonlinearity"] = draw(st.sampled_from(known))
    if kind == "SLSTM":
        options["heads"] = draw(st.sampled_from([1, 2, 4]))
    if kind in ("RNN", "LSTM", "GRU"):
        options["clip"] = draw(st.sampled_from([None, 0.2]))
        options["zoneout"] = draw(st.sampled_from([0.0, 0.3]))
    if kind == "LSTM":
        options["peephole"] = draw(st.booleans())
        options["proj_size"] = draw(st.sampled_from([0, 2]))
    if kind == "GRU":
        options["reset_after"] = draw(st.booleans())
    return getattr(elman.nn, kind)(draw(st.integers(1, 5)), 4, **options)


@settings(max_examples=30, deadline=None)
@given(stacks(), st.booleans(), st.booleans())
def test_every_option_of_every_cell(tmp_path_factory, module, lengths, int8):
    path = tmp_path_factory.mktemp("layer") / "layer.onnx"
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    done = export.module(module, path, lengths=lengths, int8=int8)
    assert done.largest_difference < check.CLOSE


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("options", [{}, {"zoneout": 0.2, "bidirectional": True}, {"residual": True, "bias": False}])
def test_layer_norm(kind, options, tmp_path):
    """With seeds of its own: now and then it divides by next to nothing, and magnifies what rounding leaves."""
    torch.manual_seed(0)
    module = getattr(elman.nn, kind)(24, 24, 2, layer_norm=True, **options)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    assert export.module(module, tmp_path / "layer.onnx").largest_difference < 2e-5
    if kind == "LSTM":
        options = {**options, "peephole": True, "proj_size": 12, "clip": 3.0}
        module = elman.nn.LSTM(24, 24, layer_norm=True, **options)
        assert export.module(module, tmp_path / "projected.onnx", int8=True).largest_difference < 2e-5


@pytest.mark.parametrize("opset", [18, 19, 20, 21, 22])
def test_every_opset_that_is_written(opset, tmp_path):
    done = export.module(nn.GRU(3, 4), tmp_path / "gru.onnx", opset=opset)
    (own,) = onnx.load(done.onnx).opset_import
    assert own.version == opset
    export.module(elman.nn.SLSTM(3, 4), tmp_path / "slstm.onnx", opset=opset)


@pytest.mark.parametrize("change", range(4))
def test_a_wrong_graph_is_noticed_and_not_written(change, tmp_path, monkeypatch):
    """The mutants of a builder: gates in another order, the reset gate elsewhere, no lengths, no initial state."""
    from elman.deploy.export import layers, recurrent

    module = nn.GRU(5, 6)
    if change == 0:
        monkeypatch.setitem(recurrent.ONNX, "GRU", (0, 1, 2))
    if change == 1:
        monkeypatch.setattr(recurrent, "int", lambda value: 0, raising=False)  # linear_before_reset
    stack = recurrent.stack
    if change == 2:
        monkeypatch.setattr(
            layers, "stack", lambda graph, module, x, lengths, states: stack(graph, module, x, None, states)
        )
    if change == 3:
        monkeypatch.setattr(layers, "stack", lambda graph, module, x, lengths, states: stack(graph, module, x, lengths))
    with pytest.raises(ElmanError, match="nothing was written"):
        export.module(module, tmp_path / "gru.onnx")
    assert not list(tmp_path.iterdir())


def test_whole_numbers_take_a_quarter(tmp_path):
    module = nn.LSTM(64, 128, 2)
    done = export.module(module, tmp_path / "lstm.onnx", int8=True)
    assert 0.25 < done.int8["size_ratio"] < 0.28 and 1e-4 < done.int8["largest_difference"] < 0.05
    held = {held.name: held.data_type for held in onnx.load(done.onnx).graph.initializer}
    assert list(held.values()).count(onnx.TensorProto.INT8) == 4


def test_what_cannot_be_exported_is_refused(tmp_path):
    with pytest.raises(InputError, match="a Linear is no recurrent layer"):
        export.module(nn.Linear(3, 4), tmp_path / "linear.onnx")
    for wrong, said in (
        ({"opset": 17}, "--opset is 17, but 18 to 22 are written"),
        ({"opset": 21, "int8": True}, "give 20 or less"),
    ):
        with pytest.raises(InputError, match=said):
            export.module(nn.GRU(3, 4), tmp_path / "gru.onnx", **wrong)
    for name, said in (("gru.pt", "does not end in .onnx"), ("none/gru.onnx", "there is no directory")):
        with pytest.raises(InputError, match=said):
            export.module(nn.GRU(3, 4), tmp_path / name)
    assert not list(tmp_path.iterdir())
    export.module(nn.GRU(3, 4), tmp_path / "gru.onnx")
    with pytest.raises(InputError, match="exists: give another name, or --overwrite"):
        export.module(nn.GRU(3, 4), tmp_path / "gru.onnx")
    export.module(nn.GRU(3, 5), tmp_path / "gru.onnx", overwrite=True)


@pytest.mark.parametrize(("spoil", "said"), [("half", "torch.float16"), ("nan", "NaN or infinity")])
def test_weights_that_cannot_be_exported_are_named(spoil, said, tmp_path):
    module = nn.GRU(3, 4)
    if spoil == "half":
        module.half()
    else:
        with torch.no_grad():
            module.bias_hh_l0[2] = torch.nan
    with pytest.raises(InputError, match=said):
        export.module(module, tmp_path / "m.onnx")
