"""The same seed gives the same bits: of every kind of model, in two runs, in two processes, after an interruption.

Each thread sums up the weights' gradients of its own rows, so that another number of them gives other last bits; but
how many compute is in the plan of a fit, and a repetition keeps to it.
"""

import hashlib
import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script, which the second process runs

from elman.tasks import base
from elman.train.kept import Kept
from tiny_models import KINDS, NEEDS

STEPS = 9
NAMES = [make.__name__ for make in KINDS]


def digest(network):
    tensors = network.state_dict()
    return hashlib.sha256(b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors))).hexdigest()


class Notes:
    def __init__(self):
        self.all = []

    def due(self, end):
        return True

    def keep(self, kept):
        self.all.append((json.dumps(kept.facts, allow_nan=False), save(kept.tensors)))


def timeless(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


def trained(monkeypatch, kind, folder, tried):
    """Make a model of this kind; ``tried`` is given a way to train it, with options, and gives its own training."""
    real = base.train

    def train(network, examples, loss, validate, config, **options):
        config = replace(config, steps=STEPS, patience=0)

        def once(**more):
            own = deepcopy(network)
            return own, real(own, examples, loss, validate, config, **{**options, **more})

        tried(once)
        return real(network, examples, loss, validate, config, **options)

    monkeypatch.setattr(base, "train", train)
    for library in NEEDS.get(kind, ()):
        pytest.importorskip(library)
    KINDS[NAMES.index(kind)](folder)


@pytest.mark.parametrize("kind", NAMES)
def test_two_runs_and_an_interrupted_one_are_the_same_bits(monkeypatch, tmp_path, kind):
    seen = []

    def tried(once):
        notes = Notes()
        first, training = once(keeper=notes)
        second, _ = once()
        assert digest(first) == digest(second)
        for facts, tensors in notes.all[1 : STEPS - 1 : 3]:
            kept = Kept(json.loads(facts), load(tensors))
            again, resumed = once(kept=kept)
            assert digest(again) == digest(first)
            assert timeless(resumed.history) == timeless(training.history)
            seen.append(kept.facts["place"]["step"])

    trained(monkeypatch, kind, tmp_path, tried)
    assert seen[:3] == [2, 5, 8]


@pytest.mark.slow
@pytest.mark.parametrize("kind", NAMES)
def test_a_plan_gives_the_same_bits_however_many_threads_there_are_around_it(monkeypatch, tmp_path, kind):
    """It says how many compute; what is kept of an interrupted training does as well."""
    found = []

    def tried(once):
        notes = Notes()
        first, training = once(keeper=notes)
        facts, tensors = notes.all[3]
        before = torch.get_num_threads()
        torch.set_num_threads(3 - training.plan.threads)
        try:
            replayed, _ = once(plan=training.plan)
            resumed, _ = once(kept=Kept(json.loads(facts), load(tensors)))
        finally:
            torch.set_num_threads(before)
        found.append(digest(first) == digest(replayed) == digest(resumed))

    trained(monkeypatch, kind, tmp_path, tried)
    assert found == [True]


def all_digests(folder):
    """One line a kind; those whose library is not there are left out."""
    import importlib.util

    for make in KINDS:
        if all(importlib.util.find_spec(library) for library in NEEDS.get(make.__name__, ())):
            home = folder / make.__name__
            home.mkdir(parents=True)
            yield f"{make.__name__} {digest(make(home)[0].network_)}"


@pytest.mark.slow
def test_two_processes_give_the_same_bits(tmp_path):
    command = [sys.executable, "-W", "error", __file__, str(tmp_path / "other")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        own = list(all_digests(tmp_path / "own"))
        assert other.stdout.read().splitlines() == own and len(own) >= 10


if __name__ == "__main__":
    print("\n".join(all_digests(Path(sys.argv[1]))))
