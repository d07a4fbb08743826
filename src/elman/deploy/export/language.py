"""Generator and recommender as graphs: symbols or items in, with the states to go on from, scores of the next out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.data.text.tokens import PAD, UNKNOWN
from elman.deploy.export.check import SHAPES, Case
from elman.deploy.export.form import Cases, Form
from elman.deploy.export.graph import Graph, Value, apply, at_end, concat, inside, size, total, turned
from elman.deploy.export.networks import carried, handed_on
from elman.deploy.export.quantise import rounded
from elman.deploy.export.recurrent import stack
from elman.deploy.export.text import described
from elman.nn.cells import CELLS
from elman.nn.ensemble import Ensemble
from elman.nn.recommender import BANNED
from elman.nn.recommender import Recommender as Network
from elman.nn.recurrent import Recurrent
from elman.tasks.generate import Generator
from elman.tasks.recommend import Recommender


def generator(task: Generator) -> Form:
    """``tokens`` (B, T) and states to ``logits`` (B, T, V) of the symbol after each, -inf for what is never written.

    It always streams: texts begin with states of 0 and "\\n", and each drawn symbol is the next call's token.
    """
    assert isinstance(task.network_, Ensemble)
    members: list[Any] = list(task.network_.members)
    stacks = [one.stack for one in members]
    symbols = task.tokens_.size
    banned = torch.zeros(symbols)
    banned[[PAD, UNKNOWN]] = -torch.inf

    def build(int8: bool) -> Graph:
        graph = Graph(int8=int8)
        x = turned(graph.input("tokens", "int64", ["batch", "time"]), 2)
        each, finals = [], []
        for one, before in zip(members, carried(graph, stacks), strict=True):
            e = graph.lookup(one.embedding.weight, x) * one.scale
            y, final = stack(graph, one.stack, e, None, before)
            y = y if one.inner is None else graph.linear(y, one.inner.weight)
            weight = one.embedding.weight if one.weight is None else one.weight
            each.append(apply("Unsqueeze", graph.linear(y, weight, one.bias), [0]))
            finals.append(final)
        logits = turned(total(concat(each, 0), 0, "Mean")) + graph.constant(banned)
        graph.output("logits", logits, "float32", ["batch", "time", symbols])
        handed_on(graph, stacks, finals)
        return graph

    @torch.no_grad()
    def cases() -> Cases:
        rng = np.random.default_rng(0)
        task.network_.eval()
        for rows, steps in SHAPES:
            tokens = rng.integers(0, symbols, (rows, steps))
            feeds = _drawn_states(rng, stacks, rows)
            logits = []
            after: dict[str, list[Tensor]] = {}
            begin = 0
            for one in members:
                end = begin + one.stack.num_layers
                before = tuple(torch.from_numpy(part[begin:end]) for part in feeds.values())
                one._states = {False: before if len(before) > 1 else before[0]}
                logits.append(one(torch.from_numpy(tokens).T))
                found = one._states.pop(False)
                for name, part in zip(feeds, found if isinstance(found, tuple) else (found,), strict=True):
                    after.setdefault(name.replace("_0", "_n"), []).append(part)
                begin = end
            mean = torch.stack(logits).mean(0).transpose(0, 1) + banned
            expected = {"logits": mean.numpy(), **{name: torch.cat(parts).numpy() for name, parts in after.items()}}
            yield Case({"tokens": tokens, **feeds}, expected)

    start = task.tokens_.encode(["\n"]).values.tolist()
    beside = {"task": task.name, "text": described(task.tokens_), "start": start}
    return Form(build, cases, lambda: generator(rounded(task)), beside)


def recommender(task: Recommender, streaming: bool) -> Form:
    """``items`` (B, T) of a session to ``probabilities`` (B, V) of the next: of those that are not there, 0.

    ``streaming``: a call reads the items since the last one. Where the network tells items that the session had already
    from new ones, what was ``seen`` (B, V) goes along with the states.
    """
    network = task.network_
    assert isinstance(network, Network)
    items = len(task.items_)
    never = torch.zeros(items)
    never[:BANNED] = -torch.inf

    def build(int8: bool) -> Graph:
        graph = Graph(int8=int8)
        x = turned(graph.input("items", "int64", ["batch", "time"]), 2)
        lengths = None if streaming else graph.input("lengths", "int32", ["batch"])
        before = carried(graph, [network.stack])[0] if streaming else None
        y, final = stack(
            graph, network.stack, graph.lookup(network.embedding.weight, x) * network.scale, lengths, before
        )
        if lengths is None:
            h = apply("Gather", y, np.array(-1), axis=0)
        else:
            h = total(apply("Where", apply("Unsqueeze", at_end(y, lengths), [2]), y, 0.0), 0)
        inner = h if network.inner is None else graph.linear(h, network.inner.weight)
        z = graph.linear(inner, network._weight(), network.bias)
        if network.again is not None:
            seen = _seen(graph, x, lengths, items)
            if lengths is None:
                seen = apply("Max", seen, graph.input("seen_0", "float32", ["batch", items]))
                graph.output("seen_n", seen, "float32", ["batch", items])
            z = z + graph.linear(h, network.again.weight, network.again.bias) * seen
        found = apply("Softmax", z + graph.constant(never), axis=-1)
        graph.output("probabilities", found, "float32", ["batch", items])
        if streaming:
            handed_on(graph, [network.stack], [final])
        return graph

    @torch.no_grad()
    def cases() -> Cases:
        rng = np.random.default_rng(0)
        network.eval()
        for rows, steps in SHAPES:
            x = rng.integers(BANNED, items, (steps + 2, rows))
            begin = 2 if streaming else 0
            lengths = np.full(rows, steps + 2) if streaming else rng.integers(1, steps + 3, rows)
            given, ends = torch.from_numpy(x), torch.from_numpy(lengths)
            last = torch.arange(steps + 2)[:, None] == ends - 1
            scores = torch.cat(list(network.asked(given, ends, last)))
            expected = {"probabilities": scores.softmax(-1).numpy()}
            feeds: dict[str, np.ndarray] = {"items": x[begin:].T}
            if not streaming:
                yield Case(feeds | {"lengths": lengths.astype(np.int32)}, expected)
                continue
            for end, ending, into in ((begin, "_0", feeds), (steps + 2, "_n", expected)):
                _, after = network.read(given[:end], torch.full((rows,), end))
                parts = after if isinstance(after, tuple) else (after,)
                into |= {f"{name}{ending}": part.numpy() for name, part in zip("hc", parts, strict=False)}
                if network.again is not None:
                    seen = torch.zeros(rows, items).scatter_(1, given[:end].T, 1.0)
                    into[f"seen{ending}"] = seen.numpy()
            yield Case(feeds, expected)

    beside = {"task": task.name, "items": task.items_.names, "padding": 0, "unknown": 1}
    return Form(build, cases, lambda: recommender(rounded(task), streaming), beside)


def _drawn_states(rng: np.random.Generator, stacks: Sequence[Recurrent], rows: int) -> dict[str, np.ndarray]:
    first, deep = stacks[0], sum(one.num_layers for one in stacks)
    return {name: rng.standard_normal((deep, rows, first.hidden_size), np.float32) for name in CELLS[first.mode].states}


def _seen(graph: Graph, x: Value, lengths: Value | None, items: int) -> Value:
    """(B, V): 1 for the items among x (T, B), before the rows' ends; 0 for the others, padding among them."""
    if lengths is not None:
        x = apply("Where", inside(x, lengths), x, np.array(PAD))
    at = turned(x, 2)
    empty = apply("Expand", 0.0, apply("Concat", size(at, 0), [items], axis=0))
    return apply("ScatterElements", empty, at, apply("Expand", 1.0, apply("Shape", at)), axis=1)
