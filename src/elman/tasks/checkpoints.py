"""Unfinished fits on disk: where a training is, twice, beside the model that it will become.

``prices.elman.unfinished/000000120/`` holds what is needed to go on from step 120, as a saved model is held: a manifest
with the SHA-256 of each file, the whole put in its place by one rename. The two newest stay, so that there is one to go
back to when the disk has harmed the other.
"""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save as dump_tensors

from elman.data.files import short
from elman.data.fingerprint import fingerprint
from elman.errors import ElmanError, InputError, MissingDependency
from elman.stopping import NOTHING, Stopped
from elman.tasks import format, store
from elman.train.kept import Kept
from elman.version import __version__

NAME = re.compile(r"[0-9]{9,12}")  # of a checkpoint: its step
RUN, STATE = "run.json", "state.safetensors"
LARGEST = {RUN: 256 << 20, STATE: 16 << 30}
GENERATIONS = 2
SHARE = 0.05  # of the time that may go into writing
WORTH = 60.0  # seconds of training after which its end is kept while the model is judged
WORDS = {"task": "task", "source": "file", "valid": "--valid file", "test": "--test file"}  # of an identity's parts
Told = Callable[[str], None]


@dataclass(frozen=True)
class Begun:
    """A fit to go on with: its settings, every size resolved, and where its training is."""

    config: dict[str, Any]
    kept: Kept


def identity(task: Any, source: Any, valid: Any, test: Any) -> dict[str, Any]:
    """What a fit is of: a checkpoint of anything else is not gone on with, and no process may have another."""
    parts = {"source": source, "valid": valid, "test": test}
    return {
        "task": task.name,
        "params": task.get_params(deep=False),
        **{name: fingerprint(part) for name, part in parts.items()},
    }


