"""A saved model is whole or refused, runs nothing when read, and is written at once or not at all."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from elman.errors import InputError
from elman.tasks import store
from elman.tasks.load import load
from harmed import harm

FILES = [
    "config.json",
    "encoders.json",
    "kept.safetensors",
    "log.jsonl",
    "metrics.json",
    "report.html",
    "weights.safetensors",
]


def unsealed(path: Path) -> dict:
    manifest = json.loads((path / "manifest.json").read_text())
    del manifest["sha256"]
    return manifest


def resign(path: Path, name: str, raw: bytes) -> None:
    """Change a file and its manifest: what one with bad intent would do."""
    (path / name).write_bytes(raw)
    manifest = unsealed(path)
    manifest["files"][name] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    (path / "manifest.json").write_bytes(store.sealed(manifest))


def edit_manifest(path: Path, **changes) -> None:
    manifest = unsealed(path)
    (path / "manifest.json").write_bytes(store.sealed(manifest | changes))


def test_manifest_lists_every_file_with_its_hash(saved):
    manifest = json.loads((saved / "manifest.json").read_text())
    held = {entry.name for entry in saved.iterdir()}
    assert manifest["format"] == store.FORMAT
    assert set(manifest["files"]) == held - {"manifest.json"} >= set(FILES)
    for name, entry in manifest["files"].items():
        raw = (saved / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["flip", "truncate", "remove"])
def test_harm_to_any_file_is_refused_by_name(saved, name, harm):
    path = saved / name
    raw = bytearray(path.read_bytes())
    if harm == "flip":
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    elif harm == "truncate":
        path.write_bytes(raw[:-1])
    else:
        path.unlink()
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
        load(saved)
    assert ("missing" if harm == "remove" else "not as it was saved") in str(caught.value)


def test_a_bit_or_an_end_that_is_lost_is_refused_wherever_it_is(saved):
    found = harm(saved, load, flips=150, truncations=150)
    assert found.wrong == [] and found.refused == found.tried == 300


def test_what_reads_everything_is_found(saved):
    """Not the least harm is refused by a reader that looks at nothing."""
    found = harm(saved, lambda path: None, flips=3, truncations=2)
    assert found.refused == 0 and len(found.wrong) == found.tried == 5


@pytest.mark.slow
def test_a_thousand_bits_and_a_thousand_ends(saved):
    found = harm(saved, load, flips=1000, truncations=1000, seed=1)
    assert found.wrong == [] and found.refused == found.tried == 2000


def test_every_byte_of_the_manifest_counts(saved):
    raw = (saved / "manifest.json").read_bytes()
    for at in range(len(raw)):
        lost = bytearray(raw)
        lost[at] ^= 1 << at % 8
        (saved / "manifest.json").write_bytes(lost)
        with pytest.raises(InputError):
            store.read(saved)


def test_a_manifest_of_before_seals_is_read(saved, fitted):
    manifest = unsealed(saved)
    (saved / "manifest.json").write_text(json.dumps(manifest))
    assert load(saved).predict().equals(fitted.predict())


@pytest.mark.parametrize(
    "name", ["../x", "/etc/hostname", "a/b", "..\\x", "", ".", "..", ".hidden", "nul\0", "new\nline", "x" * 5000]
)
def test_hostile_names_in_the_manifest_are_refused(saved, name):
    (saved.parent / "x").write_text("outside")
    manifest = json.loads((saved / "manifest.json").read_text())
    entry = {"sha256": hashlib.sha256(b"outside").hexdigest(), "bytes": 7}
    edit_manifest(saved, files=manifest["files"] | {name: entry})
    with pytest.raises(InputError, match="no plain file name: do not use this model"):
        load(saved)


@pytest.mark.parametrize("files", [None, [], "config.json", {"config.json": None}, {"config.json": "abc"}, {}])
def test_a_manifest_of_another_shape_is_refused(saved, files):
    edit_manifest(saved, files=files)
    with pytest.raises(InputError):
        load(saved)


@pytest.mark.parametrize("version", [store.FORMAT + 1, "1", None, 1.5])
def test_a_newer_or_senseless_format_is_refused(saved, version):
    edit_manifest(saved, format=version)
    with pytest.raises(InputError, match=r"has format .*reads up to 1: upgrade elman"):
        load(saved)


def test_links_are_not_followed(saved):
    outside = saved.parent / "weights"
    (saved / "weights.safetensors").rename(outside)
    (saved / "weights.safetensors").symlink_to(outside)
    with pytest.raises(InputError, match=r"weights\.safetensors is missing from the model"):
        load(saved)


@pytest.mark.parametrize("harm", ['"cell": NaN', '"cell": Infinity', '"cell": "gru", "cell": "gru"'])
def test_json_beyond_the_standard_is_refused(saved, harm):
    text = (saved / "config.json").read_text()
    cell = f'"cell": "{json.loads(text)["config"]["cell"]}"'
    resign(saved, "config.json", text.replace(cell, harm).encode())
    with pytest.raises(InputError, match=r"config.json is not readable as JSON"):
        load(saved)


def test_json_nested_without_end_is_refused(saved):
    resign(saved, "config.json", b"[" * 100_000)
    with pytest.raises(InputError, match=r"config.json is not readable as JSON"):
        load(saved)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden": 5}, "does not fit together"),
        ({"horizon": -1}, "--horizon must be"),
        ({"cell": "evil"}, "--cell must be"),
        ({"code": "import os"}, "does not fit together"),
    ],
)
def test_settings_edited_with_their_hash_are_still_checked(saved, changes, said):
    head = json.loads((saved / "config.json").read_text())
    head["config"] |= changes
    resign(saved, "config.json", json.dumps(head).encode())
    with pytest.raises(InputError, match=said):
        load(saved)


@pytest.mark.parametrize("task", ["pickle", None, ["forecast"], {"a": 1}])
def test_an_unknown_task_is_refused(saved, task):
    head = json.loads((saved / "config.json").read_text())
    resign(saved, "config.json", json.dumps(head | {"task": task}).encode())
    with pytest.raises(InputError, match=r"this elman knows forecast, .*: upgrade elman"):
        load(saved)


@pytest.mark.parametrize("raw", [b"", b"\x80\x04.", b"\xff" * 64, (1 << 60).to_bytes(8, "little") + b"{}"])
def test_weights_that_are_no_safetensors_are_refused(saved, raw):
    resign(saved, "weights.safetensors", raw)
    with pytest.raises(InputError, match=r"weights\.safetensors is not readable as safetensors"):
        load(saved)


def test_no_model_and_no_directory(tmp_path):
    with pytest.raises(InputError, match="there is no model at"):
        load(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="is not a saved model"):
            load(path)


def test_loading_runs_nothing(saved, fitted):
    load(saved)  # modules that load when first used are loaded now
    seen, watching = [], True
    refused = ("exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn", "pty.spawn", "pickle.find_class")

    def hook(event, arguments):
        if watching and (event in refused or event.startswith(("subprocess", "socket", "ctypes", "marshal"))):
            seen.append((event, arguments))

    sys.addaudithook(hook)
    try:
        compile("1", "<probe>", "eval")
        assert seen, "the hook sees nothing"
        seen.clear()
        model = load(saved)
    finally:
        watching = False
    assert seen == []
    assert model.predict().equals(fitted.predict())


def test_a_model_is_replaced_only_when_told(saved, fitted):
    with pytest.raises(InputError, match="already holds a model: give another --out, or --overwrite"):
        fitted.save(saved)
    before = (saved / "config.json").stat().st_ino
    fitted.save(saved, overwrite=True)
    assert (saved / "config.json").stat().st_ino != before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]
    assert load(saved).predict().equals(fitted.predict())


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_peoples_files_are_never_replaced(fitted, tmp_path, overwrite):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files that are no elman model"):
        fitted.save(tmp_path / "thesis", overwrite=overwrite)
    with pytest.raises(InputError, match="is a file or a link"):
        fitted.save(tmp_path / "thesis" / "chapter.txt", overwrite=overwrite)
    (tmp_path / "link").symlink_to(tmp_path / "thesis")
    with pytest.raises(InputError, match="is a file or a link"):
        fitted.save(tmp_path / "link", overwrite=overwrite)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "mine"


def test_a_missing_or_closed_parent_is_refused(fitted, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"there is no directory .*: create it"):
        fitted.save(tmp_path / "none" / "model")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(InputError, match="is not writable: give another --out"):
        fitted.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_directory_is_taken(fitted, tmp_path):
    (tmp_path / "model").mkdir()
    assert load(fitted.save(tmp_path / "model")).predict().equals(fitted.predict())


@pytest.mark.parametrize("broken", [1, 3, 8])
@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_leaves_things_as_they_were(fitted, saved, tmp_path, monkeypatch, broken, exists):
    target = saved if exists else tmp_path / "new.elman"
    before = {entry.name: entry.read_bytes() for entry in saved.iterdir()}
    calls = []

    def full(handle):
        calls.append(handle)
        if len(calls) == broken:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fitted.save(target, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [saved.name]
    assert {entry.name: entry.read_bytes() for entry in saved.iterdir()} == before


@pytest.mark.parametrize("which", [1, 2])
def test_a_rename_that_fails_brings_the_old_model_back(fitted, saved, tmp_path, monkeypatch, which):
    rename, calls = Path.rename, []

    def failing(self, target):
        calls.append(target)
        if len(calls) == which:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(store, "_exchanged", lambda one, other: False)  # as where the system cannot
    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output"):
        fitted.save(saved, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [saved.name]
    assert load(saved).predict().equals(fitted.predict())


def test_a_copied_model_needs_nothing_of_where_it_was_made(saved, fitted, tmp_path):
    elsewhere = shutil.copytree(saved, tmp_path / "copy")
    shutil.rmtree(saved)
    text = "".join((elsewhere / name).read_text() for name in ("config.json", "encoders.json", "manifest.json"))
    assert str(tmp_path) not in text
    assert load(elsewhere).predict().equals(fitted.predict())
