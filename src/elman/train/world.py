"""One training in several processes: what they add up, and what the first tells the others.

Each process learns from its part of every batch; the gradients are added up over all of them and divided by all that
was scored, so that a step is that of one process on the whole batch, however ragged the parts are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed

from elman.errors import ElmanError, InputError


class World:
    """The processes of one training, numbered from 0: of one process alone everything here does nothing."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

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

    def tell(self, value: Any) -> Any:
        """What the first process says, as JSON; what the others say is not heard."""
        if self.size == 1:
            return value
        return json.loads(self.hand_on(json.dumps(value).encode() if self.first else b""))

    def hand_on(self, raw: bytes) -> bytes:
        """The first process's bytes."""
        if self.size == 1:
            return raw
        size = torch.tensor([len(raw)])
        with _together(self):
            distributed.broadcast(size, 0)
            held = torch.frombuffer(bytearray(raw or int(size)), dtype=torch.uint8) if int(size) else torch.empty(0)
            if int(size):
                distributed.broadcast(held, 0)
        return held.numpy().tobytes()

    def collect(self, raw: bytes) -> list[bytes]:
        """The bytes of every process, in their order."""
        if self.size == 1:
            return [raw]
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        with _together(self):
            distributed.all_gather(sizes, torch.tensor([len(raw)]))
            longest = max(1, *(int(size) for size in sizes))
            padded = torch.frombuffer(bytearray(raw.ljust(longest, b"\0")), dtype=torch.uint8)
            held = [torch.empty_like(padded) for _ in sizes]
            distributed.all_gather(held, padded)
        return [part.numpy().tobytes()[: int(size)] for part, size in zip(held, sizes, strict=True)]


ALONE = World()


@contextmanager
def joined(device: str) -> Iterator[World]:
    """The processes that torchrun has started with this one, which are let go of in the end; else this one alone."""
    size = os.environ.get("WORLD_SIZE", "1")
    if not size.isdigit() or int(size) <= 1 or "MASTER_ADDR" not in os.environ:
        yield ALONE
        return
    if not distributed.is_available():
        raise InputError("this build of torch has no torch.distributed: install another, or start without torchrun")
    if device.startswith("cuda"):
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    try:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
    except (RuntimeError, ValueError) as error:
        raise ElmanError(
            f"process {os.environ.get('RANK')} of {size} did not meet the others at {os.environ['MASTER_ADDR']} "
            f"({str(error).splitlines()[0]}): start all of them with the same --rdzv-endpoint"
        ) from None
    try:
        yield World(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


@contextmanager
def _together(world: World) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise ElmanError(
            f"process {world.rank} of {world.size} lost another one ({str(error).splitlines()[0][:120]}): the training "
            "goes on from its last checkpoint with --resume, which torchrun --max-restarts does by itself"
        ) from None
