"""A better start than torch's uniform draw: gate by gate, with the forget gate open."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from elman.nn.recurrent import Recurrent

M = TypeVar("M", bound=nn.Module)


@torch.no_grad()
def initialise(module: M, forget_bias: float = 1.0) -> M:
    """Give every recurrent and linear layer inside `module` its starting weights, in place, and return it.

    Recurrent layers, gate by gate: input weights W_ih and the projection W_hr Xavier-uniform, recurrent
    weights W_hh orthogonal, biases zero, but an LSTM's forget gate starts with b_if + b_hf = forget_bias, all
    of it in bias_ih. nn.Linear: Xavier-uniform weights, zero bias. Other layers keep what they have.
    Source: Glorot and Bengio (AISTATS 2010); Saxe et al., arXiv:1312.6120; Jozefowicz et al. (ICML 2015).
    """
    for part in module.modules():
        if isinstance(part, Recurrent):
            for name, parameter in part.named_parameters(recurse=False):
                _recurrent(name, parameter, part.hidden_size)
                if part.mode == "LSTM" and name.startswith("bias_ih"):
                    parameter[part.hidden_size : 2 * part.hidden_size] = forget_bias
        elif isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return module


def _recurrent(name: str, parameter: Tensor, hidden: int) -> None:
    if name.startswith("bias"):
        nn.init.zeros_(parameter)
    elif name.startswith("weight_hr"):
        nn.init.xavier_uniform_(parameter)
    else:
        for gate in parameter.split(hidden):
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(gate)
            else:
                # QR, which makes the matrix orthogonal, is not there for half precision.
                wide = torch.empty_like(gate, dtype=torch.promote_types(gate.dtype, torch.float32))
                gate.copy_(nn.init.orthogonal_(wide))
