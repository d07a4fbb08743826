"""ONNX files: every form of the recurrent operators and of what torch exports gives what ONNX Runtime gives."""

import warnings
from itertools import pairwise, permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import elman
from elman.deploy.imports import onnx_constants, onnx_layers, open_file, read
from elman.errors import ElmanError, InputError, MissingDependency

onnx = pytest.importorskip("onnx", reason="onnx is not installed, so no ONNX file can be read")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed, so there is nothing to compare with")

from onnx import helper  # noqa: E402

from deploy.imports.make_onnx import arrays, changed, graph, recurrent, save, single  # noqa: E402


def assert_equal(path):
    check = open_file(path).check()
    assert check.difference is not None, check.note
    assert check.difference < 2e-6


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(["RNN", "GRU", "LSTM"]),
    direction=st.sampled_from(["forward", "reverse", "bidirectional"]),
    inputs=st.integers(1, 5),
    hidden=st.integers(1, 6),
    bias=st.booleans(),
    clip=st.sampled_from([None, 0.3, 5.0]),
    option=st.booleans(),
    seed=st.integers(0, 9),
)
def test_every_form_of_an_operator(tmp_path_factory, kind, direction, inputs, hidden, bias, clip, option, seed):
    more = {} if clip is None else {"clip": clip}
    if kind == "GRU":
        more["linear_before_reset"] = int(option)
    elif kind == "LSTM" and option:
        more["peephole"] = True
    elif kind == "RNN":
        more["activations"] = ["Relu" if option else "Tanh"] * (2 if direction == "bidirectional" else 1)
    model = single(kind, inputs_=inputs, hidden=hidden, bias=bias, seed=seed, direction=direction, **more)
    check = open_file(save(tmp_path_factory.mktemp("onnx") / "one.onnx", model)).check()
    if check.difference is None:  # a unit that is always clipped or silent says nothing
        assert clip == 0.3 or "Relu" in more.get("activations", [])
    elif "Relu" not in more.get("activations", []):  # which may grow without bound
        assert check.difference < 2e-6


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_states_and_lengths_that_are_inputs_are_left_out(tmp_path, kind):
    states = ("lens", "h0", "c0") if kind == "LSTM" else ("lens", "h0")
    dims = {"lens": [None], "h0": [1, None, 4], "c0": [1, None, 4]}
    model = single(kind, given=states, inputs={name: dims[name] for name in states})
    imported = open_file(save(tmp_path / "one.onnx", model))
    assert len(imported.notes) == len(states) and "initial_h" in imported.notes[1]
    assert imported.check().difference < 1e-6


class Network(nn.Module):
    def __init__(self, kind, layers, both, first, how, symbols):
        super().__init__()
        self.body = getattr(nn, kind)(3, 4, layers, bidirectional=both, batch_first=first)
        self.head = nn.Sequential(
            nn.Linear(4 * (1 + both), 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 2), nn.Softmax(-1)
        )
        self.words = nn.Embedding(9, 3) if symbols else None
        self.how, self.first, self.both = how, first, both

    def forward(self, x):
        y, h = self.body(self.words(x) if self.words else x)
        h = h[0] if isinstance(h, tuple) else h
        if self.how == "every":
            return self.head(y)
        if self.how == "step":
            return self.head(y[:, -1] if self.first else y[-1])
        return self.head(torch.cat([h[-2], h[-1]], -1) if self.both else h[-1])


