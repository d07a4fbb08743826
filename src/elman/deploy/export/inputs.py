"""What classifiers, regressors and taggers read, as inputs of a graph; and random ones to check it by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.arrays import Numbers
from elman.data.text.tokens import Tokens
from elman.deploy.export.check import SHAPES, Arrays
from elman.deploy.export.graph import Graph, Value, as_double, as_float, turned
from elman.deploy.export.text import described
from elman.nn.cells import CELLS
from elman.nn.recurrent import Recurrent
from elman.tasks.sequence import SequenceTask

GRAMS = 5  # of a word, in random inputs


class Inputs:
    """What a sequence task reads: ``tokens`` (B, T), with ``grams`` (B, T, N) where words are spelled, or ``x``
    (B, T, F) numbers, and ``lengths`` (B,)."""

    def __init__(self, task: SequenceTask) -> None:
        self.task = task
        self.text = isinstance(task.encoder_, Tokens)
        self.spelled = task.spelling_ is not None
        self.plain = isinstance(task.encoder_, Numbers) and getattr(task, "medium_", None) is None

    def of(self, graph: Graph, *, streaming: bool) -> tuple[Value, Value | None, Value | None, Value | None]:
        """Steps as the network reads them (T, B, ...), n-grams, lengths, and the numbers as they were given."""
        grams = raw = None
        if self.text:
            x = turned(graph.input("tokens", "int64", ["batch", "time"]), 2)
            if self.spelled:
                grams = turned(graph.input("grams", "int64", ["batch", "time", "pieces"]))
        else:
            raw = x = turned(graph.input("x", "float32", ["batch", "time", self.task.encoder_.features]))
            if self.plain:
                scaler = self.task.encoder_.scaler
                wide = as_double(x)  # a large mean leaves float32 few digits for what differs
                x = as_float((wide - scaler.mean) / scaler.deviation)
        lengths = None if streaming else graph.input("lengths", "int32", ["batch"])
        return x, grams, lengths, raw

    def drawn(self, rng: np.random.Generator, rows: int, steps: int) -> Arrays:
        """Random ones of all these."""
        if not self.text:
            x = rng.standard_normal((rows, steps, self.task.encoder_.features))
            if self.plain:
                x = self.task.encoder_.scaler.restore(x)
            feeds: Arrays = {"x": x.astype(np.float32)}
        else:
            feeds = {"tokens": rng.integers(0, self.task.encoder_.size, (rows, steps))}
        if self.spelled:
            feeds["grams"] = rng.integers(0, len(self.task.spelling_ or ()) + 1, (rows, steps, GRAMS))
        return feeds | {"lengths": rng.integers(1, steps + 1, rows).astype(np.int32)}

    def as_torch(self, feeds: Arrays) -> dict[str, Tensor]:
        """The same as the network in torch takes them."""
        given: dict[str, Tensor] = {}
        if not self.text:
            x = feeds["x"].astype(np.float64)
            x = self.task.encoder_.scaler.scale(x) if self.plain else x
            given["x"] = torch.from_numpy(x.astype(np.float32)).transpose(0, 1)
        elif not self.spelled:
            given["x"] = torch.from_numpy(feeds["tokens"]).T
        else:
            rows, steps = feeds["tokens"].shape
            bags = [row[row > 0] for row in feeds["grams"].reshape(rows * steps, -1)]
            given["x"] = torch.arange(rows * steps).reshape(rows, steps).T
            given["words"] = torch.from_numpy(feeds["tokens"]).flatten()
            given["grams"] = torch.from_numpy(np.concatenate(bags))
            given["bags"] = torch.from_numpy(np.cumsum([0, *map(len, bags)]))
        return given | ({"lengths": torch.from_numpy(feeds["lengths"]).long()} if "lengths" in feeds else {})

    def told(self) -> dict[str, Any]:
        """What makes these inputs of a file's rows."""
        if self.text:
            return {"text": described(self.task.encoder_, self.task.spelling_), "longest": self.task.config_.longest}
        if self.plain:
            return {"features": self.task.encoder_.features, "longest": self.task.config_.longest}
        return {"features": self.task.encoder_.features, "encoder": self.task.encoder_.to_json()}


def drawn(
    task: SequenceTask, inputs: Inputs, streaming: bool, stacks: Sequence[Recurrent]
) -> Iterator[tuple[Arrays, tuple[Tensor, Arrays], Arrays]]:
    """Random inputs, what the network gives for them and the states after them, and the inputs without states.

    Streaming, the steps go on from those of a call before: the states are what the stacks have after these.
    """
    rng, network = np.random.default_rng(0), task.network_.eval()
    most = min((len(own) for name, own in network.named_parameters() if name.endswith(".position")), default=None)
    for rows, steps in SHAPES:
        steps = min(steps, most or steps)  # a network that knows steps by their places has so many
        feeds = inputs.drawn(rng, rows, steps)
        if not streaming:
            yield feeds, (network(**inputs.as_torch(feeds)), {}), feeds
            continue
        del feeds["lengths"]
        before = inputs.drawn(rng, rows, steps + 1)
        del before["lengths"]
        _, states = watched(network, stacks, inputs.as_torch(before), "_0")
        both = {name: np.concatenate([before[name], feeds[name]], 1) for name in feeds}
        outputs, after = watched(network, stacks, inputs.as_torch(both), "_n")
        yield feeds | states, (outputs, after), feeds


def watched(
    network: nn.Module, stacks: Sequence[Recurrent], given: dict[str, Tensor], ending: str
) -> tuple[Tensor, Arrays]:
    """The network's outputs, and the final states of its stacks, one above the other."""
    found: dict[int, tuple[Tensor, ...]] = {}

    def keep(at: int) -> Any:
        def hook(_module: nn.Module, _given: Any, result: Any) -> None:
            found[at] = result[1] if isinstance(result[1], tuple) else (result[1],)

        return hook

    hooks = [one.register_forward_hook(keep(at)) for at, one in enumerate(stacks)]
    outputs = network(**given)
    for hook in hooks:
        hook.remove()
    names = [name.replace("_0", ending) for name in CELLS[stacks[0].mode].states]
    parts = zip(*(found[at] for at in range(len(stacks))), strict=True)
    return outputs, {name: torch.cat(own).numpy() for name, own in zip(names, parts, strict=True)}
