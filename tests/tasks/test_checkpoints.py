"""Checkpoints that are harmed, of another fit, or from somebody with bad intent: none is gone on with."""

import random
import shutil
import signal
import time

import pytest
import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save as tensors_to

from crashed import SETTINGS, unfinished
from elman.errors import ElmanError, InputError
from elman.tasks import store
from elman.tasks.checkpoints import LARGEST, RUN, STATE, Checkpoints
from elman.tasks.generate import Generator
from harmed import harms
from strangers import Late, change_json, change_tensors, change_text, late


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    return unfinished(tmp_path_factory.mktemp("checkpoints") / "home")


@pytest.fixture
def path(origin, tmp_path):
    shutil.copytree(origin.parent, tmp_path / "home")
    return tmp_path / "home" / origin.name


def places(path):
    return sorted(one for one in path.iterdir() if one.name.isdecimal())


def go_on(path, **settings):
    told = []
    checkpoints = Checkpoints(path, minutes=0, resume=True, told=told.append)
    task = Generator(**{**SETTINGS, **settings})
    task.fit(path.parent / "text.txt", checkpoints=checkpoints, look="never", judged=False)
    return task.training_.resumed, told


def resigned(place, **files):
    held = store.read(place, LARGEST)
    store.put(place, held | {name.replace("_", "."): raw for name, raw in files.items()})


# Harm.


def fallen_back(path, flips, truncations):
    before, newest = places(path)
    wanted = store.read(before, LARGEST)
    for name, raw, what in harms(newest, flips, truncations, seed=0):
        whole = (newest / name).read_bytes()
        (newest / name).write_bytes(raw)
        told = []
        got = Checkpoints(path, resume=True, told=told.append).newest()
        assert got == (wanted[RUN], wanted[STATE]), what
        assert len(told) == 1 and told[0].endswith(")")
        assert told[0].startswith(f"WARNING: the checkpoint of step {int(newest.name)} is passed over (")
        (newest / name).write_bytes(whole)
    assert Checkpoints(path, resume=True).newest()[1] == store.read(newest, LARGEST)[STATE]


def test_a_harmed_one_is_never_loaded_but_the_one_before(path):
    fallen_back(path, 100, 100)


@pytest.mark.slow
def test_two_thousand_harms(path):
    fallen_back(path, 1000, 1000)


def test_of_harmed_ones_alone_nothing_begins_anew(path):
    for place in places(path):
        (place / STATE).unlink()
    before = sorted(path.rglob("*"))
    with pytest.raises(InputError, match="holds no whole checkpoint, though 2 that are harmed: restore one"):
        go_on(path)
    assert sorted(path.rglob("*")) == before


def test_a_file_that_cannot_be_read_is_a_harmed_one(path, monkeypatch):
    newest, read = places(path)[-1], store.read

    def broken(place, *rest):
        if place == newest:
            raise OSError(5, "Input/output error")
        return read(place, *rest)

    monkeypatch.setattr(store, "read", broken)
    resumed, told = go_on(path)
    assert resumed == int(newest.name) - 1 and "Input/output error" in told[0]


class Stop(Exception):
    pass


def test_those_of_before_do_not_displace_new_ones(path):
    """A new fit's steps are few, those of the one that it overwrites many: its own must stay all the same."""

    def stop(event):
        if event["event"] == "step" and event["step"] == 4:
            raise Stop

    class Always(Checkpoints):
        def due(self, end):
            return True

    with pytest.raises(Stop):
        Generator(**SETTINGS).fit(
            path.parent / "text.txt", checkpoints=Always(path, overwrite=True), look="never", watch=stop
        )
    assert [int(place.name) for place in places(path)] == [2, 3]
    assert go_on(path)[0] == 3


def test_harmed_ones_make_room_for_new_ones(path):
    newest = places(path)[-1]
    (newest / RUN).write_bytes(b"")
    checkpoints = Checkpoints(path, minutes=0, resume=True)
    checkpoints.due = lambda end: True
    Generator(**SETTINGS).fit(path.parent / "text.txt", checkpoints=checkpoints, look="never", judged=False)
    assert [int(place.name) for place in places(path)] == [SETTINGS["steps"] - 1, SETTINGS["steps"]]
    assert all(store.read(place, LARGEST) for place in places(path))
    checkpoints.done()
    assert not path.exists()


