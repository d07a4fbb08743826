"""``elman fit`` in processes of its own that are stopped, killed, or run out of disk or memory, each at a known place.

They are forked from one that has everything imported: what happens to them is real, and a start takes no seconds.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from crashed import SETTINGS
from elman.cli.entry import run
from elman.tasks import store
from elman.tasks.checkpoints import Checkpoints
from elman.tasks.generate import Generator
from elman.train import step as training

PATIENCE = 120.0  # seconds after which a process is stuck
OUT = "text.elman"
LONG = 60.0  # seconds that a patched place takes, unless something ends it


@dataclass(frozen=True)
class Ended:
    """A process that is over: its exit code or negated signal, what it said, and how long after the signal."""

    code: int
    said: str
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """The last line, which says why it ended."""
        return self.said.rstrip().rpartition("\n")[2]


class Fit:
    """One ``elman fit generate`` in ``home``. What ``around`` gives is entered in its process, and may set the mark."""

    def __init__(self, home: Path, *flags: str, around: Callable[[Callable[[], None]], Any] | None = None, **settings):
        self.home, self.log, self.mark = home, home.parent / "said.txt", home.parent / "mark"
        self.mark.unlink(missing_ok=True)
        arguments = ["fit", "generate", str(home / "text.txt"), "--out", str(home / OUT), "-q", *flags]
        for name, value in {**SETTINGS, **settings}.items():
            arguments += [f"--{name.replace('_', '-')}", str(value)]
        self.pid = os.fork()
        if not self.pid:
            code = 70
            try:
                code = self._inside(arguments, around)
            finally:
                os._exit(code)

    def _inside(self, arguments: list[str], around: Callable[[Callable[[], None]], Any] | None) -> int:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        with contextlib.ExitStack() as stack, os.fdopen(2, "w", closefd=False) as heard:
            stack.enter_context(contextlib.redirect_stderr(heard))
            stack.enter_context(contextlib.redirect_stdout(heard))
            stack.enter_context(mock.patch.object(Generator, "report", lambda task: "<html></html>"))
            if around is not None:
                stack.enter_context(around(self.mark.touch))
            return run(arguments)

    def reached(self) -> None:
        """Wait for the mark."""
        self._until(lambda: self.mark.exists() or self._over())
        assert self.mark.exists(), self.log.read_text()

    def progressed(self, beyond: int) -> int:
        """Wait for a checkpoint of a later step; returns that step, or -1 where the process has ended."""
        found = [-1]

        def there() -> bool:
            found[0] = max(steps(self.home), default=-1)
            return found[0] > beyond or self._over()

        self._until(there)
        return found[0] if found[0] > beyond else -1

    def _over(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _until(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"nothing happened for {PATIENCE:g} seconds: {self.log.read_text()[-500:]}")
            time.sleep(0.002)

    def send(self, number: int) -> Ended:
        os.kill(self.pid, number)
        return self.ended()

    def ended(self) -> Ended:
        start = time.monotonic()
        self._until(self._over)
        _, status = os.waitpid(self.pid, 0)
        return Ended(os.waitstatus_to_exitcode(status), self.log.read_text(), time.monotonic() - start)


def steps(home: Path) -> list[int]:
    """Of the checkpoints that lie there."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(int(entry.name) for entry in (home / f"{OUT}.unfinished").iterdir() if entry.name.isdecimal())
    return []


def result(home: Path) -> Mapping[str, Any]:
    """What a model in ``home`` is, but for the times that it took and what was noted of them."""
    files = store.read(home / OUT)
    log = [json.loads(line) for line in files["log.jsonl"].splitlines()]
    metrics = json.loads(files["metrics.json"])
    return {
        "weights": files["weights.safetensors"],
        "encoders": files["encoders.json"],
        "log": [{name: value for name, value in record.items() if name != "seconds"} for record in log],
        "metrics": {name: value for name, value in metrics.items() if name not in ("seconds", "notes")},
    }


