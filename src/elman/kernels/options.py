"""What a cell can do beyond its plain equations, and which cell has what."""

from typing import NamedTuple

from torch import Tensor

from elman.kernels.weights import Weights

ACTIVATIONS = {"rnn": ("tanh", "relu", "sigmoid"), "indrnn": ("relu", "tanh")}

NEEDED = {"rnn": "weight_hh", "lstm": "weight_hh", "gru": "weight_hh", "slstm": "weight_hh", "indrnn": "weight_hh"}
NEEDED |= {"rglru": "decay"}

_GATED = frozenset({"clip", "recurrent dropout", "zoneout", "layer norm"})
EXTRAS = {
    "rnn": _GATED,
    "lstm": _GATED | {"projection", "peephole", "zoneout of c", "cells"},
    "gru": _GATED | {"reset before"},
    "slstm": frozenset({"heads"}),
    "indrnn": frozenset(),
    "mingru": frozenset(),
    "minlstm": frozenset(),
    "rglru": frozenset({"decay"}),
}
"""Every operation, and what it may have beyond its plain equations."""


class Options(NamedTuple):
    """How a layer computes, beside its weights.

    activation: f of a simple network ("tanh", "relu", "sigmoid") or an IndRNN ("relu", "tanh").
    reset: where a GRU's reset gate acts, "after" the recurrent product (torch) or "before" it (the paper).
    clip: every pre-activation, the whole sum inside a nonlinearity, is held in [-clip, clip]; where it was
        outside its gradient is 0.
    heads: an sLSTM's blocks of weight_hh.
    cells: return an LSTM's c_t at every step.
    drop (D, B, P): multiplies h_{t-1} before W_hh at every step; no gradient flows to it.
        Source: Gal and Ghahramani, arXiv:1512.05287.
    zone_h (D, T, B, P) in [0, 1]: h_t = z h_{t-1} + (1 - z) h~_t, h~_t what the cell would give; no gradient
        flows to it. In training a 0/1 mask, in evaluation the probability.
    zone_c (D, T, B, H): the same for an LSTM's c; h~_t is made of the c~_t before it.
        Source: Krueger et al., arXiv:1606.01305.

    A reference's `step` takes the tensors of its own direction and time: (B, P), (B, P), (B, H).
    """

    activation: str = "tanh"
    reset: str = "after"
    clip: float | None = None
    heads: int = 1
    cells: bool = False
    drop: Tensor | None = None
    zone_h: Tensor | None = None
    zone_c: Tensor | None = None


PLAIN = Options()


def extras(options: Options, weights: Weights | None) -> list[str]:
    """Name what goes beyond the plain cell, in the words of EXTRAS; without `weights`, by the options alone."""
    asked = {
        "clip": options.clip is not None,
        "recurrent dropout": options.drop is not None,
        "zoneout": options.zone_h is not None,
        "zoneout of c": options.zone_c is not None,
        "cells": options.cells,
        "reset before": options.reset != "after",
        "heads": options.heads != 1,
    }
    if weights is not None:
        asked |= {
            "projection": weights.weight_hr is not None,
            "peephole": weights.weight_ch is not None,
            "layer norm": any(part is not None for part in weights[6:10]),
            "decay": weights.decay is not None,
        }
    return [name for name, there in asked.items() if there]


def check(operation: str, options: Options, weights: Weights | None = None) -> None:
    """Raise ValueError where this operation has no such option, or where options or weights do not go together."""
    if operation not in EXTRAS:
        raise ValueError(f"operation is {operation!r}, but there are {', '.join(EXTRAS)}: choose one of these")
    activations = ACTIVATIONS.get(operation, ("tanh",))
    if options.activation not in activations:
        known = ", ".join(map(repr, activations))
        raise ValueError(f"activation is {options.activation!r}, but {operation!r} has {known}: choose one of these")
    if options.reset not in ("after", "before"):
        raise ValueError(f"reset is {options.reset!r}, but it must be 'after' or 'before': choose one of these")
    needed = NEEDED.get(operation)
    if weights is not None and needed and getattr(weights, needed) is None:
        raise ValueError(f"weights have no {needed}, but {operation!r} needs it: give it")
    found = extras(options, weights)
    for name in found:
        if name not in EXTRAS[operation]:
            has = ", ".join(sorted(EXTRAS[operation])) or "none"
            raise ValueError(f"{name} is asked for, but of such options {operation!r} has {has}: leave it out")
    if options.clip is not None and not options.clip > 0:
        raise ValueError(f"clip is {options.clip}, but a number above 0 is needed: raise it or leave it out")
    if "layer norm" in found:
        if options.reset == "before":
            raise ValueError("reset is 'before' beside layer norm, which needs 'after': leave one of the two out")
        _check_layer_norm(operation, weights)
    if operation == "slstm" and weights is not None:
        hidden = weights.weight_ih.shape[0] // 4
        if options.heads < 1 or hidden % options.heads:
            raise ValueError(f"heads is {options.heads}, but a divisor of H={hidden} is needed: change either")


def _check_layer_norm(operation: str, weights: Weights | None) -> None:
    if weights is None:
        return
    needed = ["gain_ih", "gain_hh", *(["gain_c"] if operation == "lstm" else [])]
    absent = [name for name in needed if getattr(weights, name) is None]
    extra = [name for name in ("gain_c", "bias_c") if operation != "lstm" and getattr(weights, name) is not None]
    if absent or extra:
        fault = f"{absent[0]} is missing" if absent else f"{extra[0]} is given"
        raise ValueError(f"{fault}, but layer norm of {operation!r} has {', '.join(needed)}: give these")
