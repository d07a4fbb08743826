"""Classifier, regressor and tagger as graphs: sequences in, probabilities, numbers or tags out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.arrays import Numbers
from elman.data.text.tokens import Tokens
from elman.deploy.export.check import SHAPES, Arrays, Case
from elman.deploy.export.form import Cases, Form
from elman.deploy.export.graph import Graph, Value, apply, as_double, as_float, at_end, concat, inside, total, turned
from elman.deploy.export.networks import carried, classified, handed_on, sequence
from elman.deploy.export.quantise import rounded
from elman.deploy.export.text import described
from elman.errors import InputError
from elman.evaluate.linear import Ngrams, Values, summaries
from elman.nn.cells import CELLS
from elman.nn.ensemble import Ensemble
from elman.nn.recurrent import Recurrent
from elman.nn.sequence import SequenceNetwork, TaggerNetwork
from elman.tasks.classify import Classifier
from elman.tasks.pooled import PooledTask
from elman.tasks.regress import Regressor
from elman.tasks.sequence import SequenceTask
from elman.tasks.tag import Tagger

LEAST = 1e-6  # of a probability whose logarithm is blended, as the classifier has it
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


def pooled(task: PooledTask, streaming: bool) -> Form:
    """A classifier or regressor: probabilities (B, C), or a number (B,).

    ``streaming``: a call reads some steps more of each row, and answers for all steps so far; pool "last" alone.
    """
    inputs, members = Inputs(task), list(_members(task))
    if streaming:
        refuse_streaming(members[0].body)
        if task.config_.pool != "last":
            raise InputError(
                f"--pool of this model is {task.config_.pool}, which needs a row's steps together, but what is "
                "streamed is answered from its state: leave --streaming out, or fit with --pool last --no-bidirectional"
            )
    linear = linear_inside(task, streaming)

    def build(int8: bool) -> Graph:
        graph = Graph(int8=int8)
        x, grams, lengths, raw = inputs.of(graph, streaming=streaming)
        stacks = [one.body.stack for one in members]
        states = carried(graph, stacks) if streaming else [None] * len(members)
        found = [
            sequence(graph, one.body, x, lengths, grams, before) for one, before in zip(members, states, strict=True)
        ]
        if lengths is None:
            last = [apply("Gather", y, np.array(-1), axis=0) for y, _ in found]
            each = [graph.linear(y, one.head.weight, one.head.bias) for one, y in zip(members, last, strict=True)]
        else:
            each = [classified(graph, one, y, lengths) for one, (y, _) in zip(members, found, strict=True)]
        z = total(concat([apply("Unsqueeze", one, [0]) for one in each], 0), 0, "Mean")
        guess = None
        if linear is not None and raw is not None and lengths is not None:
            guess = _values(graph, linear, raw, lengths)
        _answer(graph, task, z, guess)
        if streaming:
            handed_on(graph, stacks, [final for _, final in found])
        return graph

    left_out = []
    if _linear_weight(task) and linear is None:
        kind = "of n-grams" if isinstance(task.linear_, Ngrams) else "that stands beside it"
        left_out.append(
            f"the linear model {kind}, which elman's answer is blended with: the network alone answers here; a model "
            "fitted with --no-blend is whole in its file"
        )

    @torch.no_grad()
    def cases() -> Cases:
        for feeds, (outputs, states), raw in _cases(task, inputs, streaming, [one.body.stack for one in members]):
            guess = None
            if linear is not None:
                guess = linear.predict(summaries([row[:n] for row, n in zip(raw["x"], raw["lengths"], strict=True)]))
            yield Case(feeds, _expected(task, outputs.mean(0), guess) | states)

    beside = {"task": task.name, **inputs.told(), **_named(task)}
    return Form(build, cases, lambda: pooled(rounded(task), streaming), beside, tuple(left_out))


def tagger(task: Tagger, streaming: bool) -> Form:
    """``probabilities`` (B, T, C) of each word's tags; what lies past a row's end means nothing."""
    inputs, network = Inputs(task), task.network_
    assert isinstance(network, TaggerNetwork)
    if streaming:
        refuse_streaming(network.body)

    def build(int8: bool) -> Graph:
        graph = Graph(int8=int8)
        x, grams, lengths, _ = inputs.of(graph, streaming=streaming)
        states = carried(graph, [network.body.stack])[0] if streaming else None
        y, final = sequence(graph, network.body, x, lengths, grams, states)
        z = turned(graph.linear(y, network.head.weight, network.head.bias))
        graph.output("probabilities", apply("Softmax", z, axis=-1), "float32", ["batch", "time", len(task.tags_)])
        if streaming:
            handed_on(graph, [network.body.stack], [final])
        return graph

    @torch.no_grad()
    def cases() -> Cases:
        for feeds, (z, finals), _ in _cases(task, inputs, streaming, [network.body.stack]):
            z = z[-feeds["tokens"].shape[1] :]
            yield Case(feeds, {"probabilities": z.softmax(-1).transpose(0, 1).numpy()} | finals)

    beside = {"task": task.name, **inputs.told(), "tags": task.tags_}
    return Form(build, cases, lambda: tagger(rounded(task), streaming), beside)


def refuse_streaming(body: SequenceNetwork) -> None:
    """InputError for networks whose answer at a step needs the steps after it, or all before it together."""
    why = None
    if body.bidirectional:
        why = "reads each row from its end too: fit with --no-bidirectional"
    elif body.conv is not None:
        why = "has a convolution, which looks ahead: fit with --conv 0"
    elif body.position is not None:
        why = "knows each step by its place: fit with --position 0"
    if why is not None:
        raise InputError(f"--streaming needs a model that reads on from where it was, but this one {why}")


def linear_inside(task: PooledTask, streaming: bool) -> Values | None:
    """The linear model that the answer is blended with, where it is in the graph: that of a sequence's summaries.

    Hashed n-grams are made of letters, which no graph reads; pixels are scaled down by another program.
    """
    read = task.medium_ is None or task.medium_.kind == "sounds"
    held = isinstance(task.linear_, Values) and read and not streaming and _linear_weight(task)
    return task.linear_ if held and isinstance(task.linear_, Values) else None


def without_linear(task: PooledTask) -> PooledTask:
    """The same model with its network alone to answer."""
    found = copy(task)
    if isinstance(found, Classifier):
        found.weights_ = (found.weights_[0], 0.0)
    elif isinstance(found, Regressor):
        found.share_ = 1.0
    return found


def _members(task: PooledTask) -> Any:
    assert isinstance(task.network_, Ensemble)
    return task.network_.members


def _linear_weight(task: PooledTask) -> float:
    """How much the linear model has to say in the answer."""
    if isinstance(task, Classifier):
        return task.weights_[1]
    assert isinstance(task, Regressor)
    return 1 - task.share_


def _answer(graph: Graph, task: PooledTask, z: Value, guess: Value | None) -> None:
    """Outputs of the members' mean z (B, C) and the linear model's ``guess``: probabilities (B, C), or numbers (B,)."""
    if isinstance(task, Classifier):
        own, other = task.weights_
        z = own * z
        if guess is not None:
            z = z + other * apply("Log", apply("Max", guess, LEAST))
        graph.output("probabilities", apply("Softmax", z, axis=-1), "float32", ["batch", len(task.classes_)])
        return
    assert isinstance(task, Regressor)
    share = task.share_ if guess is not None else 1.0
    number = apply("Squeeze", z, [1]) * float(task.scaler_.deviation) + float(task.scaler_.mean)
    number = number if guess is None else share * number + (1 - share) * guess
    graph.output("number", number, "float32", ["batch"])


def _expected(task: PooledTask, z: Tensor, guess: np.ndarray | None) -> Arrays:
    """The same by elman's own arithmetic."""
    if isinstance(task, Classifier):
        own, other = task.weights_
        logits = own * z.double()
        if guess is not None:
            logits += other * torch.from_numpy(np.log(np.maximum(guess, LEAST)))
        return {"probabilities": logits.softmax(-1).numpy()}
    assert isinstance(task, Regressor)
    number = task.scaler_.restore(z[:, 0].double().numpy())
    return {"number": number if guess is None else task.share_ * number + (1 - task.share_) * guess}


