"""What each cell asks of the stack: its kernel, its parameters, and where they start."""

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn


class Cell(NamedTuple):
    """One cell: its kernel, its gates (blocks of H rows in a weight), its states, and what it may have beside.

    `recurrent` is the shape of weight_hh: a matrix for every gate, one number a unit, or nothing; `two_biases`
    says that the state has a bias of its own; `open` is the gate that lets the old state through, and starts
    with a positive bias in `initialise`; `takes` names the arguments of the stack that only some cells have.
    """

    operation: str
    gates: int
    states: tuple[str, ...] = ("h_0",)
    activation: str = "tanh"
    recurrent: Literal["matrix", "vector", "none"] = "matrix"
    two_biases: bool = False
    open: int | None = None
    takes: frozenset[str] = frozenset()


GATED = frozenset({"layer_norm", "zoneout", "recurrent_dropout", "clip"})

CELLS = {
    "RNN_TANH": Cell("rnn", gates=1, two_biases=True, takes=GATED),
    "RNN_RELU": Cell("rnn", gates=1, activation="relu", two_biases=True, takes=GATED),
    "RNN_SIGMOID": Cell("rnn", gates=1, activation="sigmoid", two_biases=True, takes=GATED),
    "LSTM": Cell(
        "lstm", gates=4, states=("h_0", "c_0"), two_biases=True, open=1, takes=GATED | {"proj_size", "peephole"}
    ),
    "GRU": Cell("gru", gates=3, two_biases=True, takes=GATED | {"reset_after"}),
    "SLSTM": Cell("slstm", gates=4, states=("h_0", "c_0", "n_0", "m_0"), open=1, takes=frozenset({"heads"})),
    "INDRNN_RELU": Cell("indrnn", gates=1, activation="relu", recurrent="vector"),
    "INDRNN_TANH": Cell("indrnn", gates=1, recurrent="vector"),
    "MINGRU": Cell("mingru", gates=2, recurrent="none"),
    "MINLSTM": Cell("minlstm", gates=3, recurrent="none", open=0),
    "RGLRU": Cell("rglru", gates=3, recurrent="none"),
}

EXTRAS: dict[str, Any] = {"proj_size": 0, "heads": 1, "peephole": False, "layer_norm": False, "zoneout": 0.0}
EXTRAS |= {"recurrent_dropout": 0.0, "clip": None, "reset_after": True}
"""The arguments that only some cells have, as they are where nobody asks."""


def parameter_shapes(stack: Any, features: int) -> dict[str, tuple[int, ...] | None]:
    """The shape of each field of `Weights` in one direction of one layer that reads F = `features`; None if absent."""
    cell, hidden, projection = CELLS[stack.mode], stack.hidden_size, stack.proj_size
    rows, out = (cell.gates * hidden,), projection or hidden
    recurrent = {"matrix": (*rows, out // stack.heads), "vector": (hidden,), "none": None}
    cell_norm = stack.layer_norm and stack.mode == "LSTM"
    return {
        "weight_ih": (*rows, features),
        "weight_hh": recurrent[cell.recurrent],
        "bias_ih": rows if stack.bias else None,
        "bias_hh": rows if stack.bias and cell.two_biases else None,
        "weight_hr": (projection, hidden) if projection else None,
        "weight_ch": (3 * hidden,) if stack.peephole else None,
        "gain_ih": rows if stack.layer_norm else None,
        "gain_hh": rows if stack.layer_norm else None,
        "gain_c": (hidden,) if cell_norm else None,
        "bias_c": (hidden,) if cell_norm and stack.bias else None,
        "decay": (hidden,) if stack.mode == "RGLRU" else None,
    }


@torch.no_grad()
def start(name: str, parameter: Tensor, hidden: int) -> None:
    """Give a parameter its first value: U(-1/√H, 1/√H) as in torch.nn, but

    gains 1 and bias_c 0, so that layer norm begins as plain normalisation; an IndRNN's recurrent weights
    U(-1, 1), which neither explode nor all fade; an RG-LRU's decay so that exp(-8 softplus(Λ)) is uniform in
    [0.9, 0.999]. Source: Li et al., arXiv:1803.04831; De et al., arXiv:2402.19427, section 2.4.
    """
    if name.startswith("gain"):
        nn.init.ones_(parameter)
    elif name.startswith("bias_c"):
        nn.init.zeros_(parameter)
    elif name.startswith("weight_hh") and parameter.dim() == 1:
        nn.init.uniform_(parameter, -1, 1)
    elif name.startswith("decay"):
        # Half precision rounds 0.999 to 1, where Λ would be infinite.
        wide = torch.empty_like(parameter, dtype=torch.promote_types(parameter.dtype, torch.float32))
        parameter.copy_(wide.uniform_(0.9, 0.999).log().div(-8).expm1().log())
    else:
        bound = 1 / math.sqrt(hidden)
        nn.init.uniform_(parameter, -bound, bound)
