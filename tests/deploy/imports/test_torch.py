"""torch.nn modules, and their weights in a file, where shapes alone tell what they are."""

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from elman.deploy.imports import from_torch, open_file, read
from elman.errors import InputError

OPTIONS = {
    "inputs": st.integers(1, 5),
    "hidden": st.integers(2, 6),
    "layers": st.integers(1, 3),
    "bias": st.booleans(),
    "both": st.booleans(),
    "first": st.booleans(),
}


def stack(kind, inputs, hidden, layers, bias, both, first, projection=0):
    extra = {"nonlinearity": kind[4:]} if kind.startswith("rnn") else {}
    if projection:
        extra["proj_size"] = projection
    cell = {"lstm": nn.LSTM, "gru": nn.GRU}.get(kind, nn.RNN)
    return cell(inputs, hidden, layers, bias=bias, bidirectional=both, batch_first=first, **extra)


def run(module, x):
    return module(x.transpose(0, 1))[0].transpose(0, 1) if module.batch_first else module(x)[0]


@settings(deadline=None, max_examples=25)
@given(kind=st.sampled_from(["lstm", "gru", "rnn_tanh", "rnn_relu"]), projected=st.booleans(), **OPTIONS)
def test_a_module_and_its_weights_in_a_file(tmp_path_factory, kind, projected, **options):
    torch.manual_seed(0)
    module = stack(kind, projection=1 if projected and kind == "lstm" else 0, **options)
    x = torch.randn(4, 3, options["inputs"])
    layers = from_torch(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch has no fast path for projections
        known = run(module, x)
    torch.testing.assert_close(layers(x), known, atol=1e-6, rtol=1e-5)
    path = tmp_path_factory.mktemp("torch") / "weights.safetensors"
    save_file({f"model.body.{name}": weight for name, weight in module.state_dict().items()}, path)
    imported = open_file(path, cell=kind)
    check = imported.check()
    assert kind == "rnn_relu" if check.difference is None else check.difference < 1e-6  # its few units may be silent
    torch.testing.assert_close(imported.layers(x), layers(x))
    if not kind.startswith("rnn"):
        assert read(path).described == imported.layers.described


def test_a_chain_of_modules():
    modules = (
        nn.Sequential(nn.Embedding(9, 4), nn.Dropout(0.1)),
        nn.GRU(4, 5),
        nn.Linear(5, 3, bias=False),
        nn.Softmax(-1),
    )
    before = [weight.clone() for module in modules for weight in module.parameters()]
    layers = from_torch(*modules)
    assert [one["kind"] for one in layers.described] == ["embedding", "dropout", "gru", "linear", "activation"]
    assert layers.inputs is None and layers.outputs == 3 and layers.every and not layers.training
    assert modules[0].training  # as it was
    with torch.no_grad():
        layers[0].weight.zero_()
    assert all(torch.equal(a, b) for a, b in zip(before, (w for m in modules for w in m.parameters()), strict=True))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.Conv1d(1, 1, 1), "is a Conv1d, but RNN, LSTM"),
        (nn.Softmax(1), "over the dimension 1"),
        (nn.Embedding(4, 2, max_norm=1.0), "with max_norm"),
        (type("Mine", (nn.LSTM,), {})(3, 4), "is a Mine"),
    ],
)
def test_modules_without_a_counterpart_are_refused(module, said):
    with pytest.raises(InputError, match=said):
        from_torch(module)


def test_modules_that_do_not_fit_together_are_refused():
    with pytest.raises(InputError, match=r"layer 1 \(linear\) reads 5 features, but 4 come"):
        from_torch(nn.LSTM(3, 4), nn.Linear(5, 1))


def saved(path, **weights):
    save_file(weights, path)
    return path


def state(module, prefix=""):
    return {prefix + name: weight.clone() for name, weight in module.state_dict().items()}


def test_one_of_several_stacks_is_named(tmp_path):
    weights = state(nn.LSTM(3, 4), "encoder.") | state(nn.GRU(4, 4), "decoder.") | {"head.weight": torch.ones(2, 4)}
    path = saved(tmp_path / "two.safetensors", **weights)
    with pytest.raises(InputError, match=r"holds 2 recurrent stacks: give --prefix, one of decoder., encoder."):
        open_file(path)
    imported = open_file(path, prefix="decoder")
    assert imported.layers.described[0]["kind"] == "gru"
    assert imported.notes[0].startswith("left out: encoder.bias_hh_l0") and imported.notes[0].endswith("head.weight")
    with pytest.raises(InputError, match="holds no weights whose names begin with 'head'"):
        open_file(path, prefix="head")


