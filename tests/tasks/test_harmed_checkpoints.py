"""What is kept of an unfinished fit is whole or refused, as a saved model is."""

import pytest
import torch
from safetensors.torch import save

from elman.tasks import checkpoints, store
from harmed import harm


@pytest.fixture
def generation(tmp_path):
    state = save({"weight": torch.randn(8, 8), "step": torch.arange(3)})
    store.put(tmp_path / "000000120", {checkpoints.RUN: store.dump_json({"step": 120}), checkpoints.STATE: state})
    return tmp_path / "000000120"


def read(path):
    return store.read(path, checkpoints.LARGEST)


def test_lost_bits_and_ends_are_refused(generation):
    found = harm(generation, read, flips=150, truncations=150)
    assert found.wrong == [] and found.refused == found.tried == 300


@pytest.mark.slow
def test_a_thousand_bits_and_a_thousand_ends(generation):
    found = harm(generation, read, flips=1000, truncations=1000, seed=1)
    assert found.wrong == [] and found.refused == found.tried == 2000
