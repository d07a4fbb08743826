"""A better start than torch's uniform draw: gate by gate, with the forget gate open."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from elman.nn.cells import CELLS, start
from elman.nn.recurrent import Recurrent

M = TypeVar("M", bound=nn.Module)


@torch.no_grad()
def initialise(module: M, forget_bias: float = 1.0) -> M:
    """Give every recurrent and linear layer inside `module` its starting weights, in place, and return it.

    Recurrent layers, gate by gate: input weights W_ih and the projection W_hr Xavier-uniform, recurrent
    weights W_hh orthogonal (an sLSTM's head by head), biases and peepholes zero, gains one, but the forget gate
    of an LSTM, sLSTM or minLSTM starts with a bias of forget_bias, all of it in bias_ih. An IndRNN's recurrent
    weights and an RG-LRU's decay are drawn as when the layer was made. nn.Linear: Xavier-uniform weights, zero
    bias. Other layers keep what they have.
    Source: Glorot and Bengio (AISTATS 2010); Saxe et al., arXiv:1312.6120; Jozefowicz et al. (ICML 2015).
    """
    for part in module.modules():
        if isinstance(part, Recurrent):
            gate = CELLS[part.mode].open
            for name, parameter in part.named_parameters(recurse=False):
                _recurrent(name, parameter, part.hidden_size, part.heads)
                if gate is not None and name.startswith("bias_ih"):
                    parameter[gate * part.hidden_size : (gate + 1) * part.hidden_size] = forget_bias
        elif isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return module


@torch.no_grad()
def remember(module: M, steps: int) -> M:
    """Start the LSTMs and GRUs inside `module` with memories of up to `steps` steps, in place, and return it.

    A unit whose gate lets f of its state through forgets over 1 / (1 - f) steps. With u drawn for each unit from
    U(1, steps - 1), so that these times are spread over the whole range:

        LSTM  b_f = log u, b_i = -log u
        GRU   b_z = log u

    each in bias_ih, with the same part of bias_hh 0. Stacks without a bias, and other cells, keep what they have.
    Source: Tallec and Ollivier, arXiv:1804.11188 (chrono initialisation).
    """
    for part in module.modules():
        if not isinstance(part, Recurrent) or part.mode not in ("LSTM", "GRU"):
            continue
        hidden = part.hidden_size
        for name, parameter in part.named_parameters(recurse=False):
            if not name.startswith("bias"):
                continue
            spread = torch.empty_like(parameter[:hidden]).uniform_(1, max(steps - 1, 1)).log()
            spread = spread if name.startswith("bias_ih") else torch.zeros_like(spread)
            parameter[hidden : 2 * hidden] = spread  # the forget gate, a GRU's update gate
            if part.mode == "LSTM":
                parameter[:hidden] = -spread
    return module


def _recurrent(name: str, parameter: Tensor, hidden: int, heads: int) -> None:
    if name.startswith(("bias", "weight_ch")):
        nn.init.zeros_(parameter)
    elif name.startswith("weight_hr"):
        nn.init.xavier_uniform_(parameter)
    elif name.startswith("weight_ih"):
        for gate in parameter.split(hidden):
            nn.init.xavier_uniform_(gate)
    elif name.startswith("weight_hh") and parameter.dim() == 2:
        for block in parameter.split(hidden // heads):
            # QR, which makes the matrix orthogonal, is not there for half precision.
            wide = torch.empty_like(block, dtype=torch.promote_types(block.dtype, torch.float32))
            block.copy_(nn.init.orthogonal_(wide))
    else:
        start(name, parameter, hidden)
