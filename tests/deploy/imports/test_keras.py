"""Keras files: each layer in each of its options gives what Keras gives; what is not known is refused by name."""

import io
import json
import re
import shutil
import zipfile
from copy import deepcopy
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from elman.deploy.imports import hdf5, keras_layers, open_file, read
from elman.errors import ElmanError, InputError

h5py = pytest.importorskip("h5py", reason="h5py is not installed, so no Keras file can be read")

PROBE = str(Path(hdf5.__file__).parent)
CELLS = [
    f"{cell}_{every}_{bias}"
    for cell in ("lstm", "gru_after", "gru_before", "rnn", "back", "both_LSTM", "both_GRU", "both_SimpleRNN")
    for every in ("last", "every")
    for bias in ("plain", "bias")
]
MASKED = [f"{kind}_{inner}" for kind in ("symbols", "masked") for inner in ("one", "held", "both", "end", "back")]
OTHERS = [
    "relu",
    "sigmoid",
    "dropped",
    "both_before",
    "tagger",
    "deep",
    "functional",
    "symbols_functional",
    "symbols_all",
]
DENSE = ["dense_relu", "dense_tanh", "dense_softmax", "dense_none", "dense_plain"]


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("name", CELLS + MASKED + OTHERS + DENSE)
def test_outputs_are_those_of_keras(keras_folder, name, suffix):
    layers = open_file(keras_folder / f"{name}.{suffix}").layers
    known = np.load(keras_folder / f"{name}.npz")
    with torch.no_grad():
        y = layers(torch.from_numpy(known["x"]).transpose(0, 1))
    y = y.transpose(0, 1) if layers.every else y
    np.testing.assert_allclose(y.numpy(), known["y"], atol=2e-6, rtol=1e-5)
    assert np.ptp(known["y"]) > 0.05  # or wrong weights could pass


@pytest.mark.parametrize(("kind", "right"), [("LSTM", (0, 1, 2, 3)), ("GRU", (1, 0, 2))])
def test_gates_in_another_order_give_other_outputs(keras_folder, monkeypatch, kind, right):
    name = {"LSTM": "lstm_last_bias", "GRU": "gru_after_last_bias"}[kind]
    known = np.load(keras_folder / f"{name}.npz")
    x = torch.from_numpy(known["x"]).transpose(0, 1)
    for order in permutations(range(len(right))):
        monkeypatch.setitem(keras_layers.GATES, kind, order)
        y = open_file(keras_folder / f"{name}.keras").layers(x).detach().numpy()
        assert np.allclose(y, known["y"], atol=1e-5) == (order == right)


def test_every_model_that_is_made_is_looked_at(keras_folder):
    assert {path.stem for path in keras_folder.glob("*.npz")} == {*CELLS, *MASKED, *OTHERS, *DENSE}


