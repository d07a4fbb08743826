"""``elman stream MODEL``: steps on stdin, an answer a step on stdout."""

from __future__ import annotations

import contextlib
import csv
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from elman.cli.answers import emit
from elman.cli.console import say
from elman.data.arrays import Numbers
from elman.deploy.stream import Stream
from elman.deploy.stream import stream as opened
from elman.errors import InputError
from elman.tasks.load import load_task

HEARD = 0.1  # seconds of sound read at a time
LINE = 1 << 20  # bytes
KEPT = 5.0  # seconds after which a state is written again


def stream(model: Path, *, state: Path | None = None) -> None:
    """Answer step by step: a line of stdin a step, a JSON object a line of stdout.

    A line is a text, an item, numbers parted by commas, a row of a table as JSON, or CSV after its head. Models that
    hear read samples of 16 bits at their rate instead. Fit classifiers, regressors, taggers and transcribers
    with --causal.

    Ctrl+C and SIGTERM end it well.

    Parameters
    ----------
    model
        Directory of a saved model.
    state
        Go on from this file where it is there, and keep in it what was read: every 5 seconds, and at the end.
    """
    task = load_task(model)
    going_on = state is not None and state.exists()
    one = opened(task, state if going_on else None)
    if going_on:
        say(f"Goes on from {state}")
    rate, source = one.streams.rate, sys.stdin.buffer
    written = time.monotonic()
    try:
        with _ended_by(signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            for x in samples(source, rate) if rate else steps(source, task):
                emit(one.step(x))
                sys.stdout.flush()
                if state is not None and time.monotonic() - written > KEPT:
                    one.save(state)
                    written = time.monotonic()
            if rate and state is None:
                emit(one.finish())
    except KeyboardInterrupt:
        say("Stopped")
    finally:
        _keep(one, state)


@contextlib.contextmanager
def _ended_by(*signals: int) -> Iterator[None]:
    """These end the block as Ctrl+C does."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep(one: Stream, state: Path | None) -> None:
    if state is not None:
        one.save(state)
        say(f"Saved what was read to {state}; the same --state goes on from it")


def samples(source: BinaryIO, rate: int) -> Iterator[Any]:
    """Sound of 16 bits, little end first, one channel, at the model's rate: ``arecord -t raw -f S16_LE -r RATE``."""
    size = 2 * round(HEARD * rate)
    while raw := source.read(size):
        if len(raw) % 2:
            raw = raw[:-1]  # half a sample, at the end of what was cut off
        if raw:
            yield np.frombuffer(raw, "<i2").astype(np.float32) / 32768


def steps(source: BinaryIO, task: Any) -> Iterator[Any]:
    """A step a line, as the task reads it."""
    lines = _lines(source)
    if task.name == "forecast":
        yield from _rows(lines, set(task.reader_.targets))
        return
    for at, line in lines:
        if task.name == "recommend":
            yield _json(line, at) if line.startswith("[") else [item.strip() for item in line.split(",")]
        elif isinstance(getattr(task, "encoder_", None), Numbers):
            yield _json(line, at) if line.startswith("[") else _numbers(line, at)
        else:
            yield line


def _lines(source: BinaryIO) -> Iterator[tuple[int, str]]:
    """The lines that hold something, with their numbers."""
    for at, raw in enumerate(iter(lambda: source.readline(LINE), b""), 1):
        if len(raw) == LINE:
            raise InputError(f"line {at} has more than {LINE:,} bytes: give a step a line")
        try:
            line = raw.decode("utf-8-sig" if at == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise InputError(f"line {at} is not UTF-8: give text") from None
        if line.strip():
            yield at, line


def _rows(lines: Iterator[tuple[int, str]], targets: set[str]) -> Iterator[Any]:
    """Rows of a table: JSON objects, or CSV after a head that names the target, parted as the head is."""
    head: list[str] | None = None
    parted = ","
    for at, line in lines:
        if line.lstrip()[:1] in ("[", "{"):
            yield _json(line, at)
            continue
        if head is None:
            heads = {by: [cell.strip() for cell in _cells(line, by, at)] for by in ",;\t|"}
            fits = [by for by, cells in heads.items() if targets & set(cells)]
            if not fits:
                raise InputError(
                    f"line {at} is no head, for it does not name {', '.join(sorted(targets))}: begin with the head of "
                    "the table, or give rows as JSON objects"
                )
            parted, head = fits[0], heads[fits[0]]
            continue
        cells = _cells(line, parted, at)
        if len(cells) != len(head):
            raise InputError(f"line {at} has {len(cells)} cells, but the head {len(head)}: correct it")
        yield {name: cell if cell.strip() else None for name, cell in zip(head, cells, strict=True)}


def _cells(line: str, parted: str, at: int) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=parted))
    except csv.Error as error:
        raise InputError(f"line {at} is no row of a table ({error}): correct it") from None


def _json(line: str, at: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"line {at} begins as JSON does, but is none: correct it") from None


def _numbers(line: str, at: int) -> list[float]:
    try:
        return [float(cell) for cell in line.split(",")]
    except ValueError:
        raise InputError(f"line {at} is no numbers parted by commas: {line[:60]!r}") from None
