"""Bare layers as a saved model."""

import json

import pytest
import torch

from elman.errors import InputError
from elman.nn.layers import Layers
from elman.tasks import layers as saved
from elman.tasks import store
from elman.tasks.load import load, load_task

GRU = {"kind": "gru", "input_size": 2, "hidden_size": 3}


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "a.elman"
    saved.save(Layers([GRU]), path, source={"file": "a.onnx"})
    return store.read(path)


def test_they_come_back(tmp_path):
    layers, x = Layers([GRU]).eval(), torch.randn(4, 2, 2)
    saved.save(layers, tmp_path / "a.elman")
    assert torch.equal(load(tmp_path / "a.elman")(x), layers(x))
    with pytest.raises(InputError, match="holds imported layers, which have no task"):
        load_task(tmp_path / "a.elman")


@pytest.mark.parametrize(
    "layers",
    [None, "gru", [], [{"kind": "exec"}], [{**GRU, "hidden_size": 1 << 50}], [{**GRU, "hidden_size": 4}], [GRU, GRU]],
)
def test_files_that_do_not_fit_together_are_refused(files, layers):
    head = json.loads(files["config.json"])
    files["config.json"] = json.dumps({**head, "layers": layers}).encode()
    with pytest.raises(InputError, match="does not fit together"):
        saved.restored(files, "a.elman")


def test_missing_weights_are_refused(files):
    del files["weights.safetensors"]
    with pytest.raises(InputError, match=r"lacks weights.safetensors"):
        saved.restored(files, "a.elman")
