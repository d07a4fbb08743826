"""The orders in which ONNX lays the gates of a layer, told once for what is written and for what is read."""

from __future__ import annotations

ONNX = {"RNN": (0,), "LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}  # i o f c of torch's i f g o; z r h of its r z n
PEEPHOLES = (0, 2, 1)  # i o f of elman's i f o


def places(order: tuple[int, ...]) -> tuple[int, ...]:
    """Where each of ours lies in that order: the way back."""
    return tuple(order.index(gate) for gate in range(len(order)))