class Checkpoints:
    """The checkpoints of one fit in the directory ``path``, written every so many ``minutes``; of 0 when it is stopped.

    With ``resume`` the fit goes on from the newest that is whole. ``told`` hears what there is to say, line by line.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        minutes: float = 5.0,
        resume: bool = False,
        overwrite: bool = False,
        told: Told = lambda line: None,
    ) -> None:
        if not 0 <= minutes < float("inf"):
            raise InputError(f"--checkpoint-minutes must be at least 0, but is {minutes:g}")
        self.path, self.resume, self.overwrite, self.told = Path(path), resume, overwrite, told
        self.every, self.taken = 60 * minutes, 0.0  # seconds between two, and those that the last one took
        self.since = self.began = time.monotonic()
        self.identity: dict[str, Any] = {}
        self.open: dict[str, Any] = {}  # the settings, some of which the fit finds out
        self.config: Any = None
        self.begun: int | None = None  # the step that it went on from
        self.step: int | None = None  # the newest that it wrote

    # Before the fit.

    def check(self) -> None:
        """Raise InputError where an unfinished fit lies there that nobody has said what to do with."""
        steps = self._steps()
        if steps and not (self.resume or self.overwrite):
            raise InputError(
                f"{self.path} holds an unfinished fit, at step {steps[-1]:,}: go on with it by --resume, or begin anew "
                "with --overwrite"
            )
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
            raise InputError(f"{self.path} is in the way of the checkpoints: move it, or give another --out")

    def goes_on(self) -> bool:
        """Whether there is something to go on with."""
        return self.resume and bool(self._steps())

    def about(self, identity: dict[str, Any], config: Any) -> None:
        """What the fit is of, and the settings of its command."""
        self.identity, self.open = identity, asdict(config)

    def newest(self) -> tuple[bytes, bytes] | None:
        """The files of the newest checkpoint that is whole, if the fit is to go on; harmed ones are told of.

        Raises InputError where there are some, but none is whole: that hours of work begin anew is for people to say.
        """
        if not self.resume:
            return None
        steps = self._steps()
        for step in reversed(steps):
            place = self.path / f"{step:09}"
            try:
                files = store.read(place, LARGEST)
                if missing := LARGEST.keys() - files.keys():
                    raise InputError(f"{place} lacks {', '.join(sorted(missing))}")
            except (InputError, OSError) as error:
                self.told(f"WARNING: the checkpoint of step {step:,} is passed over ({error})")
                continue
            self.begun = step
            return files[RUN], files[STATE]
        if steps:
            raise InputError(
                f"{self.path} holds no whole checkpoint, though {len(steps)} that are harmed: restore one from a copy, "
                "or begin anew with --overwrite instead of --resume"
            )
        self.told(f"{self.path} holds no checkpoint to go on from: beginning at step 0")
        return None

    def read(self, run: bytes, state: bytes) -> Begun:
        """What these files hold. Raises InputError where they are of another fit."""
        head = store.parse_json(run, RUN)
        format.CHECKPOINT(head, RUN)
        own = store.parse_json(store.dump_json(self.identity), RUN)
        if changed := [name for name in WORDS if own[name] != head["identity"].get(name) and not _unread(own[name])]:
            raise InputError(
                f"{self.path} is an unfinished fit of another {WORDS[changed[0]]}: repeat its command, or begin anew "
                "with --overwrite instead of --resume"
            )
        before = head["identity"]["params"]
        if changed := [name for name in own["params"] if own["params"][name] != before.get(name)]:
            name = changed[0]
            now, then = (_told(params.get(name)) for params in (own["params"], before))
            raise InputError(
                f"--{name.replace('_', '-')} is {now}, but the unfinished fit in {self.path} has {then}: repeat its "
                "command, or begin anew with --overwrite instead of --resume"
            )
        return Begun(self._found_out(head["config"]), Kept(head["facts"], store.tensors(state, STATE)))

    def _found_out(self, config: dict[str, Any]) -> dict[str, Any]:
        """Of the settings those that were left open, as the fit found them: the others are its own."""
        own = store.parse_json(store.dump_json(self.open), RUN)
        left = {name for name, value in own.items() if value in (None, "auto")}
        if config.keys() != own.keys() or any(config[name] != own[name] for name in own.keys() - left):
            raise InputError(
                f"the settings in {RUN} of {self.path} are not those of its own command: begin anew with --overwrite "
                "instead of --resume"
            )
        return {name: tuple(config[name]) if isinstance(config[name], list) else config[name] for name in left}

    def _steps(self) -> list[int]:
        """The steps of the checkpoints that are there, whole or not, in their order."""
        if not self.path.is_dir():
            return []
        return sorted(int(entry.name) for entry in self.path.iterdir() if NAME.fullmatch(entry.name))

    # While it goes on.

    def due(self, end: bool) -> bool:
        now = time.monotonic()
        if end:
            return self.step is not None or now - self.began > WORTH
        return bool(self.every) and now - self.since >= max(self.every, self.taken / SHARE)

    def keep(self, kept: Kept) -> None:
        """Write it down, and let go of all but two. What cannot be written is told, and the training goes on."""
        start = time.monotonic()
        step = kept.facts["place"]["step"]
        head = {
            "elman": __version__,
            "identity": self.identity,
            "config": asdict(self.config),
            "facts": kept.facts,
        }
        try:
            self._clean()
            store.put(self.path / f"{step:09}", {RUN: store.dump_json(head), STATE: dump_tensors(kept.tensors)})
            self.step = step
            for old in self._steps()[:-GENERATIONS]:
                store.remove(self.path / f"{old:09}")
        except (OSError, MemoryError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
            self.told(f"WARNING: no checkpoint could be written to {self.path} ({reason}): make room, or it is lost")
        self.since = time.monotonic()
        self.taken = self.since - start

    def _clean(self) -> None:
        """Make the directory, also where it vanished. What a crash has left half-written goes, and, before the first of
        this fit is written, what it did not go on from: another fit's, or one that is harmed.
        """
        if not self.path.is_dir():
            self.path.mkdir(parents=True)
            store.sync_directory(self.path.parent)
        for entry in self.path.iterdir():
            if entry.name.startswith("."):
                shutil.rmtree(entry, ignore_errors=True)
        if self.step is None:
            for step in self._steps():
                if self.begun is None or step > self.begun:
                    store.remove(self.path / f"{step:09}")

    # In the end.

    def left(self) -> str:
        """What there is to go on from, in words."""
        step = self.begun if self.step is None else self.step
        if step is None or not (self.path / f"{step:09}").is_dir():
            return NOTHING
        return f"step {step:,} is kept in {self.path}: the same command with --resume goes on from there"

    def done(self) -> None:
        """The model is saved: nothing is unfinished any more, and what crashes have left of either goes."""
        try:
            if self.path.is_dir():
                store.remove(self.path)
            for path in (self.path, self.path.with_name(self.path.name.removesuffix(".unfinished"))):
                store.sweep(path)
        except OSError as error:
            self.told(f"WARNING: {self.path} could not be removed ({error.strerror or error}): it is needed no more")


def _unread(fingerprint: str) -> bool:
    """Whether a file could not be read, of which whoever needs it says more."""
    return fingerprint.startswith("not read")


def _told(value: Any) -> str:
    return "left out" if value is None else short(value)


@contextmanager
def safe(checkpoints: Checkpoints | None) -> Iterator[None]:
    """What ends a fit in this block says where it can go on from; of memory that was not there, what to do."""

    def kept(wrong: bool = False) -> str:
        # Of input that is wrong the same command makes nothing better: told is only what was learnt before it showed.
        if checkpoints is None or (wrong and checkpoints.step is None):
            return ""
        left = checkpoints.left()
        return "" if left == NOTHING else f"; {left}"

    try:
        yield
    except KeyboardInterrupt as stop:
        number = stop.signal if isinstance(stop, Stopped) else signal.SIGINT
        left = kept().removeprefix("; ") or (stop.left if isinstance(stop, Stopped) else NOTHING)
        raise Stopped(number, left) from None
    except MissingDependency:
        raise
    except OSError as error:
        if not kept():
            raise
        what = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        raise ElmanError(f"{what}{kept()}") from None
    except ElmanError as error:
        raise type(error)(f"{error}{kept(isinstance(error, InputError))}") from None
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error) and "out of memory" not in str(error):
            raise
        raise ElmanError(
            "there is not enough memory: give a smaller --batch-size (with --accumulate for as good a gradient), a "
            f"smaller network, or fewer rows{kept()}"
        ) from None
