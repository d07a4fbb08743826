"""Weights in ONNX's and Keras' layout as elman's, and ONNX's operators as elman's layers."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elman import nn
from elman.kernels import Weights
from elman.nn.recurrent import Recurrent

# For each of torch's gates (LSTM i f g o, GRU r z n), its place among the other's.
FROM_ONNX = {"rnn": (0,), "lstm": (0, 2, 3, 1), "gru": (1, 0, 2)}  # i o f c, z r h
FROM_KERAS = {"rnn": (0,), "lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}  # i f c o, z r h
KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def in_order(tensor: Tensor, order: tuple[int, ...]) -> Tensor:
    """Put equal parts of the first dimension in another order."""
    parts = tensor.chunk(len(order))
    return torch.cat([parts[place] for place in order])


def from_onnx(operation: str, w: Tensor, r: Tensor, b: Tensor | None = None, p: Tensor | None = None) -> Weights:
    """One direction of ONNX's W (G*H, F), R (G*H, H), B (2*G*H,) and peepholes P (3*H,), which are i o f."""
    order = FROM_ONNX[operation]
    biases = () if b is None else (in_order(half, order) for half in b.chunk(2))
    weights = Weights(in_order(w, order), in_order(r, order), *biases)
    return weights if p is None else weights._replace(weight_ch=in_order(p, (0, 2, 1)))


def from_keras(operation: str, kernel: Tensor, recurrent: Tensor, bias: Tensor | None = None) -> Weights:
    """Keras' kernel (F, G*H), recurrent kernel (H, G*H), and bias (G*H,) or, of a GRU that resets after, (2, G*H)."""
    order = FROM_KERAS[operation]
    pair = () if bias is None else bias if bias.dim() == 2 else (bias, torch.zeros_like(bias))
    return Weights(*(in_order(each, order) for each in (kernel.T, recurrent.T, *pair)))


def module_of(operation: str, ways: tuple[Weights, ...], **options: object) -> Recurrent:
    """An elman layer with these weights, one set a direction."""
    first = ways[0]
    options |= {"bias": first.bias_ih is not None, "bidirectional": len(ways) == 2, "dtype": first.weight_ih.dtype}
    module = KINDS[operation](first.weight_ih.shape[1], first.weight_hh.shape[1], **options)
    named = {
        f"{name}_l0{way}": tensor
        for own, way in zip(ways, ("", "_reverse"), strict=False)
        for name, tensor in own._asdict().items()
        if tensor is not None
    }
    module.load_state_dict(named)
    return module


def onnx_operator(operation: str, inputs: dict[str, NDArray], attributes: dict) -> dict[str, NDArray]:
    """ONNX's RNN, LSTM or GRU, computed by elman.nn; inputs, outputs and attributes bear the operator's names.

    A layer that runs in reverse only is the second direction of one that runs both ways.
    """
    given = {name: torch.from_numpy(np.array(value)) for name, value in inputs.items()}
    direction, batch_first = attributes.get("direction", "forward"), bool(attributes.get("layout", 0))
    options: dict[str, object] = {"batch_first": batch_first}
    if "clip" in attributes:
        options["clip"] = attributes["clip"]
    if operation == "rnn":
        options["nonlinearity"] = attributes.get("activations", ["Tanh"])[0].lower()
    if operation == "gru":
        options["reset_after"] = bool(attributes.get("linear_before_reset", 0))
    if "P" in given:
        options["peephole"] = True
    ways = tuple(
        from_onnx(operation, *(given[name][d] if name in given else None for name in ("W", "R", "B", "P")))
        for d in range(len(given["W"]))
    )
    state = [given[name] for name in ("initial_h", "initial_c") if name in given]
    if batch_first:
        state = [s.transpose(0, 1) for s in state]
    if operation == "lstm" and len(state) == 1:
        state.append(torch.zeros_like(state[0]))
    if direction == "reverse":
        ways, state = ways * 2, [s.repeat(2, 1, 1) for s in state]
    hx = None if not state else tuple(state) if operation == "lstm" else state[0]
    with torch.no_grad():
        y, after = module_of(operation, ways, **options)(given["X"], hx, lengths=given.get("sequence_lens"))
    y, finals = y.unflatten(-1, (len(ways), -1)), list(after if operation == "lstm" else (after,))
    if direction == "reverse":
        y, finals = y[..., 1:, :], [s[1:] for s in finals]
    if batch_first:
        finals = [s.transpose(0, 1) for s in finals]
    else:
        y = y.transpose(1, 2)
    return {"Y": y.numpy()} | {name: s.numpy() for name, s in zip(("Y_h", "Y_c"), finals, strict=False)}
