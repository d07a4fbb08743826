"""What a layer is given and gives back: one direction's weights, the state it starts from, its results."""

from typing import NamedTuple

from torch import Tensor

State = tuple[Tensor, ...]
"""What passes from one step to the next: (h,), an LSTM's (h, c), an sLSTM's (h, c, n, m). h is the cell's output."""


class Weights(NamedTuple):
    """One direction of one layer, in torch's names and torch's gate order, for G gates; None where absent.

    Shapes: weight_ih (G*H, F); weight_hh (G*H, P), where P is H without a projection, (4H, H/heads) in an
    sLSTM, (H,) in an IndRNN, absent in minGRU, minLSTM and RG-LRU; bias_ih and bias_hh (G*H,), both or
    neither, but bias_ih alone in the five named here.
    weight_hr (P, H): the projection of an LSTM's output; weight_ch (3H,): its peepholes, in the order i, f, o.
    gain_ih, gain_hh (G*H,): layer norm, both or neither; with them an LSTM has gain_c and may have bias_c (H,).
    decay (H,): the Λ of an RG-LRU.
    """

    weight_ih: Tensor
    weight_hh: Tensor | None = None
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None
    weight_hr: Tensor | None = None
    weight_ch: Tensor | None = None
    gain_ih: Tensor | None = None
    gain_hh: Tensor | None = None
    gain_c: Tensor | None = None
    bias_c: Tensor | None = None
    decay: Tensor | None = None


class Output(NamedTuple):
    """What a layer gives: y (T, B, D*P), the final state, each part (D, B, ...), and every c_t if asked for.

    `cells` (T, B, D*H) is None unless Options.cells. y and cells are zero past a row's end.
    """

    y: Tensor
    state: State
    cells: Tensor | None = None