def test_padding_that_lengths_give_is_that_of_a_mask(keras_folder):
    layers = read(keras_folder / "symbols_one.keras", check=False)
    x = torch.randint(1, 9, (6, 3), generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([6, 2, 1])
    padded = x.masked_fill(torch.arange(6)[:, None] >= lengths, 0)
    torch.testing.assert_close(layers(x, lengths), layers(padded))


def test_the_file_itself_is_run_beside(keras_folder):
    check = open_file(keras_folder / "deep.keras").check()
    assert check.difference is not None and check.difference < 1e-5 and "Keras" in check.note


@pytest.mark.slow
@pytest.mark.parametrize("name", ["symbols_both.keras", "masked_held.h5"])
def test_masked_files_are_run_beside(keras_folder, name):
    assert open_file(keras_folder / name).check().difference < 1e-5


def test_other_outputs_are_no_import(keras_folder):
    imported = open_file(keras_folder / "deep.keras")
    right = deepcopy(imported.layers)
    imported = replace(imported, original=lambda x: right(x).detach())
    assert imported.check().difference == 0
    with torch.no_grad():
        imported.layers[0].stack.weight_hh_l0[0, 0] += 0.5
    with pytest.raises(ElmanError, match=r"differ from those of Keras by .*: nothing was imported"):
        imported.check()
    with pytest.raises(ElmanError, match="but Keras gives"):
        replace(imported, original=lambda x: right(x).detach()[..., :1]).check()
    assert replace(imported, original=lambda x: 0 * right(x).detach(), layers=zero(right)).check().difference is None


def zero(layers):
    layers = deepcopy(layers)
    layers.append(Silence())
    return layers


class Silence(torch.nn.Module):
    def forward(self, x, mask):
        return 0 * x, mask


def test_without_keras_nothing_is_checked_and_that_is_said(keras_folder, monkeypatch):
    monkeypatch.setattr("elman.deploy.imports.keras_peer.find_spec", lambda name: None)
    check = open_file(keras_folder / "deep.keras").check()
    assert check.difference is None and "not checked: Keras is not here: pip install keras" in check.note


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lambda", "'Lambda', which is code"),
        ("conv", r"conv1d \(Conv1D\) of no_conv.keras has no counterpart here"),
        ("stateful", "stateful .* is True, but only False"),
        ("hard", "recurrent_activation .* is 'hard_sigmoid', but sigmoid"),
        ("softsign", "activation .* is 'softsign', but tanh"),
        ("summed", "merge_mode .* is 'sum', but only 'concat'"),
        ("branch", "reads .* and .*, but one is possible"),
        ("two", "several inputs or outputs"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(keras_folder, name, said):
    with pytest.raises(InputError, match=said):
        open_file(keras_folder / f"no_{name}.keras")


def archive(path):
    with zipfile.ZipFile(path) as members:
        return {name: members.read(name) for name in members.namelist()}


def write(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as out:
        for name, raw in members.items():
            out.writestr(name, raw)
    return path


@pytest.fixture
def changed(keras_folder, tmp_path):
    """The model `deep` with one text of its configuration replaced by another."""

    def change(old, new):
        members = archive(keras_folder / "deep.keras")
        text = members["config.json"].decode()
        assert old in text
        return write(tmp_path / "changed.keras", {**members, "config.json": text.replace(old, new, 1).encode()})

    return change


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"units": 4', '"units": 5', r"has the shape \(3, 16\), but \('any', 20\) is needed"),
        ('"units": 4', f'"units": {1 << 40}', "but 1 to 16,777,216 is possible"),
        ('"units": 4', '"units": -4', "but 1 to 16,777,216 is possible"),
        ('"units": 4', '"units": "4"', "must be of type int"),
        ('"units": 4', '"units": NaN', "NaN is not a JSON number"),
        ('"class_name": "LSTM"', '"class_name": "GRU"', "has no layers/gru|is needed"),
        ('"class_name": "LSTM"', '"class_name": "__lambda__"', "which is code"),
        ('"module": "keras.layers"', '"module": "os"', "of the module 'os', which is code"),
        ('"class_name": "Zeros"', '"class_name": "function"', "'function', which is code"),
        ('"class_name": "Sequential"', '"class_name": "Wide"', "holds a Wide model"),
        ('"use_bias": true', '"use_bias": 1', "use_bias .* must be of type bool"),
        ('"layers": [', '"layers": [3, ', "does not list its layers"),
    ],
)
def test_hostile_configurations_are_refused(changed, old, new, said):
    with pytest.raises(InputError, match=said):
        open_file(changed(old, new))


def test_weights_are_plain_arrays_in_the_file(keras_folder, tmp_path):
    members = archive(keras_folder / "deep.keras")

    def with_weight(store):
        raw = io.BytesIO(members["model.weights.h5"])
        with h5py.File(raw, "r+") as root:
            place = root["layers/lstm/cell/vars"]
            kernel = place["0"][()]
            del place["0"]
            store(place, kernel)
        return write(tmp_path / "changed.keras", {**members, "model.weights.h5": raw.getvalue()})

    def infinite(place, kernel):
        kernel[0, 0] = np.inf
        place["0"] = kernel

    hostile = {
        "NaN or infinity": infinite,
        "packed or lies outside": lambda place, kernel: place.create_dataset("0", data=kernel, compression="gzip"),
        "packed or lies outside the": lambda place, kernel: place.create_dataset("0", shape=kernel.shape, dtype="f4"),
        "lies outside the file": lambda place, kernel: place.create_dataset(
            "0", shape=kernel.shape, dtype="f4", external=[("/etc/hostname", 0, 4096)]
        ),
        "is a link": lambda place, kernel: place.__setitem__("0", h5py.SoftLink("/layers/lstm_1/cell/vars/0")),
        "which is not followed": lambda place, kernel: place.__setitem__("0", h5py.ExternalLink("other.h5", "/x")),
        "no array of floats": lambda place, kernel: place.__setitem__("0", kernel.astype("i4")),
        "has no layers/lstm/cell/vars/0": lambda place, kernel: None,
        r"the shape \(1099511627776, 16\)": lambda place, kernel: place.create_dataset("0", (1 << 40, 16), "f4"),
    }
    for said, store in hostile.items():
        with pytest.raises(InputError, match=f"{said}|packed or lies outside" if "1099" in said else said):
            open_file(with_weight(store))


def test_archives_are_looked_at_before_they_are_read(keras_folder, tmp_path):
    members = archive(keras_folder / "deep.keras")
    bomb = write(tmp_path / "bomb.keras", {**members, "model.weights.h5": bytes(50 << 20)}, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(InputError, match="is packed, or larger than"):
        open_file(bomb)
    with pytest.raises(InputError, match=r"holds config.json 0 times"):
        open_file(write(tmp_path / "none.keras", {"model.weights.h5": b""}))
    with pytest.raises(InputError, match="is packed, or larger than"):
        open_file(write(tmp_path / "long.keras", {**members, "config.json": b" " * (17 << 20)}))
    deep = b"[" * 100_000
    with pytest.raises(InputError, match="not readable as JSON"):
        open_file(write(tmp_path / "nested.keras", {**members, "config.json": deep}))
    beyond = write(tmp_path / "slip.keras", {**members, "../outside": b"x"})
    assert open_file(beyond).layers.outputs == 2
    assert not (tmp_path.parent / "outside").exists()


@pytest.mark.parametrize("name", ["deep.keras", "deep.h5"])
def test_damaged_files_are_refused_or_read_as_they_are(keras_folder, tmp_path, name):
    raw = (keras_folder / name).read_bytes()
    draw = np.random.default_rng(0)
    damaged = tmp_path / name
    for length in [0, 1, 8, 100, *draw.integers(100, len(raw) - 1, 20)]:
        damaged.write_bytes(raw[:length])
        with pytest.raises(InputError):
            open_file(damaged)


def test_weights_alone_are_no_model(keras_folder, tmp_path):
    path = tmp_path / "alone.h5"
    path.write_bytes(archive(keras_folder / "deep.keras")["model.weights.h5"])
    with pytest.raises(InputError, match="holds weights alone, without model_config: save the whole model"):
        open_file(path)


def test_older_spellings_are_read(keras_folder, tmp_path):
    """Keras 2: batch_input_shape with the first layer, no module beside a class, a list of layers alone."""
    path = tmp_path / "old.h5"
    shutil.copy(keras_folder / "dense_tanh.h5", path)
    with h5py.File(path, "r+") as root:
        model = json.loads(root.attrs["model_config"])
        first, *rest = model["config"]["layers"]
        rest[0]["config"] |= {"batch_input_shape": [None, None, 3], "time_major": False, "implementation": 2}
        root.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": rest})
    known = np.load(keras_folder / "dense_tanh.npz")
    y = read(path, check=False)(torch.from_numpy(known["x"]).transpose(0, 1))
    np.testing.assert_allclose(y.detach().numpy(), known["y"], atol=2e-6)
    assert re.fullmatch("input_layer.*", first["config"]["name"])


def test_what_the_library_does_not_survive_is_seen_in_another_process(keras_folder, tmp_path, monkeypatch):
    probe = tmp_path / "probe.py"
    monkeypatch.setattr(hdf5.hdf5_probe, "__file__", str(probe))
    monkeypatch.setattr(hdf5, "SECONDS", 2)
    limited = f"import sys; sys.path.insert(0, {PROBE!r}); import hdf5_probe; hdf5_probe.limited(0)\n"
    for harm in ("import time; time.sleep(60)", limited + "while True: pass", "import os; os.abort()"):
        probe.write_text(harm)
        for suffix in ("keras", "h5"):
            with pytest.raises(InputError, match=f"deep.{suffix} is damaged in a way that the HDF5 library does not"):
                open_file(keras_folder / f"deep.{suffix}")


def test_a_list_of_names_that_never_ends_is_refused(tmp_path):
    """A length of 0 in the heap of an attribute's text, on which the library goes round in a circle."""
    path = tmp_path / "round.h5"
    with h5py.File(path, "w") as root:
        root.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": []})
    raw = bytearray(path.read_bytes())
    heap = raw.index(b"GCOL")
    raw[heap + 16 + 8 : heap + 16 + 16] = bytes(8)
    path.write_bytes(raw)
    with pytest.raises(InputError):
        open_file(path)
