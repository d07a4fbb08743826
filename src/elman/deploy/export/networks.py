"""The parts of the tasks' networks as graphs, in evaluation: what goes before the recurrent stack, and behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from elman.deploy.export.graph import Graph, Value, apply, as_float, at_end, chunk, concat, inside, part, size, total
from elman.deploy.export.recurrent import States, stack
from elman.errors import InputError
from elman.nn.attention import AttentionPool
from elman.nn.cells import CELLS
from elman.nn.conv import Conv
from elman.nn.recurrent import Recurrent
from elman.nn.sequence import ClassifierNetwork, SequenceNetwork


def carried(graph: Graph, stacks: Sequence[Recurrent]) -> list[States]:
    """The states of stacks of one kind as inputs h_0 and c_0, one above the other (L, B, H): each stack's own."""
    first = stacks[0]
    ends = list(accumulate(one.num_layers for one in stacks))
    found = []
    for name in CELLS[first.mode].states:
        whole = graph.input(name, "float32", [ends[-1], "batch", first.hidden_size])
        found.append([part(whole, end - first.num_layers, end, 0) for end in ends])
    return [tuple(own) for own in zip(*found, strict=True)]


def handed_on(graph: Graph, stacks: Sequence[Recurrent], finals: Sequence[States]) -> None:
    """The states after the last step as outputs h_n and c_n, to be the inputs of the next call."""
    first, deep = stacks[0], sum(one.num_layers for one in stacks)
    for name, parts in zip(CELLS[first.mode].states, zip(*finals, strict=True), strict=True):
        dims: list[int | str] = [deep, "batch", first.hidden_size]
        graph.output(name.replace("_0", "_n"), concat(parts, 0), "float32", dims)


def sequence(
    graph: Graph,
    network: SequenceNetwork,
    x: Value,
    lengths: Value | None,
    grams: Value | None = None,
    states: States | None = None,
) -> tuple[Value, States]:
    """`SequenceNetwork`: symbols (T, B), their n-grams (T, B, N), 0 where none is, or numbers (T, B, F), to y.

    Raises InputError for a network that looks at frames.
    """
    if network.look is not None:
        raise InputError(
            "this model looks at clips frame by frame with convolutions, which are not exported: texts, sequences of "
            "numbers, sounds and pictures are"
        )
    e = x
    if network.embedding is not None:
        e = graph.lookup(network.embedding.weight, x)
    if network.grams is not None:
        assert grams is not None
        there = as_float(apply("Greater", grams, np.array(0)))
        each = graph.lookup(network.grams.weight, grams) * apply("Unsqueeze", there, [3])
        count = apply("Max", total(there, 2, keep=True), 1.0)
        e = e + total(each, 2) / apply("Sqrt", count)
    if network.position is not None:
        places = apply("Slice", graph.matrix(network.position), [0], size(x, 0), [0])
        shape = apply("Concat", size(x, 0), size(x, 1), [network.position.shape[1]], axis=0)
        e = concat([e, apply("Expand", apply("Unsqueeze", places, [1]), shape)], -1)
    if network.conv is not None:
        e = apply("Relu", convolved(graph, network.conv, e, lengths))
    return stack(graph, network.stack, e, lengths, states)


def convolved(graph: Graph, conv: Conv, x: Value, lengths: Value | None) -> Value:
    """`Conv`: x (T, B, F) to (T, B, outputs), 0 past the rows' ends."""
    within = None if lengths is None else apply("Unsqueeze", inside(x, lengths), [2])
    if within is not None:
        x = apply("Where", within, x, 0.0)
    reach = (conv.width - 1) * conv.dilation
    before = reach if conv.causal else (conv.width - 1) // 2 * conv.dilation
    weight = apply("Reshape", graph.matrix(conv.weight.flatten(1)), list(conv.weight.shape))
    y = apply(
        "Conv",
        apply("Transpose", x, perm=[1, 2, 0]),
        weight,
        conv.bias,
        pads=[before, reach - before],
        dilations=[conv.dilation],
    )
    y = apply("Transpose", y, perm=[2, 0, 1])
    return y if within is None else apply("Where", within, y, 0.0)


def classified(graph: Graph, network: ClassifierNetwork, y: Value, lengths: Value) -> Value:
    """The pool and the head of a `ClassifierNetwork`: y (T, B, D*H) to (B, outputs)."""
    if network.attention is not None:
        pooled = attended(graph, network.attention, y, lengths)
    else:
        kinds = ("last", "mean", "max") if network.pooling == "concat" else (network.pooling,)
        pooled = concat([_pooled(y, lengths, kind, network.body.bidirectional) for kind in kinds], -1)
    return graph.linear(pooled, network.head.weight, network.head.bias)


def attended(graph: Graph, pool: AttentionPool, y: Value, lengths: Value) -> Value:
    """`AttentionPool`: (T, B, H) to (B, H)."""
    width = pool.size // pool.heads
    parts = apply("Reshape", y, [0, 0, pool.heads, width])
    if pool.inner is not None:
        scores = graph.linear(apply("Tanh", graph.linear(y, pool.inner.weight, pool.inner.bias)), pool.query)
    else:
        scores = total(parts * graph.matrix(pool.query), 3) / math.sqrt(width)
    scores = apply("Where", apply("Unsqueeze", inside(y, lengths), [2]), scores, -math.inf)
    weights = apply("Unsqueeze", apply("Softmax", scores, axis=0), [3])
    return apply("Reshape", total(weights * parts, 0), [0, pool.size])


def _pooled(y: Value, lengths: Value, kind: str, bidirectional: bool) -> Value:
    """`pool`, of one kind."""
    if kind == "last":
        ends = total(apply("Where", apply("Unsqueeze", at_end(y, lengths), [2]), y, 0.0), 0)
        if not bidirectional:
            return ends
        return concat([chunk(ends, 2)[0], chunk(apply("Gather", y, np.array(0), axis=0), 2)[1]], -1)
    within = apply("Unsqueeze", inside(y, lengths), [2])
    if kind == "mean":
        return total(apply("Where", within, y, 0.0), 0) / apply("Unsqueeze", as_float(lengths), [1])
    return total(apply("Where", within, y, -math.inf), 0, "Max")
