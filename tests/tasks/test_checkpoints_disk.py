"""Disks that are full, read-only or gone, files and memory that may not grow: the older model and what is kept stay."""

import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from crashed import prepared
from elman.tasks import store
from interrupted import OUT, Fit, greedy, lasting, often, read_only, result, small_disk, steps

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("disk") / "origin")


@pytest.fixture
def home(origin, tmp_path):
    shutil.copytree(origin, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def disk(home):
    """Makes a directory in home a small disk of its own, with what is in it."""
    places = []

    def disk(name, size="64k"):
        place = home / name if name else home
        held = home.with_name("held")
        shutil.copytree(place, held) if place.exists() else held.mkdir()
        place.mkdir(exist_ok=True)
        context = small_disk(place, size)
        try:
            context.__enter__()
        except PermissionError as error:
            pytest.skip(str(error))
        places.append(context)
        shutil.copytree(held, place, dirs_exist_ok=True)
        return place

    yield disk
    for context in places:
        context.__exit__(None, None, None)


def one_sentence(ended, code=1):
    assert ended.code == code, ended.said
    assert ended.sentence.startswith("elman: ") and "Traceback" not in ended.said
    return ended.sentence


def test_no_room_for_checkpoints(home, disk):
    """The training goes on, and the model is saved where there is room."""
    place = disk(f"{OUT}.unfinished")
    (place / "filler").write_bytes(bytes(40 << 10))
    before = result(home)
    ended = Fit(home, "--overwrite", around=often).ended()
    assert ended.code == 0 and "No space left on device): make room" in ended.said
    assert result(home) != before


def test_no_room_for_the_model(home, disk):
    """64 KB hold the text and a small old model, but not the new one."""
    shutil.rmtree(home / OUT)
    store.put(home / OUT, {"config.json": b"{}"})
    disk("")
    (home / "filler").write_bytes(bytes(36 << 10))
    ended = Fit(home, "--overwrite", around=often).ended()
    assert "No space left on device" in one_sentence(ended)
    assert store.read(home / OUT) == {"config.json": b"{}"}
    assert {entry.name for entry in home.iterdir()} <= {"text.txt", "filler", OUT, f"{OUT}.unfinished"}
    (home / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=1m", str(home)], check=True)
    assert Fit(home, "--overwrite", "--resume").ended().code == 0
    result(home)


def test_a_disk_that_becomes_read_only(home, disk):
    disk("", "1m")
    before = result(home)
    fit = Fit(home, "--overwrite", around=lasting("step"))
    fit.reached()
    kept = steps(home)
    read_only(home)
    ended = fit.ended()
    assert "is not writable" in one_sentence(ended, code=2) or "Read-only" in ended.sentence
    assert "WARNING: no checkpoint could be written" in ended.said
    assert result(home) == before and steps(home) == kept


def test_a_directory_that_vanishes_is_made_again(home):
    fit = Fit(home, "--overwrite", around=lasting("step"))
    fit.reached()
    shutil.rmtree(home / OUT)
    shutil.rmtree(home / f"{OUT}.unfinished")
    assert fit.ended().code == 0
    result(home)
    fit = Fit(home, "--overwrite", around=lasting("step"))
    fit.reached()
    shutil.rmtree(home)
    assert fit.ended().code == 0
    result(home)


def test_files_that_may_not_grow(home):
    before = result(home)
    fit = Fit(home, "--overwrite", around=lasting("step"))
    fit.reached()
    resource.prlimit(fit.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    ended = fit.ended()
    assert "File too large" in ended.said
    assert result(home) == before and steps(home) == [3, 4]
    assert Fit(home, "--overwrite", "--resume").ended().code == 0


def test_memory_that_is_taken_away_while_learning(home):
    before = result(home)
    fit = Fit(home, "--overwrite", around=greedy(1 << 30))
    fit.reached()
    used = int(Path(f"/proc/{fit.pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(fit.pid, resource.RLIMIT_AS, (used + (256 << 20), used + (256 << 20)))
    said = one_sentence(fit.ended())
    assert "there is not enough memory: give a smaller --batch-size" in said and "step 4 is kept in" in said
    assert result(home) == before
    assert Fit(home, "--overwrite", "--resume").ended().code == 0


@pytest.mark.parametrize("what", [resource.RLIMIT_AS, resource.RLIMIT_DATA])
def test_memory_that_was_never_there(home, what):
    before = result(home)
    fit = Fit(home, "--overwrite", around=lasting("preparing soon"), hidden=40_000)
    fit.reached()
    resource.prlimit(fit.pid, what, (8 << 30, 8 << 30))
    assert "there is not enough memory" in one_sentence(fit.ended())
    assert result(home) == before and steps(home) == []
