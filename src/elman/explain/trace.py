"""A small network worked out by hand: every step's gates and states, each with its equation and the numbers in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from elman.errors import InputError

Cell = Literal["rnn", "lstm", "gru"]
GATES: dict[str, tuple[str, ...]] = {"rnn": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
EQUATIONS = {
    "rnn": ("h_t = tanh(W x_t + U h_{t-1} + b)",),
    "lstm": (
        "i_t = σ(W_i x_t + U_i h_{t-1} + b_i)",
        "f_t = σ(W_f x_t + U_f h_{t-1} + b_f)",
        "g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)",
        "o_t = σ(W_o x_t + U_o h_{t-1} + b_o)",
        "c_t = f_t c_{t-1} + i_t g_t",
        "h_t = o_t tanh(c_t)",
    ),
    "gru": (
        "r_t = σ(W_r x_t + U_r h_{t-1} + b_r)",
        "z_t = σ(W_z x_t + U_z h_{t-1} + b_z)",
        "n_t = tanh(W_n x_t + b_n + r_t (U_n h_{t-1}))",
        "h_t = (1 - z_t) n_t + z_t h_{t-1}",
    ),
}
ANSWER = "y_t = V h_t + d"


@dataclass(frozen=True)
class Weights:
    """W (G H, F), U (G H, H) and b (G H,) of a cell's gates in torch's order; V (O, H) and d (O,) of the answer."""

    W: Tensor
    U: Tensor
    b: Tensor
    V: Tensor
    d: Tensor

    @classmethod
    def of(
        cls,
        cell: Cell,
        W: Sequence[float] | Sequence[Sequence[float]],
        U: Sequence[float] | Sequence[Sequence[float]],
        b: Sequence[float] | None = None,
        V: Sequence[float] | Sequence[Sequence[float]] | None = None,
        d: Sequence[float] | None = None,
    ) -> Weights:
        """From lists; a flat list of W or U is a column, of V a row. b and d are 0 and V passes h on when left out.

        Raises InputError where shapes do not fit together.
        """
        gates = len(GATES[cell])
        w, u = _matrix(W, "W", column=True), _matrix(U, "U", column=True)
        if len(w) % gates or not len(w):
            raise InputError(f"W has {len(w)} rows, but a {cell} has {gates} gates: give so many rows a unit")
        hidden = len(w) // gates
        if u.shape != (gates * hidden, hidden):
            raise InputError(
                f"U has shape {tuple(u.shape)}, but {(gates * hidden, hidden)} is needed beside W: {gates} gates of "
                f"{hidden} units, each seeing {hidden}"
            )
        v = torch.eye(hidden, dtype=torch.float64) if V is None else _matrix(V, "V", column=False)
        if v.shape[1] != hidden:
            raise InputError(f"V has shape {tuple(v.shape)}, but {hidden} columns are needed, one a unit")
        bias = torch.zeros(gates * hidden, dtype=torch.float64) if b is None else _vector(b, "b", gates * hidden)
        shift = torch.zeros(len(v), dtype=torch.float64) if d is None else _vector(d, "d", len(v))
        return cls(w, u, bias, v, shift)

    @property
    def hidden(self) -> int:
        return int(self.U.shape[1])


@dataclass(frozen=True)
class Step:
    """What one step computed: ``values`` by name, each (H,) but x (F,) and y (O,), and how, in words of numbers."""

    t: int
    values: dict[str, list[float]]
    lines: tuple[str, ...]


def trace(cell: Cell, x: Sequence[float] | Sequence[Sequence[float]], weights: Weights) -> list[Step]:
    """Every step of a cell over x (T, F), or (T,) of one feature, from states of 0.

    The lines have the numbers put in where there is one unit and one feature. Raises InputError for another cell, and
    an x that does not fit.
    """
    if cell not in get_args(Cell):
        raise InputError(f"the cell is {cell!r}, but rnn, lstm and gru can be traced: give one of these")
    rows = _matrix(x, "x", column=True)
    if rows.shape[1] != weights.W.shape[1]:
        raise InputError(f"x has {rows.shape[1]} features, but W has {weights.W.shape[1]} columns: give as many")
    h = c = torch.zeros(weights.hidden, dtype=torch.float64)
    steps = []
    for t, row in enumerate(rows, 1):
        of_x, of_h = (weights.W @ row + weights.b).chunk(len(GATES[cell])), (weights.U @ h).chunk(len(GATES[cell]))
        found: dict[str, Tensor] = {"x": row}
        before_h, before_c = h, c
        if cell == "rnn":
            h = (of_x[0] + of_h[0]).tanh()
        elif cell == "lstm":
            i, f, g, o = (one + other for one, other in zip(of_x, of_h, strict=True))
            found |= {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}
            c = found["f"] * c + found["i"] * found["g"]
            h = found["o"] * c.tanh()
            found["c"] = c
        else:
            r, z = (of_x[0] + of_h[0]).sigmoid(), (of_x[1] + of_h[1]).sigmoid()
            n = (of_x[2] + r * of_h[2]).tanh()
            found |= {"r": r, "z": z, "n": n}
            h = (1 - z) * n + z * h
        found |= {"h": h, "y": weights.V @ h + weights.d}
        values = {name: value.tolist() for name, value in found.items()}
        steps.append(Step(t, values, _lines(cell, t, found, before_h, before_c, weights)))
    return steps


def _lines(cell: Cell, t: int, found: dict[str, Tensor], h: Tensor, c: Tensor, weights: Weights) -> tuple[str, ...]:
    """The equations of a step with its numbers; of several units the results alone."""
    if weights.hidden > 1 or weights.W.shape[1] > 1:
        return tuple(f"{name}_{t} = {_list(value)}" for name, value in found.items() if name != "x")
    x = _number(found["x"])
    before, gates, lines = _number(h), GATES[cell], []
    for at, gate in enumerate(gates):
        w, u, b = (_number(part[at]) for part in (weights.W, weights.U, weights.b))
        squash = "tanh" if gate in ("h", "g", "n") else "σ"
        inner = f"{w}·{x} + {u}·{before} + {b}"
        if gate == "n":
            inner = f"{w}·{x} + {b} + {_number(found['r'])}·({u}·{before})"
        lines.append(f"{gate}_{t} = {squash}({inner}) = {_number(found[gate])}")
    if cell == "lstm":
        i, f, g, o = (_number(found[name]) for name in gates)
        lines.append(f"c_{t} = {f}·{_number(c)} + {i}·{g} = {_number(found['c'])}")
        lines.append(f"h_{t} = {o}·tanh({_number(found['c'])}) = {_number(found['h'])}")
    if cell == "gru":
        z, n = _number(found["z"]), _number(found["n"])
        lines.append(f"h_{t} = (1 - {z})·{n} + {z}·{before} = {_number(found['h'])}")
    if len(weights.V) == 1:
        v, d = _number(weights.V), _number(weights.d)
        lines.append(f"y_{t} = {v}·{_number(found['h'])} + {d} = {_number(found['y'])}")
    return tuple(lines)


def _number(value: Tensor) -> str:
    number = float(value.flatten()[0])
    written = f"{number:.4f}".rstrip("0").rstrip(".")
    written = "0" if written in ("-0", "") else written
    return f"({written})" if written.startswith("-") else written


def _list(value: Tensor) -> str:
    return "[" + ", ".join(f"{one:.4f}" for one in value.tolist()) + "]"


def _matrix(values: Sequence[float] | Sequence[Sequence[float]], name: str, *, column: bool) -> Tensor:
    try:
        found = torch.tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} is {values!r}, but numbers are needed, in rows of one length: give such") from None
    if found.ndim == 1:
        found = found[:, None] if column else found[None]
    if found.ndim != 2 or not found.numel() or not bool(torch.isfinite(found).all()):
        raise InputError(f"{name} is {values!r}, but finite numbers are needed, in rows of one length: give such")
    return found


def _vector(values: Sequence[float], name: str, size: int) -> Tensor:
    found = _matrix(values, name, column=True)
    if found.shape != (size, 1):
        raise InputError(f"{name} has {found.numel()} numbers, but {size} are needed: give as many")
    return found[:, 0]
