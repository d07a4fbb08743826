"""Model directories made to do harm, one for each known way: refused, with nothing run, imported or opened outside."""

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest

from elman.errors import InputError
from elman.tasks import store
from elman.tasks.load import load
from strangers import Watch, places, put, write
from tiny_models import classify, forecast, recommend

SEEN_BY_PEOPLE = {"report.html", "log.jsonl", "inside.jsonl", "metrics.json", "picture.svg"}  # and not by `load`
KINDS = (classify, forecast, recommend)


class Harm:
    """What a pickle runs that is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    found = {}
    for make in KINDS:
        home = tmp_path_factory.mktemp(make.__name__)
        model, _ = make(home)
        path = model.save(home / "model")
        load(path)  # what is loaded once, when first needed, is loaded now
        found[make.__name__] = {name: (path / name).read_bytes() for name in store.LARGEST if (path / name).exists()}
    return found


@pytest.fixture(scope="module")
def watch():
    return Watch()


@pytest.fixture
def refused(watch, tmp_path):
    """Load what lies at a path: whether it is refused, in a sentence; and nothing else may come of it."""

    def ask(path: Path) -> bool:
        watch.seen.clear()
        watch.folder = path
        try:
            load(path)
        except InputError as error:
            assert "\n" not in str(error) and len(str(error)) < 600
            return True
        finally:
            watch.folder = None
            assert watch.seen == []
            assert not (tmp_path / "harmed").exists()
        return False

    return ask


@pytest.mark.parametrize("kind", [make.__name__ for make in KINDS])
def test_a_pickle_in_the_place_of_any_file_is_not_opened(models, kind, refused, tmp_path):
    raw = pickle.dumps(Harm(tmp_path / "harmed"))
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:  # as torch.save writes one
        archive.writestr("archive/data.pkl", raw)
    for name in models[kind]:
        for held in (raw, (tmp_path / "zip").read_bytes()):
            path = write(tmp_path / "model", {**models[kind], name: held})
            assert refused(path) or name in SEEN_BY_PEOPLE, name
    pickle.loads(raw)
    assert (tmp_path / "harmed").exists(), "the pickle would have done nothing"


@pytest.mark.parametrize("kind", [make.__name__ for make in KINDS])
def test_pickles_beside_the_files_are_left_alone(models, kind, refused, tmp_path):
    path = write(tmp_path / "model", models[kind])
    for name in ("weights.pt", "model.pkl", "pytorch_model.bin", "config.yaml", "setup.py", "sitecustomize.py"):
        (path / name).write_bytes(pickle.dumps(Harm(tmp_path / "harmed")))
    assert not refused(path)


@pytest.mark.parametrize("name", ["..", "../config.json", "a/../../config.json", "/etc/passwd", "C:\\x", "x\0", "~/x"])
def test_a_name_that_leads_out_is_refused(models, name, refused, tmp_path):
    path = write(tmp_path / "model", models["classify"])
    manifest = json.loads((path / "manifest.json").read_text())
    for files in ({name: {}, **manifest["files"]}, {**manifest["files"], name: manifest["files"]["config.json"]}):
        (path / "manifest.json").write_text(json.dumps({**manifest, "files": files}))
        assert refused(path)


def test_a_link_in_the_place_of_any_file_is_not_followed(models, refused, tmp_path):
    files = models["classify"]
    for name in (*files, "manifest.json"):
        for target in ("whole", "/dev/zero", "/etc/passwd", str(tmp_path / "model")):
            path = write(tmp_path / "model", files)
            (tmp_path / "whole").write_bytes((path / name).read_bytes())
            (path / name).unlink()
            (path / name).symlink_to(tmp_path / target)
            assert refused(path), (name, target)


def test_a_file_of_terabytes_is_not_read(models, refused, tmp_path):
    """Holes take no room on a disk."""
    for name in (*models["classify"], "manifest.json"):
        path = write(tmp_path / "model", models["classify"])
        os.truncate(path / name, 1 << 42)
        assert refused(path), name
        (path / name).unlink()


@pytest.mark.parametrize("raw", [b"[" * 10**6, b'{"a":' * 10**6, b'{"a": ' + b"9" * 10**6 + b"}", b"\xff" * 100, b""])
def test_json_that_is_none_is_refused(models, raw, refused, tmp_path):
    for name in ("config.json", "encoders.json"):
        assert refused(write(tmp_path / "model", {**models["classify"], name: raw}))
    path = write(tmp_path / "model", models["classify"])
    (path / "manifest.json").write_bytes(raw)
    assert refused(path)


@pytest.mark.parametrize("kind", [make.__name__ for make in KINDS])
def test_a_number_of_2_to_the_63_is_refused_in_every_place(models, kind, refused, tmp_path):
    tried = 0
    for name in ("config.json", "encoders.json"):
        whole = json.loads(models[kind][name])
        for at in places(whole):
            if isinstance(at[-1], int) and at[-1] > 1:
                continue
            changed = json.loads(models[kind][name])
            put(changed, at, lambda inside, key: inside.__setitem__(key, 2**63))
            assert refused(write(tmp_path / "model", {**models[kind], name: json.dumps(changed).encode()})), (name, at)
            tried += 1
    assert tried > 30


@pytest.mark.parametrize("size", [2**63 - 1, 2**63, 2**64 - 1, 2**62, 2**40])
def test_tensors_that_claim_more_than_they_hold_are_refused(models, size, refused, tmp_path):
    claims = (
        {"x": {"dtype": "F32", "shape": [size], "data_offsets": [0, size]}},
        {"x": {"dtype": "F32", "shape": [size, size], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [size, size + 4]}},
        {"x": {"dtype": "F32", "shape": [0, size], "data_offsets": [0, 0]}},
    )
    heads = [json.dumps(one).encode() for one in claims]
    raws = [struct.pack("<Q", len(head)) + head + b"\0" * 4 for head in heads]
    raws.append(struct.pack("<Q", size & (2**64 - 1)) + heads[0])
    for raw in raws:
        for name in ("weights.safetensors", "kept.safetensors"):
            assert refused(write(tmp_path / "model", {**models["classify"], name: raw}))


@pytest.mark.parametrize("kind", [make.__name__ for make in KINDS])
def test_a_key_that_occurs_twice_is_refused(models, kind, refused, tmp_path):
    for name in ("config.json", "encoders.json"):
        own = models[kind][name].decode()
        first = next(iter(json.loads(own)))
        twice = own.replace("{", "{" + f'"{first}": null, ', 1)
        assert refused(write(tmp_path / "model", {**models[kind], name: twice.encode()}))
    path = write(tmp_path / "model", models[kind])
    text = (path / "manifest.json").read_text()
    (path / "manifest.json").write_text(text.replace("{", '{"files": {}, ', 1))
    assert refused(path)


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "__import__", "subprocess.Popen", "torch.nn.LSTM", ""])
def test_a_class_that_nobody_knows_is_refused(models, name, refused, tmp_path):
    for kind, files in models.items():
        for at in (("task",), ("config", "cell")):
            changed = json.loads(files["config.json"])
            put(changed, at, lambda inside, key: inside.__setitem__(key, name))
            assert refused(write(tmp_path / "model", {**files, "config.json": json.dumps(changed).encode()})), kind
    layers = {"task": "layers", "layers": [{"kind": name, "inputs": 1, "hidden": 1}], "source": {}}
    files = {
        "config.json": json.dumps(layers).encode(),
        "weights.safetensors": models["classify"]["weights.safetensors"],
    }
    assert refused(write(tmp_path / "model", files))


def test_the_watch_sees_what_is_run(watch, tmp_path):
    watch.seen.clear()
    watch.folder = tmp_path
    eval("1")
    (tmp_path.parent / "x").write_text("x")
    watch.folder = None
    assert any(one.startswith("exec") for one in watch.seen) and f"open {tmp_path.parent / 'x'}" in watch.seen
