"""Sessions as training takes them: many side by side, each stream going on with the next when one is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from elman.data.batch import ALL, NO_LABEL, NOTHING, Batch, Piece
from elman.data.ragged import Ragged

Draw = Callable[[], dict[str, Tensor]]  # what the true items of a batch are compared with, inputs by name


class Streams:
    """Session-parallel batches (Hidasi et al., arXiv:1511.06939), many steps at once: chunks of ``streams`` sessions.

    A batch holds x (T, B), the next items of B sessions, T at most ``steps``, padded with 0; ``lengths`` (B,); ``y``
    (T, B), the items that follow, padded with -100, also given to the network as ``follows``; ``fresh`` (B,), true
    where a session begins, so that no state is carried into it; and what ``draw`` gives. Sessions come in a new order
    each pass, one pass running on into the next, so that no stream waits.
    Sessions of one event have nothing to foretell and are left out.
    """

    def __init__(self, sessions: Ragged, steps: int, streams: int, draw: Draw | None = None) -> None:
        usable = (sessions.lengths > 1).nonzero()[:, 0]
        self.sessions, self.steps, self.draw = sessions.take(usable), steps, draw
        self.streams = min(streams, len(usable))
        chunks = (self.sessions.lengths - 2) // steps + 1
        self.batches = -(-int(chunks.sum()) // self.streams) if len(usable) else 0

    @property
    def events(self) -> int:
        """How many items are foretold in one pass."""
        return len(self.sessions.values) - len(self.sessions)

    def __len__(self) -> int:
        return self.batches

    def batch(self, rows: Tensor) -> Batch:
        """The first chunk of each of these sessions."""
        return self._cut(self.sessions.starts[rows], self.sessions.starts[rows + 1] - 1, torch.ones(len(rows)).bool())

    def order(self, generator: torch.Generator) -> Iterator[Piece]:
        """Batches without end, whose pieces are some of the streams."""
        starts, queue = self.sessions.starts, torch.empty(0, dtype=torch.int64)
        at, end = torch.zeros(2, self.streams, dtype=torch.int64)
        while True:
            over = at >= end
            need = int(over.sum())
            while len(queue) < need:
                queue = torch.cat([queue, torch.randperm(len(self.sessions), generator=generator)])
            at[over], end[over] = starts[queue[:need]], starts[queue[:need] + 1] - 1
            queue = queue[need:]
            yield partial(self._cut, at, end.clone(), over)
            at = at + self.steps

    def _cut(self, at: Tensor, end: Tensor, fresh: Tensor, part: slice = ALL) -> Batch:
        """From ``at`` on; ``end`` (B,) is each session's last event, which is foretold and not read."""
        at, end, fresh = at[part], end[part], fresh[part]
        if not len(at):
            return NOTHING
        lengths = (end - at).clamp(max=self.steps)
        steps = torch.arange(int(lengths.max()))[:, None]
        inside = steps < lengths
        place = torch.where(inside, at + steps, 0)
        x, y = (self.sessions.values[place + ahead].long() for ahead in (0, 1))
        y = y.masked_fill_(~inside, NO_LABEL)
        inputs = {"x": x.masked_fill_(~inside, 0), "lengths": lengths, "fresh": fresh, "follows": y}
        if self.draw is not None:
            inputs |= self.draw()
        return Batch(inputs, y, torch.arange(len(at)))


class Histories:
    """Whole sessions, for validation and judging: x (T, B), and y (T, B), the next item where it is to be foretold.

    ``first`` (S,): of each session the first event that is; those before are only read. Its other steps have y -100.
    """

    def __init__(self, sessions: Ragged, first: Tensor) -> None:
        self.sessions, self.first = sessions, first
        self.lengths = sessions.lengths - 1

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def targets(self) -> int:
        return int((self.sessions.lengths - self.first).sum())

    def batch(self, rows: Tensor) -> Batch:
        whole, lengths = self.sessions.padded(rows, 0)
        steps = torch.arange(1, len(whole))[:, None]
        y = whole[1:].masked_fill((steps < self.first[rows]) | (steps >= lengths), NO_LABEL)
        return Batch({"x": whole[:-1], "lengths": lengths - 1}, y, rows)
