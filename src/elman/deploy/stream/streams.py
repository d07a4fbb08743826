"""Streams through a fitted model: opened, stepped alone or together, copied, saved, and gone on with elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as dump_tensors

from elman.data.files import at_once
from elman.deploy.stream.reader import Reader, State
from elman.deploy.stream.table import reader_of
from elman.errors import InputError
from elman.kernels.slots import TOGETHER
from elman.tasks.load import load_task

LARGEST = 64 << 20  # bytes of a saved state
MOST = 1 << 18  # streams of one model


class Streams:
    """Up to ``most`` streams through one model, or the directory of one, any of them stepped together.

    An answer depends on what its own stream has read alone, to the bit, whoever steps beside it. For one thread at a
    time. Raises InputError for a model that cannot be streamed, with what to do.
    """

    def __init__(self, model: Any, *, most: int = 4096, together: int = TOGETHER) -> None:
        if not 1 <= most <= MOST or together < 1:
            raise InputError(f"most is {most:,} and together {together:,}, but 1 to {MOST:,} are needed: change them")
        if isinstance(model, str | os.PathLike):
            model = load_task(Path(model))
        self._reader: Reader = reader_of(model)(model, most, together)
        self._free = list(range(most))[::-1]
        self.most = most

    @property
    def rate(self) -> int | None:
        """Samples a second, of models that hear; None of others."""
        return self._reader.rate

    def open(self, state: bytes | Mapping[str, torch.Tensor] | None = None) -> Stream:
        """A stream that begins, or goes on from a ``state``; InputError where ``most`` are open already."""
        if not self._free:
            raise InputError(f"{self.most:,} streams are open, and no more can be: close one")
        slot = self._free.pop()
        self._reader.start(slot)
        if state is not None:
            try:
                self._reader.put(slot, parsed(state) if isinstance(state, bytes) else state)
            except InputError:
                self._free.append(slot)
                raise
        return Stream(self, slot)

    def step_many(self, streams: Sequence[Stream], xs: Sequence[Any]) -> list[Any]:
        """Step distinct streams, each by its own x; for each the answer, or the InputError that left it as it was."""
        reader, inputs = self._reader, dict[int, Any]()
        found: list[Any] = [None] * len(streams)
        slots = [one.slot for one in streams]
        if len(xs) != len(streams):
            raise InputError(f"{len(streams)} streams are given and {len(xs)} steps: give one for each")
        if len(set(slots)) < len(slots) or any(one.streams is not self for one in streams):
            raise InputError("a stream is given twice, or is another model's: step each of these streams once")
        for at, (slot, x) in enumerate(zip(slots, xs, strict=True)):
            try:
                inputs[at] = reader.read(slot, x)
            except InputError as error:
                found[at] = error
        if inputs:
            answers = reader.advance([slots[at] for at in inputs], list(inputs.values()))
            for at, answer in zip(inputs, answers, strict=True):
                found[at] = answer
        return found

    def release(self, slot: int) -> None:
        """Take back the slot of a stream that was closed."""
        self._reader.start(slot)
        self._free.append(slot)


class Stream:
    """One stream: what was read so far, and the answer after each step; `elman.stream` opens one."""

    def __init__(self, streams: Streams, slot: int) -> None:
        self.streams, self._slot = streams, slot

    @property
    def slot(self) -> int:
        if self._slot < 0:
            raise InputError("this stream is closed: open another")
        return self._slot

    def step(self, x: Any) -> Any:
        """The answer after x, one step or a chunk; InputError for what cannot be read, which changes nothing."""
        (found,) = self.streams.step_many([self], [x])
        if isinstance(found, InputError):
            raise found
        return found

    def finish(self) -> Any:
        """The answer when the input has ended: what was held back for more to come is read too."""
        reader = self.streams._reader
        return reader.advance([self.slot], [reader.last(self.slot)])[0]

    def write(self, length: int = 500, **drawing: Any) -> Iterator[str]:
        """Text that goes on, piece by piece, of a model that generates; what is written counts as read."""
        reader = self.streams._reader
        if not hasattr(reader, "write"):
            raise InputError(f"a {reader.model.name} model writes nothing: step it instead")
        found: Iterator[str] = reader.write(self.slot, length, **drawing)
        return found

    @property
    def state(self) -> State:
        """A copy of what the stream remembers, tensors by name; may be set to one of the same model."""
        return self.streams._reader.state(self.slot)

    @state.setter
    def state(self, state: Mapping[str, torch.Tensor]) -> None:
        self.streams._reader.put(self.slot, state)

    def reset(self) -> None:
        """Forget all that was read."""
        self.streams._reader.start(self.slot)

    def fork(self) -> Stream:
        """Another stream that has read the same."""
        return self.streams.open(self.state)

    def dumps(self) -> bytes:
        """The state as bytes (safetensors), from which ``Streams.open`` goes on, in another process too."""
        return dump_tensors({name: tensor.contiguous() for name, tensor in self.state.items()})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a file, at once or not at all; ``elman.stream(model, path)`` goes on from it."""
        with at_once(Path(path)) as sink:
            sink.write_bytes(self.dumps())

    def close(self) -> None:
        """Give up the slot; a closed stream cannot be stepped."""
        if self._slot >= 0:
            slot, self._slot = self._slot, -1
            self.streams.release(slot)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def stream(model: Any, state: str | os.PathLike[str] | bytes | Mapping[str, torch.Tensor] | None = None) -> Stream:
    """A stream through a fitted model that begins, or goes on from a saved ``state``: a file, or what was copied.

        stream = elman.stream(elman.load("mood.elman"))
        for word in words:
            print(stream.step(word)["label"])

    Raises InputError for a model that cannot be streamed, with what to do.
    """
    if isinstance(state, str | os.PathLike):
        path = Path(state)
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise InputError(f"{path} is no saved stream: give a file that stream.save wrote")
        state = path.read_bytes()
    return Streams(model, most=64, together=1).open(state)


def parsed(raw: bytes) -> State:
    if len(raw) > LARGEST:
        raise InputError(f"a state of {len(raw):,} bytes is too large: at most {LARGEST:,} are read")
    try:
        return parse_tensors(raw)
    except Exception as error:  # the library raises its own kinds
        raise InputError(f"the state is not readable ({error}): give what stream.save or dumps gave") from None
