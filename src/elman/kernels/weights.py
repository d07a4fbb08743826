"""What a layer is given: one direction's weights and the state it starts from."""

from typing import NamedTuple

from torch import Tensor

State = tuple[Tensor, ...]
"""What passes from one step to the next: (h,) or, for an LSTM, (h, c). The first is the cell's output."""


class Weights(NamedTuple):
    """One direction of one layer, in torch's names and torch's gate order, for G gates.

    Shapes: weight_ih (G*H, F); weight_hh (G*H, H), or (G*H, P) beside a projection; bias_ih and bias_hh
    (G*H,), both or neither; weight_hr (P, H), the projection of an LSTM's output.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None
    weight_hr: Tensor | None = None
