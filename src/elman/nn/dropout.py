"""Dropout for recurrent networks: of a row's features at all its steps, of whole symbols, of recurrent weights."""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def checked_chance(name: str, p: float) -> float:
    """Return p as a float; raise ValueError unless it is a probability below 1."""
    if not 0 <= p < 1:
        raise ValueError(f"{name} is {p!r}, but it is a probability below 1: pass a number from 0 to 1")
    return float(p)


class VariationalDropout(nn.Module):
    """y_t = m * x_t, m (B, F) from {0, 1/(1-p)} drawn once for all t; training only. Shapes: (T, B, F) to the same.

    Raises: ValueError unless 0 <= p < 1.
    Source: Gal and Ghahramani, arXiv:1512.05287; "locked" dropout in Merity et al., arXiv:1708.02182.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = checked_chance("p", p)

    def extra_repr(self) -> str:
        return f"p={self.p}"

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        return x * nn.functional.dropout(x.new_ones(1, *x.shape[1:]), self.p)


class Embedding(nn.Embedding):
    """y = m_v E_v for the symbol v: torch's embedding, which in training drops whole symbols with probability p.

    m (V,) from {0, 1/(1-p)} is drawn once a call, so that a dropped symbol is missing wherever it occurs. Symbol 0 is
    padding: its vector is 0 and stays so. The others start as N(0, scale²).

    Shapes: whole numbers of any shape to (..., E).
    Raises: ValueError unless 0 <= dropout < 1.
    Source: Gal and Ghahramani, arXiv:1512.05287, section 4.2.
    """

    def __init__(self, symbols: int, size: int, *, dropout: float = 0.0, scale: float = 1.0) -> None:
        super().__init__(symbols, size, padding_idx=0)
        self.dropout = checked_chance("dropout", dropout)
        with torch.no_grad():
            self.weight.mul_(scale)

    def forward(self, input: Tensor) -> Tensor:
        y = super().forward(input)
        if not self.training or not self.dropout:
            return y
        kept = nn.functional.dropout(self.weight.new_ones(self.num_embeddings), self.dropout)
        return y * kept[input][..., None]


def weight_drop(module: M, p: float, names: str = "weight_hh") -> M:
    """Drop single weights of `module` in training: it computes with m * W, m from {0, 1/(1-p)} drawn once a call.

    It acts on every parameter of `module` itself whose name begins with `names`: the recurrent weights of all layers
    and directions of an `elman.nn` stack. Parameters, their names and the state_dict are as before; a stack's
    `stepper` has all weights. Returns `module`.
    Raises: ValueError unless 0 <= p < 1 and such a parameter is there; TypeError for torch.nn's recurrent layers,
    which keep a second list of their weights.
    Source: Wan et al. (ICML 2013); for recurrent weights Merity et al., arXiv:1708.02182.
    """
    if isinstance(module, nn.RNNBase):
        kind = type(module).__name__
        raise TypeError(f"module is a torch.nn.{kind}, which cannot drop weights: use elman.nn.{kind}")
    found = [name for name, _ in module.named_parameters(recurse=False) if name.startswith(names)]
    if not found:
        have = ", ".join(name for name, _ in module.named_parameters(recurse=False)) or "no parameters of its own"
        raise ValueError(f"names is {names!r}, but the module has {have}: give the beginning of one of its names")
    if checked_chance("p", p):
        hook = _Drop(float(p), found)
        module.register_forward_pre_hook(hook.before)
        module.register_forward_hook(hook.after, always_call=True)
    return module


class _Drop:
    """Puts dropped weights in the place of a module's own while its forward pass runs."""

    def __init__(self, p: float, names: list[str]) -> None:
        self.p, self.names = p, names
        self.own: dict[str, Any] = {}

    def before(self, module: nn.Module, _: Any) -> None:
        if module.training:
            self.own = {name: module._parameters[name] for name in self.names}
            # Past register_parameter, which takes leaves alone: what stands here must lead back to the module's own.
            dropped: dict[str, Any] = {name: nn.functional.dropout(own, self.p) for name, own in self.own.items()}
            module._parameters |= dropped

    def after(self, module: nn.Module, *_: Any) -> None:
        module._parameters |= self.own
        self.own = {}
