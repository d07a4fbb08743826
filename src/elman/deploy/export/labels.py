"""Classifier, regressor and tagger as graphs: sequences in, probabilities, numbers or tags out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.deploy.export.blend import counted, described_linear, drawn_counts, linear_inside, linear_weight, summarised
from elman.deploy.export.check import Arrays, Case
from elman.deploy.export.form import Cases, Form
from elman.deploy.export.graph import Graph, Value, apply, concat, total, turned
from elman.deploy.export.inputs import Inputs, drawn
from elman.deploy.export.networks import carried, classified, handed_on, sequence
from elman.deploy.export.quantise import rounded
from elman.errors import InputError
from elman.evaluate.linear import Ngrams, summaries
from elman.nn.ensemble import Ensemble
from elman.nn.sequence import SequenceNetwork, TaggerNetwork
from elman.tasks.classify import Classifier
from elman.tasks.pooled import PooledTask
from elman.tasks.regress import Regressor
from elman.tasks.tag import Tagger

LEAST = 1e-6  # of a probability whose logarithm is blended, as the classifier has it


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
                "streamed is answered from its state: leave --streaming out, or fit with --pool last --causal"
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
        if isinstance(linear, Ngrams):
            guess = counted(graph, linear)
        elif linear is not None and raw is not None and lengths is not None:
            guess = summarised(graph, linear, raw, lengths)
        _answer(graph, task, z, guess)
        if streaming:
            handed_on(graph, stacks, [final for _, final in found])
        return graph

    left_out = []
    if linear_weight(task) and linear is None:
        left_out.append(
            "the linear model, which elman's answer is blended with: the network alone answers here; a model fitted "
            "with --no-blend is whole in its file"
        )

    @torch.no_grad()
    def cases() -> Cases:
        rng = np.random.default_rng(1)
        for feeds, (outputs, states), raw in drawn(task, inputs, streaming, [one.body.stack for one in members]):
            guess = None
            if isinstance(linear, Ngrams):
                own, guess = drawn_counts(linear, rng, len(raw["lengths"]))
                feeds = feeds | own
            elif linear is not None:
                guess = linear.predict(summaries([row[:n] for row, n in zip(raw["x"], raw["lengths"], strict=True)]))
            yield Case(feeds, _expected(task, outputs.mean(0), guess) | states)

    beside = {"task": task.name, **inputs.told(), **described_linear(linear), **_named(task)}
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
        for feeds, (z, finals), _ in drawn(task, inputs, streaming, [network.body.stack]):
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


def _members(task: PooledTask) -> Any:
    assert isinstance(task.network_, Ensemble)
    return task.network_.members


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