def _named(task: PooledTask) -> dict[str, Any]:
    if isinstance(task, Classifier):
        return {"labels": [str(label) for label in task.classes_]}
    return {"target": task.config_.target}


def _values(graph: Graph, linear: Values, x: Value, lengths: Value) -> Value:
    """`Values` of the `summaries` of x (T, B, F)."""
    within = apply("Unsqueeze", inside(x, lengths), [2])
    count = apply("Unsqueeze", as_float(lengths), [1])
    mean = total(apply("Where", within, x, 0.0), 0) / count
    off = apply("Where", within, x - mean, 0.0)
    deviation = apply("Sqrt", total(off * off, 0) / count)
    least = total(apply("Where", within, x, math.inf), 0, "Min")
    greatest = total(apply("Where", within, x, -math.inf), 0, "Max")
    last = apply("Where", apply("Unsqueeze", at_end(x, lengths), [2]), x, 0.0)
    rows = concat([mean, deviation, least, greatest, total(last, 0), apply("Log", count)], 1)
    z = graph.linear(rows, torch.from_numpy(linear.head.weight), torch.from_numpy(linear.head.bias))
    return apply("Squeeze", z, [1]) if linear.head.numbers else apply("Softmax", z, axis=-1)


def _cases(
    task: SequenceTask, inputs: Inputs, streaming: bool, stacks: Sequence[Recurrent]
) -> Iterator[tuple[Arrays, tuple[Tensor, Arrays], Arrays]]:
    """Random inputs, what the network gives for them and the states after them, and the inputs without states.

    Streaming, the steps go on from those of a call before: the states are what the stacks have after these.
    """
    rng, network = np.random.default_rng(0), task.network_.eval()
    for rows, steps in SHAPES:
        feeds = inputs.drawn(rng, rows, steps)
        if not streaming:
            yield feeds, (network(**inputs.as_torch(feeds)), {}), feeds
            continue
        del feeds["lengths"]
        before = inputs.drawn(rng, rows, steps + 1)
        del before["lengths"]
        _, states = _watched(network, stacks, inputs.as_torch(before), "_0")
        both = {name: np.concatenate([before[name], feeds[name]], 1) for name in feeds}
        outputs, after = _watched(network, stacks, inputs.as_torch(both), "_n")
        yield feeds | states, (outputs, after), feeds


def _watched(
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
