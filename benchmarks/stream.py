"""How long one step of a stream takes, beside torch and ONNX Runtime, and how many streams a core steps.

    python benchmarks/stream.py [--rounds 2000] [--threads 1 2] [--only layers models many] [--out FILE]

    layers    one row, one step, the state carried: a stack of ours, torch.nn's, ONNX Runtime's with bound buffers
    models    a fitted classifier of texts answers after each word; beside it torch's own layers with the same shapes
    many      that model's streams stepped together, 1 to 4,096 of them, and one after the other

Peers step by turns in one process. A figure is the median (p50) or the 99th percentile (p99) of all steps, in
microseconds; what counts are the ratios, for the machine is shared. Memory: bytes that 10,000 steps leave behind.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import RESULTS, describe
from torch import Tensor

import elman
from elman.bench import onnx_peer
from elman.deploy.stream import Streams

LAYERS = {
    "GRU 64": (elman.nn.GRU, 32, 64, 1),
    "LSTM 64": (elman.nn.LSTM, 32, 64, 1),
    "LSTM 256": (elman.nn.LSTM, 80, 256, 1),
    "LSTM 2 x 256": (elman.nn.LSTM, 80, 256, 2),
}
MANY = (1, 16, 256, 1024, 4096)
WORDS = ["good", "fine", "bad", "poor", "film", "plot", "the", "a", "of", "and", "was", "not", "very"]


def by_turns(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, dict[str, float]]:
    """p50 and p99 of each call, in microseconds; the order of a round is drawn anew each time."""
    taken: dict[str, list[int]] = {name: [] for name in calls}
    draw, names, warm = random.Random(0), list(calls), min(50, rounds)
    for at in range(rounds + warm):
        draw.shuffle(names)
        for name in names:
            begin = time.perf_counter_ns()
            calls[name]()
            if at >= warm:
                taken[name].append(time.perf_counter_ns() - begin)
    return {
        name: {f"p{share}": float(np.percentile(all_, share)) / 1000 for share in (50, 99)}
        for name, all_ in taken.items()
    }


def torch_step(module: torch.nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """One step of torch's own layer (1, 1, F), its state carried."""
    state: Any = None

    def step() -> Tensor:
        nonlocal state
        with torch.inference_mode():
            y, state = module(x, state)
        return y

    return step


def layers(threads: int, rounds: int) -> dict[str, Any]:
    found = {}
    for name, (kind, inputs, hidden, count) in LAYERS.items():
        torch.manual_seed(0)
        ours = kind(inputs, hidden, count).eval()
        theirs = getattr(torch.nn, kind.__name__)(inputs, hidden, count).eval()
        theirs.load_state_dict(ours.state_dict())
        stepper, x = ours.stepper(), torch.randn(1, inputs)
        calls: dict[str, Callable[[], Any]] = {
            "elman": lambda stepper=stepper, x=x: stepper.step(x),
            "torch": torch_step(theirs, x[None]),
        }
        if onnx_peer.absent() is None:
            calls["onnx runtime"] = onnx_peer.stepper(ours, x[None], threads)
        for _ in range(3):  # the peers compute the same
            outputs = [torch.as_tensor(np.asarray(call())).flatten() for call in calls.values()]
        assert all(torch.allclose(outputs[0], other, atol=1e-5) for other in outputs)
        found[name] = by_turns(calls, rounds)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(10_000):
            stepper.step(x)
        found[name]["elman"]["left_behind"] = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        print(threads, name, json.dumps(found[name]), flush=True)
    return found


def classifier() -> Any:
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(3, 12))) for _ in range(400)]
    labels = ["good" if "good" in text or "fine" in text else "bad" for text in texts]
    return elman.Classifier(cell="gru", hidden=64, causal=True, members=1, steps=200).fit(texts, labels)


def models(model: Any, rounds: int) -> dict[str, Any]:
    """The answer after each word; torch's share is the bare arithmetic of the network, without the text."""
    stream, network = elman.stream(model), model.network_.members[0]
    theirs = torch.nn.GRU(network.body.stack.input_size, 64).eval()
    theirs.load_state_dict(network.body.stack.state_dict())
    e, state = torch.randn(1, 1, theirs.input_size), None

    def plain() -> Tensor:
        nonlocal state
        with torch.inference_mode():
            y, state = theirs(e, state)
            network.attention.query @ network.attention.inner(y[0]).tanh().T
            return network.head(y[0]).softmax(-1)

    return {"GRU 64, a word": by_turns({"elman": lambda: stream.step("film"), "torch, bare": plain}, rounds)}


def many(model: Any, rounds: int) -> dict[str, Any]:
    """Microseconds a stream and step: together in one call, and one call after the other."""
    found = {}
    for count in MANY:
        streams = Streams(model, most=count)
        opened = [streams.open() for _ in range(count)]
        words = [WORDS[at % len(WORDS)] for at in range(count)]

        def apart(opened: Any = opened, words: Any = words) -> None:
            for stream, word in zip(opened, words, strict=True):
                stream.step(word)

        turns = max(3, min(rounds, 10_000 // count))
        taken = by_turns({"together": lambda s=streams, o=opened, w=words: s.step_many(o, w), "apart": apart}, turns)
        found[f"{count}"] = {name: {p: t / count for p, t in times.items()} for name, times in taken.items()}
        print(count, json.dumps(found[f"{count}"]), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--only", nargs="*", default=["layers", "models", "many"])
    parser.add_argument("--out", type=Path, default=RESULTS / "stream.json")
    options = parser.parse_args()
    record = json.loads(options.out.read_text()) if options.out.exists() else {}
    record["machine"] = describe()
    model = classifier() if {"models", "many"} & set(options.only) else None
    for threads in options.threads:
        torch.set_num_threads(threads)
        own = record.setdefault(f"{threads} threads" if threads > 1 else "1 thread", {})
        if "layers" in options.only:
            own["layers"] = layers(threads, options.rounds)
        if "models" in options.only:
            own["models"] = models(model, options.rounds)
        if "many" in options.only:
            own["many"] = many(model, options.rounds)
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
