"""A network of another library taken over at the command line."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import elman
from elman.nn.layers import Layers


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    torch.manual_seed(0)
    save_file(nn.LSTM(3, 4, bidirectional=True).state_dict(), folder / "body.safetensors")
    save_file(nn.RNN(3, 4).state_dict(), folder / "simple.safetensors")
    torch.save({}, folder / "body.pt")
    return folder


def test_layers_are_saved_and_come_back(here, printed, capsys):
    found = json.loads(printed("import", "body.safetensors", "--json"))
    assert found["difference"] < 1e-6 and found["model"] == "body.elman" and found["layers"][0]["kind"] == "lstm"
    layers = elman.load("body.elman")
    assert isinstance(layers, Layers) and not layers.training
    x = torch.randn(5, 2, 3)
    assert layers(x).shape == (5, 2, 8)
    printed("import", "simple.safetensors", "--cell", "rnn_relu", "--out", "body.elman", "--overwrite")
    assert (elman.load("body.elman")(x) >= 0).all()


def test_people_see_the_layers_and_the_check(here, capsys):
    from elman.cli import run

    assert run(["import", "body.safetensors"]) == 0
    out, err = capsys.readouterr()
    assert out == "" and "lstm" in err and "outputs as torch's, largest difference" in err
    assert "elman.load('body.elman')" in err and "x (T, B, 3), time first" in err


def test_what_cannot_be_imported_leaves_nothing(refused):
    assert "give --cell rnn_tanh or rnn_relu" in refused("import", "simple.safetensors")
    assert "can run any code" in refused("import", "body.pt")
    assert "there is no file" in refused("import", "none.onnx")
    assert "lstm" in refused("import", "body.safetensors", "--cell", "cnn")


def test_layers_have_no_task(here, printed, refused):
    printed("import", "body.safetensors")
    for command in (("predict",), ("evaluate",), ("doctor",), ("explain",)):
        assert "holds imported layers, which have no task" in refused(*command, "body.elman")
    assert "already holds a model" in refused("import", "body.safetensors")


def test_a_changed_file_is_noticed(here, printed, refused):
    printed("import", "body.safetensors")
    weights = here / "body.elman" / "weights.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(elman.InputError, match="is not as it was saved"):
        elman.load("body.elman")