# Places where a signal meets a fit, each made to last.


def lasting(place: str) -> Callable[[Callable[[], None]], contextlib.AbstractContextManager]:
    """What to put around a fit so that it marks and stays at a place."""
    return lambda marked: _lasting(place, marked)


@contextlib.contextmanager
def _lasting(place: str, marked: Callable[[], None]) -> Iterator[None]:
    owner, name, seconds, skipped = {
        "preparing": (Generator, "prepare", LONG, 0),
        "preparing soon": (Generator, "prepare", 0.3, 0),
        "sizing": (Generator, "sizes", LONG, 0),
        "step": (training.Step, "_gradient", 0.5, 4),
        "evaluation": (Generator, "validate", LONG, 2),
        "checkpoint": (os, "fsync", 0.1, 9),
        "judging": (Generator, "judge", LONG, 0),
        "saving": (Generator, "report", LONG, 0),
    }[place]
    real, calls = getattr(owner, name), [0]

    def slow(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] > skipped:
            marked()
            time.sleep(seconds)
        return real(*arguments, **named)

    with mock.patch.object(owner, name, slow), mock.patch.object(Checkpoints, "due", always):
        yield


# Disks and memory that run out.


@contextlib.contextmanager
def small_disk(place: Path, size: str = "64k") -> Iterator[None]:
    """A file system of its own at ``place``, of so many bytes. Raises PermissionError for all but root."""
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "elman", str(place)], capture_output=True
    ).returncode:
        raise PermissionError("mounting needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def read_only(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def greedy(size: int) -> Callable[[Callable[[], None]], contextlib.AbstractContextManager]:
    """What to put around a fit so that each step from the fifth on needs so many bytes more, and waits before it."""
    real, calls = training.Step._gradient, [0]

    def step(self: Any, batches: Any) -> float:
        calls[0] += 1
        if calls[0] == 5:
            marked_[0]()
            time.sleep(0.5)
        held = torch.ones(size // 4 if calls[0] >= 5 else 1)
        return real(self, batches) + 0 * held[0].item()

    marked_: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def around(marked: Callable[[], None]) -> Iterator[None]:
        marked_.append(marked)
        with mock.patch.object(training.Step, "_gradient", step), mock.patch.object(Checkpoints, "due", always):
            yield

    return around


def always(self: Any, end: bool) -> bool:
    return True


def often(marked: Callable[[], None]) -> contextlib.AbstractContextManager:
    """What to put around a fit so that it keeps a checkpoint after every step."""
    return mock.patch.object(Checkpoints, "due", always)


# Kills.


@dataclass
class Killed:
    """How many kills came after new progress, and how many of the chains of them ended in other bits."""

    kills: int = 0
    chains: int = 0
    other: int = 0


def killed(home: Path, kills: int, seed: int = 0, **settings: Any) -> Killed:
    """Fits that are killed again and again, each time after a newer checkpoint than before, until they end.

    Chains of them follow one another until there were so many kills.
    """
    found, draw = Killed(), random.Random(seed)
    flags = ("--checkpoint-minutes", "0.00001", "--overwrite")
    while found.kills < kills:
        own = {"steps": 600, "seed": found.chains, **settings}
        assert Fit(home, *flags, **own).ended().code == 0
        wanted, newest = result(home), -1
        while True:
            fit = Fit(home, *flags, *["--resume"] * (newest >= 0), **own)
            newest = fit.progressed(newest)
            if newest < 0 or found.kills >= kills:
                ended = fit.ended()
                assert ended.code == 0, ended.said
                break
            time.sleep(draw.uniform(0, 0.05))
            newest = max([newest, *steps(home)])
            if fit.send(signal.SIGKILL).code != -signal.SIGKILL:
                break
            found.kills += 1
        found.chains += 1
        found.other += result(home) != wanted
    return found
