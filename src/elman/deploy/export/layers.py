"""A bare recurrent layer as a graph of its own: torch.nn's RNN, LSTM and GRU, and every cell of elman.nn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from elman.deploy.export.check import SHAPES, Case
from elman.deploy.export.form import Cases, Form
from elman.deploy.export.graph import Graph, turned
from elman.deploy.export.quantise import rounded_network
from elman.deploy.export.recurrent import stack
from elman.errors import InputError
from elman.nn.cells import CELLS
from elman.nn.classic import GRU, LSTM, RNN
from elman.nn.recurrent import Recurrent

OURS = {"RNN_TANH": RNN, "RNN_RELU": RNN, "LSTM": LSTM, "GRU": GRU}


def ours(module: nn.Module) -> Recurrent:
    """The layer itself, or elman's with the weights of one of torch.nn. Raises InputError for anything else."""
    if isinstance(module, nn.Module):
        for name, weight in module.named_parameters():
            if weight.dtype not in (torch.float32, torch.float64) or not weight.isfinite().all():
                held = weight.dtype if weight.isfinite().all() else "NaN or infinity"
                raise InputError(
                    f"{name} holds {held}, but finite float32 is exported: call module.float(), or correct it"
                )
    if isinstance(module, Recurrent):
        return module
    if not isinstance(module, nn.RNNBase) or module.mode not in OURS:
        raise InputError(
            f"a {type(module).__name__} is no recurrent layer that can be exported: give an RNN, LSTM or GRU of "
            "torch.nn, or a layer of elman.nn"
        )
    sizes: dict[str, Any] = {name: getattr(module, name) for name in ("num_layers", "bias", "batch_first")}
    sizes |= {"bidirectional": module.bidirectional, "dtype": module.weight_ih_l0.dtype}
    if module.mode == "LSTM":
        sizes["proj_size"] = module.proj_size
    if module.mode == "RNN_RELU":
        sizes["nonlinearity"] = "relu"
    same: Recurrent = OURS[module.mode](module.input_size, module.hidden_size, **sizes)
    same.load_state_dict(module.state_dict())
    return same


def form(module: Recurrent, *, lengths: bool) -> Form:
    """Inputs x (T, B, F), (B, T, F) with batch_first, lengths (B,) if wanted, and the states (L*D, B, .).

    Outputs y in the form of x, and the final states.
    """
    names = CELLS[module.mode].states
    deep = module.num_layers * (2 if module.bidirectional else 1)
    sizes = [module.proj_size or module.hidden_size, *[module.hidden_size] * (len(names) - 1)]
    axes: list[int | str] = ["batch", "time"] if module.batch_first else ["time", "batch"]

    def build(int8: bool) -> Graph:
        graph = Graph(int8=int8)
        x = graph.input("x", "float32", [*axes, module.input_size])
        own = graph.input("lengths", "int32", ["batch"]) if lengths else None
        states = tuple(graph.input(n, "float32", [deep, "batch", s]) for n, s in zip(names, sizes, strict=True))
        y, finals = stack(graph, module, turned(x) if module.batch_first else x, own, states)
        width = sizes[0] * (2 if module.bidirectional else 1)
        graph.output("y", turned(y) if module.batch_first else y, "float32", [*axes, width])
        for name, final, size in zip(names, finals, sizes, strict=True):
            graph.output(name.replace("_0", "_n"), final, "float32", [deep, "batch", size])
        return graph

    return Form(build, lambda: cases(module, lengths=lengths), lambda: form(rounded_network(module), lengths=lengths))


@torch.no_grad()
def cases(module: Recurrent, *, lengths: bool) -> Cases:
    """Random inputs and states of three shapes, and a start from nothing."""
    rng, cell = np.random.default_rng(0), CELLS[module.mode]
    like, deep = module.weight_ih_l0, module.num_layers * (2 if module.bidirectional else 1)
    sizes = [module.proj_size or module.hidden_size, *[module.hidden_size] * (len(cell.states) - 1)]
    training = module.training
    module.eval()
    for rows, steps in SHAPES:
        for empty in (False, True):
            shape = (rows, steps) if module.batch_first else (steps, rows)
            feeds = {"x": rng.standard_normal((*shape, module.input_size), np.float32)}
            if lengths:
                feeds["lengths"] = rng.integers(1, steps + 1, rows).astype(np.int32)
            for name, size in zip(cell.states, sizes, strict=True):
                drawn = rng.standard_normal((deep, rows, size), np.float32)
                # An sLSTM's n is a sum of weights.
                drawn = np.abs(drawn) + 1 if name == "n_0" else drawn
                feeds[name] = np.full_like(drawn, -math.inf if name == "m_0" else 0) if empty else drawn
            given = {name: torch.from_numpy(value).to(like.device) for name, value in feeds.items()}
            states = tuple(given[name].to(like.dtype) for name in cell.states)
            y, after = module(
                given["x"].to(like.dtype), states if len(states) > 1 else states[0], lengths=given.get("lengths")
            )
            finals = after if isinstance(after, tuple) else (after,)
            parts = {"y": y, **dict(zip([n.replace("_0", "_n") for n in cell.states], finals, strict=True))}
            yield Case(feeds, {name: value.float().cpu().numpy() for name, value in parts.items()})
    module.train(training)