# Others.


def test_of_another_fit(path):
    with pytest.raises(InputError, match=r"--seed is 5, but the unfinished fit in .* has 0: repeat its command"):
        go_on(path, seed=5)
    (path.parent / "text.txt").write_text("something else " * 100)
    with pytest.raises(InputError, match="is an unfinished fit of another file: repeat its command"):
        go_on(path)


def changed(path, change):
    for place in places(path):
        tensors = tensors_of((place / STATE).read_bytes())
        change(tensors)
        resigned(place, state_safetensors=tensors_to(tensors))


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("feed"),
        lambda t: t.update(feed=t["feed"][:-1].clone()),
        lambda t: t.update(feed=t["feed"].float()),
        lambda t: t.update({"own.0.random": torch.zeros(3, dtype=torch.uint8)}),
        lambda t: t.update({"network.members.0.bias": torch.zeros(99)}),
        lambda t: t.update({"network.members.0.bias": t["network.members.0.bias"] * torch.nan}),
        lambda t: t.pop("network.members.0.bias"),
        lambda t: t.update({"network.more": torch.zeros(1)}),
        lambda t: t.pop("best.members.0.bias"),
        lambda t: t.update({"best.members.0.bias": t["best.members.0.bias"].double()}),
        lambda t: t.update({"optimizer.0.exp_avg": torch.zeros(1)}),
        lambda t: t.update({"optimizer.0.step": torch.zeros(5)}),
        lambda t: t.update({"optimizer.99.step": torch.zeros(())}),
        lambda t: t.update({"optimizer.-1.step": torch.zeros(())}),
        lambda t: t.pop("optimizer.0.exp_avg_sq"),
        lambda t: t.update({"optimizer.0.more": torch.zeros(())}),
        lambda t: t.update({name: torch.zeros(1, 2, 3) for name in t if "carried" in name}),
        lambda t: t.update({name: torch.zeros(2) for name in t if "carried" in name}),
        lambda t: t.update({name: t[name].to(torch.int8) for name in t if "carried" in name}),
    ],
)
def test_tensors_that_do_not_fit_are_told_in_a_sentence(path, change):
    changed(path, change)
    before = {one: one.read_bytes() for one in path.rglob("*.safetensors")}
    with pytest.raises(InputError, match=r"does not fit this training .*begin anew with --overwrite") as caught:
        go_on(path)
    assert "\n" not in str(caught.value) and "kept in" not in str(caught.value)
    assert before == {one: one.read_bytes() for one in path.rglob("*.safetensors")}


def tried(path, draw):
    """What becomes of going on with a checkpoint one thing in which is changed, its hashes signed again."""
    newest = places(path)[-1]
    held = store.read(newest, LARGEST)
    name = draw.choice((RUN, RUN, STATE))
    change = change_tensors if name == STATE else draw.choice((change_json, change_json, change_json, change_text))
    store.put(newest, held | {name: change(held[name], draw)})
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 10)
    try:
        go_on(path)
    except ElmanError as error:
        return "refused" if "\n" not in str(error) and len(str(error)) < 700 else f"no sentence: {error}"
    except Late:
        return "long"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        store.put(newest, held)
    return "gone on"


def strange(path, count, seed):
    found = {}
    for at in range(count):
        said = tried(path, random.Random(f"{seed} {at}"))
        found.setdefault(said, []).append(at)
    assert found.keys() <= {"refused", "gone on", "long"}, found
    return found


def test_those_of_a_stranger_are_refused_or_harmless(path):
    assert len(strange(path, 25, "quick")["refused"]) > 10


@pytest.mark.slow
def test_many_of_a_stranger(path):
    began = time.monotonic()
    assert len(strange(path, 600, "slow")["refused"]) > 300
    assert time.monotonic() - began < 1200
