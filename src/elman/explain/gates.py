"""What the gates of a layer did: their values at every step, how many are stuck, and which units say nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.kernels import State
from elman.kernels.product import of_input, of_state
from elman.nn.cells import CELLS
from elman.nn.recurrent import Recurrent
from elman.nn.unrolled import plain_weights

NAMES = {"rnn": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
NEAR = 0.05  # a σ within so much of 0 or 1, and a tanh within twice that of -1 or 1, hardly moves any more
SILENT = 1e-3  # a unit whose output has a deviation below this over all steps and rows says nothing


def gates(stack: Recurrent, layer: int, way: int, x: Tensor, before: State) -> dict[str, Tensor]:
    """Each gate's values (N, H) for N steps: x (N, F) and the state before each, parts (N, H); {} for other cells.

    The equations are those of `elman.kernels.<cell>.reference`; a clip is left out.
    """
    cell = CELLS[stack.mode]
    if cell.operation not in NAMES or cell.activation == "relu":
        return {}
    weights = plain_weights(stack, layer, way, x.dtype)
    names, h = NAMES[cell.operation], before[0]
    of_x, of_h = of_input(x, weights).chunk(len(names), -1), of_state(h, weights).chunk(len(names), -1)
    if cell.operation == "rnn":
        a = of_x[0] + of_h[0]
        return {"h": a.sigmoid() if cell.activation == "sigmoid" else a.tanh()}
    if cell.operation == "gru":
        r, z = (of_x[0] + of_h[0]).sigmoid(), (of_x[1] + of_h[1]).sigmoid()
        return {"r": r, "z": z} | ({"n": (of_x[2] + r * of_h[2]).tanh()} if stack.reset_after else {})
    i, f, g, o = (one + other for one, other in zip(of_x, of_h, strict=True))
    if weights.weight_ch is not None:
        w_i, w_f, w_o = weights.weight_ch.chunk(3)
        c = before[1]
        i, f = i + w_i * c, f + w_f * c
        o = o + w_o * (f.sigmoid() * c + i.sigmoid() * g.tanh())
    return {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}


def stuck(name: str, values: Tensor) -> tuple[float, float]:
    """The shares of values at the low and at the high end of a gate's range."""
    low, near = (-1.0, 2 * NEAR) if name in ("h", "g", "n") else (0.0, NEAR)
    return float((values < low + near).double().mean()), float((values > 1 - near).double().mean())


def silent(y: Tensor) -> int:
    """How many of the units of y (N, H) hardly ever change."""
    return int((y.std(0, correction=0) < SILENT).sum())


def radii(stack: Recurrent, layer: int, way: int) -> dict[str, float]:
    """The spectral radius of each gate's part of W_hh, max |λ|; {} for cells without such a matrix."""
    cell, w = CELLS[stack.mode], stack.weights(layer, way).weight_hh
    if cell.operation not in NAMES or w is None or stack.proj_size:
        return {}
    blocks = w.detach().double().chunk(cell.gates)
    return {
        name: float(torch.linalg.eigvals(block).abs().max())
        for name, block in zip(NAMES[cell.operation], blocks, strict=True)
    }
