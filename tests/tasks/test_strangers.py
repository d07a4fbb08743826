"""A model from somebody with bad intent is refused in a sentence, or is only a bad model: nothing else comes of it."""

import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save as tensors_to

import strangers
from elman.errors import InputError
from elman.tasks import format, store
from elman.tasks.load import TASKS, load
from strangers import GOOD, Watch, mutant, trial, write
from tiny_models import KINDS, tiny_models

QUICK = 300


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Of each kind the files of a model, and what it is asked."""
    home = tmp_path_factory.mktemp("models")
    return {name: (strangers.read(path), ask) for name, path, ask in tiny_models(home)}


@pytest.fixture
def home(tmp_path):
    return tmp_path / "model"


def edited(files, name, *changes):
    """The files with something else at some places of one JSON file: ``("series.lags", [1])``."""
    value = json.loads(files[name])
    for place, put in changes:
        inside, *keys = value, *place.split(".")
        for key in keys[:-1]:
            inside = inside[int(key) if isinstance(inside, list) else key]
        inside[keys[-1]] = put
    return {**files, name: json.dumps(value).encode()}


def with_tensors(files, name, **tensors):
    return {**files, name: tensors_to({**tensors_of(files[name]), **tensors})}


def test_every_task_has_a_shape_and_a_model_here(models):
    assert set(format.ENCODERS) == set(TASKS)
    if len(models) == len(KINDS):
        assert {json.loads(files["config.json"])["task"] for files, _ in models.values()} == set(TASKS)


def test_good_models_answer(models, home):
    assert {name: trial(home, *model) for name, model in models.items()} == dict.fromkeys(models, "answered")


def test_what_is_changed_at_random_is_refused_or_harmless(models, home):
    wrong, kinds = [], list(models)
    for at in range(QUICK):
        name = kinds[at % len(kinds)]
        files, ask = models[name]
        said = trial(home, mutant(files, random.Random(f"quick {at}")), ask)
        wrong += [(name, at, said)] * (said not in GOOD)
    assert wrong == []


HUGE = 10**9
CASES = [
    ("classify", "config.json", "config.hidden", HUGE, "does not fit together"),
    ("classify", "config.json", "config.hidden", 2**62, "does not fit together"),
    ("classify", "config.json", "config.hidden", "8", "--hidden must be a whole number or left out, but is '8'"),
    ("classify", "config.json", "config.layers", 10**6, "--layers must be at most"),
    ("classify", "config.json", "params.layers", 10**6, "--layers must be at most"),
    ("classify", "config.json", "config.members", 10**6, "--members must be at most"),
    ("classify", "config.json", "config.device", "meta", "--device must be cpu or cuda"),
    ("classify", "config.json", "plan.threads", HUGE, r"config\.json\.plan\.threads is 1000000000"),
    ("classify", "encoders.json", "classes", ["a"] * 2, "in which nothing occurs twice"),
    ("classify", "encoders.json", "encoder.level", "pickle", "must be one of byte, char, word, given, subword"),
    ("classify", "encoders.json", "linear", None, "a part of the answer"),
    ("subwords", "encoders.json", "encoder.merges", [["x", "yz"]], "a merge joins what is no symbol"),
    ("numbers", "encoders.json", "encoder.mean", [0.0] * 9, "must be a list of 9"),
    ("numbers", "encoders.json", "encoder.deviation", [0.0, 1.0], "must be a number from 1e-300"),
    ("pixels", "encoders.json", "encoder.shape", [10**6, 10**6, 1], "makes 1,000,000,000,000 pixels"),
    ("sounds", "encoders.json", "encoder.rate", HUGE, r"rate is 1000000000, but must be a whole number"),
    ("sounds", "encoders.json", "encoder.bands", HUGE, r"bands is 1000000000"),
    ("sounds", "encoders.json", "encoder.window", 1e9, r"window is 1000000000\.0"),
    ("sounds", "encoders.json", "encoder.hop", 1e-9, r"hop is 1e-09"),
    ("forecast", "encoders.json", "lookback", 10**12, r"lookback is 1000000000000"),
    ("forecast", "encoders.json", "series.lags", [10**12], r"lags\[0\] is 1000000000000"),
    ("forecast", "encoders.json", "series.lags", list(range(1, 10_000)), "makes 9,999 lags"),
    ("forecast", "encoders.json", "widen", [[0.8, 1.0]], "a factor for each of"),
    ("forecast", "encoders.json", "groups", ["a"] * 100_000, "in which nothing occurs twice"),
    ("forecast", "encoders.json", "reader.clock.step", "1 microsecond", "what the reader's columns and clock give"),
    ("speak", "encoders.json", "pace", 1e-12, r"pace is 1e-12"),
    ("speak", "encoders.json", "vocoder.bands", 9, "must be a list of 9"),
    ("summarize", "encoders.json", "longest", 10**12, r"longest is 1000000000000"),
    ("summarize", "config.json", "params.beam", HUGE, "--beam must be at most 1,000"),
    ("paint", "encoders.json", "shape", [4096, 4096, 1], "makes 16,777,216 pixels"),
    ("paint", "encoders.json", "neighbours", 11, "'neighbours' of kept.safetensors"),
]


@pytest.mark.parametrize(("kind", "file", "place", "value", "said"), CASES)
def test_what_is_absurd_is_told_in_a_sentence(models, home, kind, file, place, value, said):
    if kind not in models:
        pytest.skip(f"{kind} needs a library that is absent")
    with pytest.raises(InputError, match=said) as caught:
        load(write(home, edited(models[kind][0], file, (place, value))))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"timezone": "/etc/passwd"}, "no time zone"),
        ({"timezone": "America"}, "no time zone"),
        ({"step": "9" * 400 + " days"}, "a step must be"),
        ({"step": "90000000 years"}, "years to forecast"),
        ({"step": "1 microsecond", "weekly_slots": [0]}, "do not fit steps"),
        ({"step": "1 day", "weekly_slots": [0, 10**9]}, "do not fit steps"),
        ({"step": "1 day", "weekly_slots": []}, "do not fit steps"),
        ({"day": 99}, "from 1 to 31"),
    ],
)
def test_a_clock_that_no_data_has_is_refused(models, home, clock, said):
    own = json.loads(models["forecast"][0]["encoders.json"])["series"]["clock"] | clock
    changes = (("series.clock", own), ("reader.clock", own))
    with pytest.raises(InputError, match=said):
        load(write(home, edited(models["forecast"][0], "encoders.json", *changes)))


def test_weights_that_are_no_numbers_are_refused(models, home):
    files = models["recommend"][0]
    name, own = next(iter(tensors_of(files["weights.safetensors"]).items()))
    with pytest.raises(InputError, match="holds numbers that are not finite"):
        load(write(home, with_tensors(files, "weights.safetensors", **{name: own * torch.nan})))


def test_sessions_that_point_beyond_the_events_are_refused(models, home):
    files = models["recommend"][0]
    for tensors in ({"starts": torch.tensor([0, 10**12])}, {"events": torch.full((96,), 10**6, dtype=torch.int32)}):
        with pytest.raises(InputError, match="does not fit the rest of the model"):
            load(write(home, with_tensors(files, "kept.safetensors", **tensors)))


def test_a_few_bytes_that_unpack_to_gigabytes_are_refused(models, home):
    import zlib

    if "translate" not in models:
        pytest.skip("sacrebleu is absent")
    bomb = zlib.compressobj(9)
    packed = b"".join(bomb.compress(b" " * (1 << 20)) for _ in range(400)) + bomb.flush()
    memory = torch.frombuffer(bytearray(packed), dtype=torch.uint8)
    with pytest.raises(InputError, match="unpacks to far more than texts do"):
        load(write(home, with_tensors(models["translate"][0], "kept.safetensors", memory=memory)))


def test_a_header_that_promises_what_is_not_there_is_refused(models, home):
    head = json.dumps({"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    raw = struct.pack("<Q", len(head)) + head
    with pytest.raises(InputError, match="not readable as safetensors"):
        load(write(home, {**models["tag"][0], "weights.safetensors": raw}))


def test_a_model_of_a_gpu_is_read_where_there_is_none(models, home):
    files, ask = models["tag"]
    model = load(write(home, edited(files, "config.json", ("config.device", "cuda:7"), ("params.device", "cuda:7"))))
    assert model.config_.device == "cpu" and model.device == "cuda:7"
    assert ask(model) == ask(load(write(home, files)))


# The files as they lie.


def test_what_is_no_file_is_not_waited_for(models, home):
    write(home, models["tag"][0])
    (home / "log.jsonl").unlink()
    os.mkfifo(home / "log.jsonl")
    with pytest.raises(InputError, match=r"log\.jsonl is missing from the model"):
        load(home)


def test_a_file_that_is_too_long_is_not_read(models, home, monkeypatch):
    write(home, models["tag"][0])
    monkeypatch.setitem(store.LARGEST, "log.jsonl", 10)
    with pytest.raises(InputError, match="at most 10 are read: do not use this model"):
        load(home)


def test_what_else_lies_there_is_left_alone(models, home):
    files, ask = models["tag"]
    write(home, {**files, "notes.bin": b"\x80"})
    (home / "notes.bin").unlink()
    (home / "notes.bin").symlink_to("/dev/zero")
    (home / "sub").mkdir()
    assert ask(load(home)) == ask(load(write(home.parent / "plain", files)))


def test_too_many_names_are_refused(models, home):
    manifest = json.loads((write(home, models["tag"][0]) / "manifest.json").read_text())
    manifest["files"] |= {f"f{at}": {} for at in range(store.MOST_FILES)}
    (home / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="but a model has 64 at most"):
        load(home)


def test_loading_opens_nothing_outside_and_runs_nothing(models, home, tmp_path):
    watch = Watch()
    for files, ask in models.values():
        assert trial(home, files, ask, watch) == "answered"
    assert watch.seen == []
    watch.folder = home
    (tmp_path / "x").write_text("x")
    watch.folder = None
    assert watch.seen == [f"open {tmp_path / 'x'}"], "the watch sees nothing"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_of_them_under_limits_of_time_and_memory(tmp_path, seed):
    page = Path(strangers.__file__)
    run = [sys.executable, str(page), str(tmp_path), "2500", str(seed)]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=1200)
    found = json.loads(done.stdout)
    assert found["bad"] == [] and found["ran"] == []
    assert sum(found["found"].values()) == 2500 and found["found"]["answered"] > 100
