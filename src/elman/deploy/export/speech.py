"""A transcriber by ctc as a graph: frames of sound in, log probabilities of symbols out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from elman.deploy.export.check import SHAPES, Case
from elman.deploy.export.form import Cases, Form
from elman.deploy.export.graph import Graph, Value, apply, as_int32, as_int64, inside, size, turned
from elman.deploy.export.quantise import rounded
from elman.deploy.export.recurrent import stack
from elman.deploy.export.text import described
from elman.errors import InputError
from elman.nn.ctc import BLANK
from elman.nn.listener import SpeechNetwork
from elman.tasks.transcribe import Transcriber


def transcriber(task: Transcriber) -> Form:
    """``frames`` (B, T, F) and lengths (B,) to log probabilities ``said`` (B, S, V), of which ``steps`` (B,) count.

    Raises InputError where a decoder writes the text.
    """
    if task.config_.by != "ctc":
        raise InputError(
            f"the model transcribes by {task.config_.by}, whose search for a text is a program and no graph: fit with "
            "--by ctc to export it"
        )
    network, features, symbols = task.network_, task.encoder_.features, task.target_tokens_.size
    assert isinstance(network, SpeechNetwork) and network.head is not None
    listener, head = network.listener, network.head

    def build(int8: bool) -> Graph:
        graph = Graph(int8=int8)
        x = turned(graph.input("frames", "float32", ["batch", "time", features]))
        lengths = as_int64(graph.input("lengths", "int32", ["batch"]))
        y, lengths = joined(x, lengths, listener.stack, features)
        width = features * listener.stack
        for at, layer in enumerate(listener.layers):
            if at and listener.join > 1:
                y, lengths = joined(y, lengths, listener.join, width)
            y = stack(graph, layer, y, as_int32(lengths))[0]  # type: ignore[arg-type]
            width = listener.outputs
        said = apply("LogSoftmax", turned(graph.linear(y, head.weight, head.bias)), axis=-1)
        graph.output("said", said, "float32", ["batch", "steps", symbols])
        graph.output("steps", lengths, "int64", ["batch"])
        return graph

    @torch.no_grad()
    def cases() -> Cases:
        rng = np.random.default_rng(0)
        network.eval()
        for rows, steps in SHAPES:
            x = rng.standard_normal((rows, steps, features), np.float32)
            lengths = rng.integers(1, steps + 1, rows).astype(np.int32)
            y, left = network.hear(torch.from_numpy(x).transpose(0, 1), torch.from_numpy(lengths).long())
            expected = {"said": network.said(y).transpose(0, 1).numpy(), "steps": left.numpy()}
            yield Case({"frames": x, "lengths": lengths}, expected)

    beside: dict[str, Any] = {"task": task.name, "sound": task.encoder_.to_json(), "blank": BLANK}
    beside["text"] = described(task.target_tokens_)
    left_out = (
        "sounds are to be made frames as `sound` says, and texts of each step's likeliest symbol, blanks and repeats "
        "left out; the search with a beam is not in the file",
    )
    return Form(build, cases, lambda: transcriber(rounded(task)), beside, left_out)


def joined(x: Value, lengths: Value, count: int, width: int) -> tuple[Value, Value]:
    """`joined` of `nn/listener.py`: every ``count`` steps of x (T, B, F) as one, 0 past the rows' ends."""
    x = apply("Where", apply("Unsqueeze", inside(x, lengths), [2]), x, 0.0)
    more = apply("Mod", apply("Neg", size(x, 0)), [count])
    x = apply("Pad", x, apply("Concat", [0, 0, 0], more, [0, 0], axis=0))
    x = apply("Reshape", x, apply("Concat", [-1, count], size(x, 1), [width], axis=0))
    x = apply("Transpose", x, perm=[0, 2, 1, 3])
    return apply("Reshape", x, [0, 0, count * width]), apply("Div", lengths + np.array(count - 1), np.array(count))
