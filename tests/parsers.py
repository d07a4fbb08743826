"""Every page that reads what users hand over: small good files of each kind, and the call that reads one.

``PARSERS`` is what mutated files (``mutated.py``) and the fuzzers (``fuzz/``) are put through. Each reads all that a
command would, so that a file which passes its first page meets the next one too.
"""

import functools
import gzip
import importlib.util
import io
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

import good_files
from elman.errors import InputError


@dataclass(frozen=True)
class Parser:
    """A kind of file: its suffix, good ones, and what reads it; ``needs`` are the libraries without which it cannot.

    Where it is read in ``many`` ways, not all of them fit a good one either.
    """

    suffix: str
    good: Callable[[], list[bytes]]
    read: Callable[[Path], Any]
    needs: tuple[str, ...] = ()
    many: bool = False

    @property
    def here(self) -> bool:
        return all(importlib.util.find_spec(name) for name in self.needs)


def every(*calls: Callable[[], Any]) -> None:
    """All of them, whichever refuse; then what the first that did so said."""
    said: list[InputError] = []
    for call in calls:
        try:
            call()
        except InputError as error:
            said.append(error)
    if said:
        raise said[0]


# Tables, and what is made of one.


def read_a_table(path: Path) -> None:
    from elman.data.series.reader import SeriesReader
    from elman.data.sessions.reader import read_sessions
    from elman.data.table import categories, numbers, read_table
    from elman.data.text.reader import read_labelled, read_texts
    from elman.data.times import guess_time_column, read_times

    frame = read_table(path)
    names = frame.columns[:6]
    options = {"known": (), "inputs": None, "time": None, "group": None, "duplicates": None, "timezone": None}
    for target in ("y", "*"):
        every(lambda target=target: SeriesReader.first(path, targets=(target,), **options))
    every(
        lambda: guess_time_column(frame),
        *(functools.partial(read, frame, name) for name in names for read in (numbers, categories, read_times)),
        lambda: read_sessions(path, "shop", "word", "day"),
        lambda: read_labelled(path, "word", "shop"),
        lambda: read_labelled(path, "word", "y", number=True),
        lambda: read_texts(path, "word", "translate"),
        lambda: SeriesReader.first(path, targets=("y",), **options | {"time": ("day",), "group": "shop"}),
    )


# Texts.


def read_a_text(path: Path) -> None:
    from elman.data.text.reader import read_plain, read_tagged, read_texts

    every(
        lambda: read_plain(path),
        lambda: read_tagged(path),
        lambda: read_tagged(path, tagged=False),
        lambda: read_texts(path, "text", "translate"),
    )


def read_the_vectors(path: Path) -> None:
    from elman.data.text.vectors import read_vectors

    read_vectors(path, ["red", "green", "x", "9", "\ufffd", "New York"])


def read_a_vocabulary(path: Path) -> None:
    from elman.data.text.tokens import Tokens
    from elman.tasks.store import parse_json

    found = Tokens.from_json(parse_json(path.read_bytes(), path.name))
    found.encode(["red green", "", "漢字"])
    found.decode([0, 1, 2])


# Sounds, pictures, clips.


def read_a_sound(path: Path) -> None:
    from elman.data.sound.reader import header, read_sound

    header(path)
    read_sound(path, 8000)


def read_a_manifest(path: Path) -> None:
    from elman.data.sound.manifest import read_manifest, sound_column

    beside = path.parent / "a.wav"
    if not beside.exists():
        beside.write_bytes(good_files.sounds("WAV")[0])
    every(lambda: sound_column(path), lambda: read_manifest(path, "file", "text"))


def read_a_picture(path: Path) -> None:
    from elman.data.pictures.source import read_pictures

    every(lambda: read_pictures(path, "train"), lambda: read_pictures(path, "train", shape=(8, 8, 3)))


def read_an_archive(path: Path) -> None:
    from elman.data.pictures.archive import held_part
    from elman.data.pictures.source import read_pictures

    held_part(path)
    every(
        lambda: read_pictures(path, "train"),
        lambda: read_pictures(path, "test"),
        lambda: read_pictures(path, "train", shape=(2, 2, 1)),
    )


def read_a_kept_clip(path: Path) -> None:
    """The file in the place of one that was kept: read, or decoded anew."""
    from elman.data.clips import cache

    home = path.parent / "cache"
    shutil.rmtree(home, ignore_errors=True)
    with mock.patch.dict(os.environ, {cache.NAME: str(home)}):
        frames = np.zeros((2, 4, 4, 1), np.uint8)
        cache.kept(path, "", lambda: frames)
        (kept,) = home.glob("*.npy")
        kept.write_bytes(path.read_bytes())
        assert cache.kept(path, "", lambda: frames).ndim == 4


