"""One training in several processes: what they add up, and what the first tells the others.

Each process learns from its part of every batch; the gradients are added up over all of them and divided by all that
was scored, so that a step is that of one process on the whole batch, however ragged the parts are. torch's wrapper for
this (DistributedDataParallel) takes the mean of the processes' means, which is that only where all parts hold as much:
of padded rows, missing targets and an epoch's last batch they do not.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

from elman.errors import ElmanError, InputError
from elman.stopping import Stopped

PATIENCE = 300.0  # seconds that a process waits for another one's part of a step; ELMAN_PATIENCE says otherwise
LONGEST = 3600.0  # seconds that processes wait for one another before the training, while each prepares its data


class Shared(InputError):
    """What went wrong in one process, as all of them say it."""


class Lost(ElmanError):
    """Another process is gone."""


class World:
    """The processes of one training, numbered from 0: of one process alone everything here does nothing."""

    def __init__(self, rank: int = 0, size: int = 1, patience: float = PATIENCE, patient: Any = None) -> None:
        self.rank, self.size, self.patience = rank, size, patience
        self.patient = patient  # the same processes, who wait longer: a group of torch.distributed

    @property
    def first(self) -> bool:
        """Whether this process is the one that validates, tells and writes."""
        return self.rank == 0

    @property
    def part(self) -> slice:
        """Which rows of every batch are this process's."""
        return slice(self.rank, None, self.size)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Make each tensor, in place, the sum of those of all processes, in one message."""
        if self.size > 1:
            flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
            with _together(self):
                distributed.all_reduce(flat)
            for tensor, summed in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
                tensor.detach().copy_(summed.view_as(tensor))

    def agree(self, *votes: float) -> list[float]:
        """The sums of what the processes bring forward."""
        if self.size == 1:
            return list(votes)
        summed = torch.tensor(votes, dtype=torch.float64)
        with _together(self):
            distributed.all_reduce(summed)
        return summed.tolist()

    def tell(self, value: Any, patient: bool = False) -> Any:
        """What the first process says, as JSON; what the others say is not heard."""
        if self.size == 1:
            return value
        return json.loads(self.hand_on(json.dumps(value).encode() if self.first else b"", patient))

    def hand_on(self, raw: bytes, patient: bool = False) -> bytes:
        """The first process's bytes."""
        if self.size == 1:
            return raw
        group = self.patient if patient else None
        size = torch.tensor([len(raw)])
        with _together(self):
            distributed.broadcast(size, 0, group=group)
            held = torch.frombuffer(bytearray(raw or int(size)), dtype=torch.uint8) if int(size) else torch.empty(0)
            if int(size):
                distributed.broadcast(held, 0, group=group)
        return held.numpy().tobytes()

    @contextmanager
    def by_the_first(self) -> Iterator[None]:
        """In this block the first process works alone, however long: now and then it tells the others that it is there.

        They wait at the block's end, and no longer than their patience for a sign.
        """
        over = threading.Event()

        def tell_them() -> None:
            with suppress(ElmanError):  # who is lost is missed by the last sign too
                while not over.wait(self.patience / 5):
                    self.hand_on(b"working")

        teller = threading.Thread(target=tell_them, daemon=True) if self.first and self.size > 1 else None
        if teller is not None:
            teller.start()
        try:
            yield
        finally:
            over.set()
            if teller is not None:
                teller.join()
        if self.size > 1:
            while self.hand_on(b"done" if self.first else b"") != b"done":
                pass

    def collect(self, raw: bytes, patient: bool = False) -> list[bytes]:
        """The bytes of every process, in their order."""
        if self.size == 1:
            return [raw]
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        group = self.patient if patient else None
        with _together(self):
            distributed.all_gather(sizes, torch.tensor([len(raw)]), group=group)
            longest = max(1, *(int(size) for size in sizes))
            padded = torch.frombuffer(bytearray(raw.ljust(longest, b"\0")), dtype=torch.uint8)
            held = [torch.empty_like(padded) for _ in sizes]
            distributed.all_gather(held, padded, group=group)
        return [part.numpy().tobytes()[: int(size)] for part, size in zip(held, sizes, strict=True)]

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """What goes wrong in this block in one process ends it in all of them, which say so: nobody waits in vain."""
        wrong = None
        try:
            yield
        except Exception as error:
            if self.size == 1:
                raise
            wrong = error
        if self.size == 1:
            return
        own = json.dumps(None if wrong is None else str(wrong)).encode()
        said = [json.loads(raw) for raw in self.collect(own, patient=True)]
        if wrong is not None and not isinstance(wrong, ElmanError):
            raise wrong
        for rank, sentence in enumerate(said):
            if sentence is not None:
                everybody = all(other == sentence for other in said)
                raise Shared(sentence if everybody else f"process {rank} of {self.size}: {sentence}") from None

    def alike(self, facts: Mapping[str, Any]) -> None:
        """Raise InputError, in all processes, where one has other facts than the first."""
        if self.size == 1:
            return
        own, *others = (json.loads(raw) for raw in self.collect(json.dumps(facts, default=str).encode()))
        for rank, other in enumerate(others, 1):
            for name in own:
                if other.get(name) != own[name]:
                    raise Shared(
                        f"process {rank} of {self.size} has another {name} than process 0: start all of them with the "
                        "same command, and the same files on every host"
                    )


ALONE = World()


def restarted() -> bool:
    """Whether torchrun has started this process again after one was lost."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


@contextmanager
def joined(device: str) -> Iterator[World]:
    """The processes that torchrun has started with this one, which are let go of in the end; else this one alone.

    What all of them have to say is said once on each host, and by the first alone where it went on from.
    """
    size = os.environ.get("WORLD_SIZE", "1")
    if not size.isdigit() or int(size) <= 1 or "MASTER_ADDR" not in os.environ:
        yield ALONE
        return
    if not distributed.is_available():
        raise InputError("this build of torch has no torch.distributed: install another, or start without torchrun")
    if device not in ("cpu", "cuda"):
        raise InputError(
            f"--device {device} is not for several processes: give cuda, of which each takes its own, or cpu"
        )
    patience = _patience()
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    try:
        kind = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
        distributed.init_process_group(kind, timeout=timedelta(seconds=patience))
        patient = distributed.new_group(backend="gloo", timeout=timedelta(seconds=max(patience, LONGEST)))
    except (RuntimeError, ValueError) as error:
        raise ElmanError(
            f"process {os.environ.get('RANK')} of {size} did not meet the others at {os.environ['MASTER_ADDR']} "
            f"({_first_line(error)}): start all of them with the same --rdzv-endpoint or --master-addr"
        ) from None
    world = World(distributed.get_rank(), distributed.get_world_size(), patience, patient)
    try:
        yield world
    except Stopped as stop:
        if world.first:
            raise
        raise SystemExit(stop.code) from None
    except Shared:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            raise
        raise SystemExit(2) from None
    finally:
        distributed.destroy_process_group()


def _patience() -> float:
    given = os.environ.get("ELMAN_PATIENCE", "")
    try:
        seconds = float(given or PATIENCE)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds < float("inf"):
        raise InputError(f"ELMAN_PATIENCE must be a number of seconds, at least 1, but is {given!r}")
    return seconds


@contextmanager
def _together(world: World) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise Lost(
            f"process {world.rank} of {world.size} lost another one, which has ended or cannot be reached "
            f"({_first_line(error)})"
        ) from None


def _first_line(error: BaseException) -> str:
    """What a library says, without the place in its source."""
    return str(error).splitlines()[0].rsplit("] ", 1)[-1].split(". ")[0][:160]