def export(path, module, *x, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that another exporter is newer, and that batches are fixed
        torch.onnx.export(module.eval(), x, str(path), dynamo=False, opset_version=17, **options)
    return path


@pytest.mark.parametrize("how", ["every", "step", "end"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(("kind", "layers"), [("RNN", 2), ("GRU", 1), ("LSTM", 2)])
def test_networks_that_torch_exports(tmp_path, kind, layers, both, first, how):
    symbols = kind == "GRU"
    x = torch.randint(0, 9, (5, 2)) if symbols else torch.randn(5, 2, 3)
    axes = {"x": {0: "a", 1: "b"}} if kind != "RNN" else None
    module = Network(kind, layers, both, first, how, symbols)
    path = export(tmp_path / "net.onnx", module, x, input_names=["x"], dynamic_axes=axes)
    assert_equal(path)
    layers = read(path, check=False)
    y = layers(x.transpose(0, 1) if first else x)
    torch.testing.assert_close(y.transpose(0, 1) if first and layers.every else y, module(x), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("folded", [False, True])
def test_bare_layers_that_torch_exports(tmp_path, kind, folded):
    module = getattr(nn, kind)(3, 4, 2, bidirectional=True)
    assert_equal(export(tmp_path / "bare.onnx", module, torch.randn(5, 2, 3), do_constant_folding=folded))


def test_torch_exports_with_a_state_given(tmp_path):
    path = export(tmp_path / "state.onnx", nn.GRU(3, 4, 2), torch.randn(5, 2, 3), torch.randn(2, 2, 4))
    imported = open_file(path)
    assert len(imported.notes) == 1 and imported.check().difference < 1e-6


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(("kind", "layers"), [("RNN", 1), ("GRU", 2), ("LSTM", 3)])
def test_our_own_exports_come_back(tmp_path, kind, layers, both, lengths):
    export = pytest.importorskip("elman.deploy.export", reason="this elman exports nothing")
    module, path = getattr(elman.nn, kind)(3, 4, layers, bidirectional=both).eval(), tmp_path / "own.onnx"
    export.module(module, path, lengths=lengths)
    assert_equal(path)
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(read(path)(x), module(x)[0], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "table", "right"),
    [("LSTM", "ONNX", (0, 3, 1, 2)), ("GRU", "ONNX", (1, 0, 2)), ("LSTM", "PEEPHOLES", (0, 2, 1))],
)
def test_gates_in_another_order_are_noticed(tmp_path, monkeypatch, kind, table, right):
    path = save(tmp_path / "one.onnx", single(kind, peephole=table == "PEEPHOLES"))
    known = getattr(onnx_layers, table)
    for order in permutations(range(len(right))):
        monkeypatch.setattr(onnx_layers, table, order if isinstance(known, tuple) else {**known, kind: order})
        if order == right:
            assert_equal(path)
        else:
            with pytest.raises(ElmanError, match="differ from those of ONNX Runtime"):
                open_file(path).check()


def test_states_that_are_not_zero_are_refused(tmp_path):
    held = arrays("GRU") | {"h0": np.ones((1, 2, 4), "float32")}
    node = recurrent("GRU", ("", "h0"), held)
    model = graph([node], held, {"x": [None, 2, 3]}, {"y": [None] * 4})
    with pytest.raises(InputError, match=r"initial_h of the node 'cell' \(GRU\) is not zero"):
        open_file(save(tmp_path / "one.onnx", model))
    held["h0"] *= 0
    model = graph([node], held, {"x": [None, 3, 3]}, {"y": [None] * 4})
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2
    assert_equal(save(tmp_path / "one.onnx", model))


def add(*nodes, output="z"):
    def change(model_graph):
        model_graph.node.extend(nodes)
        model_graph.output[0].name = output

    return change


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (helper.make_node("Exp", ["y"], ["z"], name="odd"), r"'odd' \(Exp\) has no counterpart"),
        (helper.make_node("Squeeze", ["y", "two"], ["z"], name="odd"), r"'odd' \(Squeeze\) removes another axis"),
        (helper.make_node("Gather", ["y", "two"], ["z"], name="odd"), "the first or last step is known"),
        (helper.make_node("Add", ["y", "y"], ["z"], name="odd"), "adds to no product"),
        (helper.make_node("Add", ["y", "four"], ["z"], name="odd"), "adds to no product"),
        (helper.make_node("MatMul", ["y", "y"], ["z"], name="odd"), "no product of features with a matrix"),
        (helper.make_node("Softmax", ["y"], ["z"], name="odd", axis=0), "not over the features"),
        (helper.make_node("Reshape", ["y", "shape"], ["z"], name="odd"), "does more than bring two directions"),
        (helper.make_node("Concat", ["y", "y"], ["z"], name="odd", axis=0), "joins other things"),
        (helper.make_node("If", ["y"], ["z"], name="odd"), "cannot be read as an ONNX model"),
        (helper.make_node("Relu", ["gone"], ["z"], name="odd"), "cannot be read as an ONNX model|nothing gives"),
        (helper.make_node("Relu", ["y"], ["z"], name="odd", domain="mine"), "domain mine|cannot be read"),
    ],
)
def test_nodes_without_a_counterpart_are_refused_by_name(tmp_path, node, said):
    model = single("GRU")
    consts = {"two": np.array(2), "four": np.ones(4, "float32"), "shape": np.array([-1, 4])}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in consts.items())
    with pytest.raises(InputError, match=said):
        open_file(save(tmp_path / "odd.onnx", changed(model, add(node))))


