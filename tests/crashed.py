"""A fit that is killed wherever one asks: before a write, half-way through it, before a sync, a rename, a removal.

Everything is forked from one process that has everything imported, so that a death and a going on take a second.
"""

import contextlib
import hashlib
import json
import os
import pickle
import select
import shutil
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from elman.cli.commands import run_fit
from elman.tasks import store
from elman.tasks.checkpoints import Checkpoints
from elman.tasks.generate import Generator
from elman.train.kept import Kept

PATIENCE = 120.0  # seconds after which a process is stuck
SETTINGS: dict[str, Any] = {"chunk": 8, "embedding": 2, "valid_share": 0.1, "steps": 12, "hidden": 3, "batch_size": 8}
KILLED = -signal.SIGKILL


def text(rows: int = 60) -> str:
    draw = np.random.default_rng(0)
    return "\n".join(" ".join(draw.choice(("red", "green", "blue", "dark"), 4)) for _ in range(rows))


def forked(work: Callable[[], Any]) -> Any:
    """What ``work`` gives in a process of its own, or the number of the signal, negated, that killed it."""
    heard, said = os.pipe()
    child = os.fork()
    if not child:
        os.close(heard)
        try:
            answer = pickle.dumps((True, work()))
        except BaseException:
            answer = pickle.dumps((False, traceback.format_exc()))
        with os.fdopen(said, "wb") as sink:
            sink.write(answer)
        os._exit(0)
    os.close(said)
    raw = b""
    with os.fdopen(heard, "rb") as source:
        while select.select([source], [], [], PATIENCE)[0]:
            if not (piece := os.read(source.fileno(), 1 << 16)):
                break
            raw += piece
        else:
            os.kill(child, signal.SIGKILL)
            raise AssertionError(f"a process was stuck for {PATIENCE:g} seconds")
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return -os.WTERMSIG(status)
    good, answer = pickle.loads(raw)
    assert good, answer
    return answer


