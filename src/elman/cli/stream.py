"""``elman stream MODEL``: steps on stdin, an answer a step on stdout."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from elman.cli.answers import emit
from elman.cli.console import say
from elman.deploy.stream import Stream
from elman.deploy.stream import stream as opened
from elman.errors import InputError
from elman.tasks.load import load_task

HEARD = 0.1  # seconds of sound read at a time
LINE = 1 << 20  # bytes


def stream(model: Path, *, state: Path | None = None) -> None:
    """Answer step by step: a line of stdin a step, a JSON object a line of stdout.

    A line is a text, an item, numbers parted by commas, a row of a table as JSON, or CSV after its head. Models that
    hear read samples of 16 bits at their rate instead. Fit classifiers, regressors, taggers and transcribers
    with --causal.

    Parameters
    ----------
    model
        Directory of a saved model.
    state
        Go on from this file where it is there, and keep in it what was read.
    """
    task = load_task(model)
    going_on = state is not None and state.exists()
    one = opened(task, state if going_on else None)
    if going_on:
        say(f"Goes on from {state}")
    try:
        rate = one.streams.rate
        source = sys.stdin.buffer
        for x in samples(source, rate) if rate else steps(source, task.name):
            emit(one.step(x))
            sys.stdout.flush()
        if rate and state is None:
            emit(one.finish())
    finally:
        _keep(one, state)


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


def steps(source: BinaryIO, task: str) -> Iterator[Any]:
    """A step a line: JSON, or a text or an item as it stands; rows of a table as JSON objects, or CSV with a head."""
    head: list[str] | None = None
    for at, raw in enumerate(iter(lambda: source.readline(LINE), b""), 1):
        if len(raw) == LINE:
            raise InputError(f"line {at} has more than {LINE:,} bytes: give a step a line")
        try:
            line = raw.decode("utf-8-sig" if at == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise InputError(f"line {at} is not UTF-8: give text") from None
        if not line.strip():
            continue
        found = _json(line)
        if task == "forecast" and not isinstance(found, dict | list):
            cells = next(csv.reader([line]))
            if head is None:
                head = cells
            elif len(cells) != len(head):
                raise InputError(f"line {at} has {len(cells)} cells, but the head {len(head)}: correct it")
            else:
                yield {name: cell if cell.strip() else None for name, cell in zip(head, cells, strict=True)}
        elif isinstance(found, dict | list):
            yield found
        else:
            yield [float(cell) for cell in line.split(",")] if _numbers(line, task) else line


def _json(line: str) -> Any:
    if line.lstrip()[:1] not in "[{":
        return None
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _numbers(line: str, task: str) -> bool:
    """Whether a line for a model of sequences is numbers parted by commas."""
    if task not in ("classify", "regress"):
        return False
    try:
        return all(map(np.isfinite, map(float, line.split(","))))
    except ValueError:
        return False