@pytest.mark.parametrize(
    ("kind", "attributes", "said"),
    [
        ("LSTM", {"input_forget": 1}, "has input_forget=1"),
        ("LSTM", {"activations": ["Sigmoid", "Relu", "Tanh"]}, "activations Sigmoid, Relu, Tanh"),
        ("RNN", {"activations": ["Elu"]}, "activations Elu"),
        ("GRU", {"layout": 1}, "has layout=1"),
        ("GRU", {"activation_alpha": [0.5]}, "has activation_alpha"),
        ("GRU", {"direction": "sideways"}, "direction 'sideways'"),
        ("GRU", {"direction": "reverse"}, None),
    ],
)
def test_attributes_without_a_counterpart_are_refused_by_name(tmp_path, kind, attributes, said):
    path = save(tmp_path / "one.onnx", single(kind, **attributes))
    if said is None:
        assert_equal(path)
    else:
        with pytest.raises(InputError, match=said):
            open_file(path)


def replaced(name, **fields):
    def change(model_graph):
        tensor = next(one for one in model_graph.initializer if one.name == name)
        for field, value in fields.items():
            if isinstance(value, list):
                tensor.ClearField(field)
                getattr(tensor, field).extend(value)
            else:
                setattr(tensor, field, value)

    return change


def outside(model_graph):
    tensor = model_graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (outside, "W lies in another file, which is not read|W of .* lies in another file"),
        (replaced("W", dims=[1, 12, 1 << 40]), "cannot be read as an ONNX model"),
        (replaced("W", dims=[1, 9, 4]), "has the shape"),
        (replaced("R", dims=[2, 12, 2]), "has the shape|do not fit"),
        (replaced("W", raw_data=np.full(36, np.nan, "float32").tobytes()), "holds NaN or infinity"),
        (lambda g: g.ClearField("node"), "holds no RNN, GRU or LSTM node|cannot be read"),
        (lambda g: g.input.add().CopyFrom(helper.make_tensor_value_info("more", 1, [None])), "reads 'more' beside 'x'"),
        (lambda g: g.ClearField("initializer"), "cannot be read|nothing gives|W and R"),
    ],
)
def test_hostile_files_are_refused(tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        open_file(save(tmp_path / "bad.onnx", changed(single("GRU"), change)))


def test_truncated_files_are_refused(tmp_path):
    raw = single("LSTM").SerializeToString()
    path = tmp_path / "short.onnx"
    for length in (0, 1, 10, 100, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:length])
        with pytest.raises(InputError):
            open_file(path)


def test_bytes_that_were_changed_are_refused_or_are_other_weights(tmp_path):
    raw, draw = single("LSTM", peephole=True).SerializeToString(), np.random.default_rng(0)
    path, refused = tmp_path / "changed.onnx", 0
    for _ in range(200):
        again = bytearray(raw)
        for place in draw.integers(0, len(raw), draw.integers(1, 6)):
            again[place] = draw.integers(256)
        path.write_bytes(again)
        try:
            open_file(path)
        except InputError:
            refused += 1
    assert 20 < refused < 200


def test_constants_that_grow_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_constants, "LARGEST", 100_000)

    def double(model_graph):
        names = ["W", *(f"w{at}" for at in range(40))]
        for before, after in pairwise(names):
            model_graph.node.insert(0, helper.make_node("Concat", [before, before], [after], name=after, axis=2))
        ordered = [*reversed(model_graph.node[:40]), *model_graph.node[40:]]
        del model_graph.node[:]
        model_graph.node.extend(ordered)

    with pytest.raises(InputError, match=r"\(Concat\) makes .* numbers, but at most"):
        open_file(save(tmp_path / "bomb.onnx", changed(single("GRU"), double)))


def test_without_the_runtime_nothing_is_checked_and_without_onnx_nothing_read(tmp_path, monkeypatch):
    path = save(tmp_path / "one.onnx", single("GRU"))
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    check = open_file(path).check()
    assert check.difference is None and "pip install 'elman[export]'" in check.note
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingDependency, match=r"pip install 'elman\[export\]'"):
        open_file(path)