class Points:
    """The places at which a process can die, in their order; at number ``last`` it does."""

    def __init__(self, last: int | None = None) -> None:
        self.kinds: list[str] = []
        self.last = last

    def reached(self, kind: str, then: Callable[[], Any] = lambda: None) -> None:
        if len(self.kinds) == self.last:
            then()
            os.kill(os.getpid(), signal.SIGKILL)
        self.kinds.append(kind)

    @contextlib.contextmanager
    def watched(self, *, exchange: bool = True):
        """In this block everything that changes the disk is such a place."""
        real_open, exchanged = Path.open, store._exchanged

        def opened(path, mode="r", *rest, **named):
            if "w" not in mode:
                return real_open(path, mode, *rest, **named)
            self.reached("open")
            return _Sink(self, real_open(path, mode, *rest, **named))

        def in_place(one, other):
            self.reached("exchange")
            return exchange and exchanged(one, other)

        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(Path, "open", opened))
            stack.enter_context(mock.patch.object(store, "_exchanged", in_place))
            for name in ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir", "chmod"):
                stack.enter_context(mock.patch.object(os, name, self._before(name, getattr(os, name))))
            yield

    def _before(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.reached(kind)
            return real(*arguments, **named)

        return call


class _Sink:
    """A file being written, the writing of which can stop half-way."""

    def __init__(self, points: Points, own: Any) -> None:
        self.points, self.own = points, own

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.own.close()

    def __getattr__(self, name):
        return getattr(self.own, name)

    def write(self, raw):
        def half():
            self.own.write(raw[: len(raw) // 2])
            self.own.flush()

        self.points.reached("write")
        self.points.reached("half a write", half)
        return self.own.write(raw)


class Often(Checkpoints):
    """Checkpoints after every step, the last of which can be looked at."""

    last: Kept | None = None

    def due(self, end: bool) -> bool:
        return True

    def keep(self, kept: Kept) -> None:
        self.last = kept
        super().keep(kept)


def fit(home: Path, *, resume: bool = False, minutes: float = 1.0, kind: type = Often, **settings: Any) -> dict:
    """What ``elman fit generate`` does in ``home``, and digests of everything that must be the same bits."""
    out = home / "text.elman"
    told: list[str] = []
    checkpoints = kind(home / "text.elman.unfinished", minutes=minutes, resume=resume, overwrite=True, told=told.append)
    task = Generator(**{**SETTINGS, **settings})
    task.report = lambda: "<html></html>"  # drawing takes longer than all else
    with (
        Path(os.devnull).open("a") as nothing,
        contextlib.redirect_stderr(nothing),
        contextlib.redirect_stdout(nothing),
    ):
        run_fit(task, home / "text.txt", out=out, overwrite=True, as_json=False, quiet=True, checkpoints=checkpoints)
    return {**digests(task, checkpoints.last), "told": told, "resumed": task.training_.resumed}


def digests(task: Any, last: Kept) -> dict[str, str]:
    facts = {name: value for name, value in last.facts.items() if name not in ("seconds", "looking", "history")}
    evaluation = {name: value for name, value in task.evaluation_.to_json().items() if name not in ("notes", "seconds")}
    history = [{name: value for name, value in record.items() if name != "seconds"} for record in task.history_]
    return {
        "weights": _digest(store.dump(task.network_.state_dict())),
        "state": _digest(store.dump(dict(sorted(last.tensors.items())))),
        "facts": _digest(store.dump_json(facts)),
        "history": _digest(json.dumps(history).encode()),
        "evaluation": _digest(store.dump_json(evaluation)),
    }


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def unfinished(home: Path, **settings: Any) -> Path:
    """Two checkpoints of a fit that was never finished."""
    home.mkdir(parents=True)
    (home / "text.txt").write_text(text())
    task = Generator(**{**SETTINGS, **settings})
    path = home / "text.elman.unfinished"
    path.mkdir()
    task.fit(home / "text.txt", checkpoints=Before(path, minutes=1), look="never", judged=False)
    return path


class Before(Often):
    """Checkpoints after each of the first steps."""

    asked = 0

    def due(self, end: bool) -> bool:
        self.asked += 1
        return self.asked <= 5


@dataclass
class Deaths:
    """How many were died at each kind of place, and in words what became worse by it."""

    tried: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    resumed: int = 0  # of them went on from a checkpoint, not from the beginning
    left: int = 0  # of them left something behind that is there still


def prepared(home: Path) -> Path:
    """A text, and an older model at the place of the one to come; warm, so that what is forked begins at once."""
    home.mkdir(parents=True)
    (home / "text.txt").write_text(text())
    fit(home, seed=7)
    return home


def deaths(origin: Path, every: int = 1, *, first: int = 0, exchange: bool = True) -> Deaths:
    """Die at every so many-th place of a fit that replaces the model in ``origin``, and go on."""
    home = origin.with_name("home")
    _copied(origin, home)
    old = weights(home)

    def whole():
        points = Points()
        with points.watched(exchange=exchange):
            return points.kinds, fit(home)

    kinds, wanted = forked(whole)
    new = weights(home)
    assert old != new
    found = Deaths()
    for at in range(first, len(kinds), every):
        _copied(origin, home)

        def dying(last=at):
            with Points(last).watched(exchange=exchange):
                return fit(home)

        if forked(dying) != KILLED:
            found.wrong.append(f"{at} ({kinds[at]}): it did not die")
            continue
        found.tried[kinds[at]] += 1
        try:
            if weights(home) not in (old, new):
                found.wrong.append(f"{at} ({kinds[at]}): the model is neither the old one nor the new one")
        except Exception as error:
            found.wrong.append(f"{at} ({kinds[at]}): the model cannot be read: {error}")
        got = forked(lambda: fit(home, resume=True))
        found.resumed += got["resumed"] is not None
        found.wrong += [f"{at} ({kinds[at]}): other {name}" for name in _differing(got, wanted)]
        if weights(home) != new:
            found.wrong.append(f"{at} ({kinds[at]}): another model in the end")
        found.left += bool({entry.name for entry in home.iterdir()} - {"text.txt", "text.elman"})
    return found


def _copied(origin: Path, home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(origin, home)


def _differing(got: dict, wanted: dict) -> list[str]:
    return [name for name in wanted if name not in ("told", "resumed") and got[name] != wanted[name]]


def weights(home: Path) -> bytes:
    """Those of the model, which must be whole."""
    return store.read(home / "text.elman")["weights.safetensors"]