@pytest.mark.parametrize(
    ("change", "cell", "said"),
    [
        ({}, "gru", "--cell is gru, but the shapes .* are those of lstm"),
        ({"weight_ih_l0": torch.ones(15, 3)}, None, "15 rows for 4 units, but 4, 3 or 1"),
        ({"weight_hh_l0": torch.ones(16)}, None, "no weight_hh_l0 of two dimensions"),
        ({"bias_hh_l0": None}, None, r"bias_hh_l0 .* is nothing, but \(16,\) is needed"),
        ({"weight_ih_l1": torch.ones(16, 9)}, None, "is needed here"),
        ({"weight_ih_l99": torch.ones(16, 4)}, None, "is needed here"),
        ({"weight_hr_l0": torch.ones(5, 4)}, None, "is not the weights of torch.nn.LSTM|is needed here"),
        ({"bias_ih_l0": torch.full((16,), torch.nan)}, None, "holds NaN or infinity"),
        ({"weight_ih_l0": torch.ones(16, 0)}, None, "no weight_ih_l0 of two dimensions"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, change, cell, said):
    weights = state(nn.LSTM(3, 4)) | change
    path = saved(tmp_path / "w.safetensors", **{name: weight for name, weight in weights.items() if weight is not None})
    with pytest.raises(InputError, match=said):
        open_file(path, cell=cell)


def test_a_weight_of_another_cell_is_refused(tmp_path):
    path = saved(tmp_path / "w.safetensors", **state(nn.LSTM(3, 4), "a."), **{"a.weight_ch_l0": torch.ones(12)})
    with pytest.raises(InputError, match=r"holds a.weight_ch_l0 beside a recurrent stack"):
        open_file(path)


def test_shapes_do_not_say_what_a_simple_network_computes(tmp_path):
    path = saved(tmp_path / "w.safetensors", **state(nn.RNN(3, 4)))
    with pytest.raises(InputError, match="shapes do not say its f: give --cell rnn_tanh or rnn_relu"):
        open_file(path)


def test_the_length_of_a_header_may_look_like_another_format(tmp_path):
    """0x80 is how a pickle begins, PK a zip archive; of .safetensors these are lengths."""
    path = tmp_path / "w.safetensors"
    for length, start in ((0x480, b"\x80\x04"), (0x4B50, b"PK")):
        save_file(state(nn.GRU(1, 1)), path, metadata={"note": ""})
        short = int.from_bytes(path.read_bytes()[:8], "little")
        save_file(state(nn.GRU(1, 1)), path, metadata={"note": "x" * (length - short)})
        assert path.read_bytes().startswith(start)
        assert open_file(path).layers.outputs == 1


def test_half_precision_becomes_single(tmp_path):
    path = saved(tmp_path / "w.safetensors", **state(nn.LSTM(3, 4).bfloat16()))
    assert {weight.dtype for weight in open_file(path).layers.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.bin", "model.data"])
def test_pickles_are_not_opened(tmp_path, name):
    path = tmp_path / name
    torch.save(state(nn.LSTM(3, 4)), path)
    with pytest.raises(InputError, match=r"can run any code when it is loaded, so it is not opened: .*save_file\("):
        open_file(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("words")
    with pytest.raises(InputError, match=r"of no kind that can be imported: a .keras, .h5, .onnx or .safetensors"):
        open_file(path)
    with pytest.raises(InputError, match="there is no file"):
        open_file(tmp_path / "b.onnx")
    broken = tmp_path / "c.safetensors"
    broken.write_bytes(b"\xff" * 7 + b"\x7f{}")
    with pytest.raises(InputError, match="not readable as safetensors"):
        open_file(broken)
    broken = tmp_path / "c.keras"
    broken.write_bytes(b"PK\x03\x04" + bytes(50))
    with pytest.raises(InputError, match=r"cannot be read as a .keras file"):
        open_file(broken)
    onnx = tmp_path / "d.onnx"
    onnx.write_bytes(b"x")
    with pytest.raises(InputError, match=r"--cell and --prefix are for .safetensors"):
        open_file(onnx, cell="gru")