def read_a_clip(path: Path) -> None:
    from elman.data.clips.reader import clip_size, read_clip

    clip_size(path)
    read_clip(path, (8, 8), True, 4)


# Settings, weights by hand, states of streams, lines of stdin.


def read_settings(path: Path) -> None:
    from elman.cli.arguments import whole_numbers, with_config

    whole_numbers(with_config(["fit", "forecast", "x.csv", "--config", str(path), "--target=y"]))


def read_a_trace(path: Path) -> None:
    from elman.cli.trace import _read
    from elman.explain.trace import Weights, trace

    for cell in ("rnn", "lstm"):
        found = _read(path)
        trace(cell, found.pop("x", [1.0, 0.5]), Weights.of(cell, **found))


@functools.cache
def streams() -> Any:
    from elman.deploy.stream.streams import Streams
    from elman.tasks.classify import Classifier

    texts = ["red green", "blue dark"] * 12
    model = Classifier(causal=True, blend=False, rarest=1, steps=2, hidden=2, batch_size=8)
    return Streams(model.fit(texts, ["a", "b"] * 12), most=64, together=1)


def read_a_state(path: Path) -> None:
    stream = streams().open(path.read_bytes())
    try:
        stream.step("red")
    finally:
        stream.close()


def read_steps(path: Path) -> None:
    from elman.cli.stream import steps
    from elman.data.arrays import Numbers
    from elman.data.scale import Scaler

    tasks = (
        SimpleNamespace(name="forecast", reader_=SimpleNamespace(targets=("y",))),
        SimpleNamespace(name="recommend"),
        SimpleNamespace(name="classify", encoder_=Numbers(Scaler(np.zeros(2), np.ones(2)))),
        SimpleNamespace(name="classify"),
    )
    every(*(functools.partial(lambda task: list(steps(io.BytesIO(path.read_bytes()), task)), task) for task in tasks))


# Networks of other libraries.


def read_a_network(path: Path) -> None:
    """As ``elman import`` does, but for Keras's own answer, which is another process's."""
    from elman.deploy.imports import open_file

    found = open_file(path, cell="rnn_tanh" if path.suffix == ".safetensors" else None)
    if found.library != "Keras":
        found.check()


PARSERS: dict[str, Parser] = {
    "csv": Parser(".csv", good_files.tables, read_a_table, many=True),
    "csv.gz": Parser(
        ".csv.gz", lambda: [gzip.compress(raw, 1) for raw in good_files.tables()[:2]], read_a_table, many=True
    ),
    "jsonl": Parser(".jsonl", good_files.json_lines, read_a_table, many=True),
    "parquet": Parser(".parquet", good_files.parquets, read_a_table, many=True),
    "text": Parser(".txt", good_files.words, read_a_text, many=True),
    "vectors": Parser(".vec", good_files.vectors, read_the_vectors),
    "vocabulary": Parser(".json", good_files.vocabularies, read_a_vocabulary),
    "manifest": Parser(".tsv", good_files.manifests, read_a_manifest, ("soundfile", "soxr")),
    "npz": Parser(".npz", good_files.archives, read_an_archive),
    "npy": Parser(".npy", good_files.kept_clips, read_a_kept_clip),
    "toml": Parser(".toml", good_files.settings, read_settings),
    "json": Parser(".json", good_files.traces, read_a_trace, many=True),
    "state": Parser(".state", lambda: good_files.states(streams()), read_a_state),
    "steps": Parser(".lines", good_files.lines, read_steps, many=True),
    "safetensors": Parser(".safetensors", good_files.torch_weights, read_a_network),
    "onnx": Parser(".onnx", good_files.onnx_files, read_a_network, ("onnx", "onnxruntime")),
    "keras": Parser(".keras", good_files.keras_archives, read_a_network, ("h5py",)),
    "h5": Parser(".h5", good_files.keras_h5, read_a_network, ("h5py",)),
    **{
        kind: Parser(
            f".{kind}", functools.partial(good_files.sounds, kind.upper()), read_a_sound, ("soundfile", "soxr")
        )
        for kind in ("wav", "flac", "ogg", "mp3")
    },
    **{
        suffix: Parser(f".{suffix}", functools.partial(good_files.pictures, kind), read_a_picture, ("PIL",))
        for suffix, kind in {
            "png": "PNG",
            "jpg": "JPEG",
            "gif": "GIF",
            "bmp": "BMP",
            "webp": "WEBP",
            "tif": "TIFF",
            "pgm": "PPM",
        }.items()
    },
    **{
        kind: Parser(f".{kind}", functools.partial(good_files.clips, kind), read_a_clip, ("av",))
        for kind in ("mp4", "avi")
    },
}
