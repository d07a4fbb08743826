"""Whether saved weights are those of a network: by its outline, its tensors' names and sizes, before it is made.

A stranger's settings may ask for any network, yet the file of its weights is only so long. What agrees with it in every
tensor needs no more memory than that file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from elman.errors import InputError

LIKE = ("normal_", "mul", "div", "empty_like")  # what gives a tensor of the size of its first one


def check_weights(make: Callable[[], nn.Module], weights: Mapping[str, Tensor], name: str) -> None:
    """Raise InputError unless the network that ``make`` gives has exactly these weights, all of them finite."""
    outline = _outline(make)
    for own, other, what in ((outline, weights, "lacks"), (weights, outline, "holds needless")):
        if odd := [one for one in own if one not in other]:
            named = ", ".join(map(repr, islice(odd, 3)))
            raise InputError(
                f"the model does not fit together ({name} {what} {named}, by its settings): use the model as it was "
                "saved"
            )
    for one, (shape, dtype) in outline.items():
        found = weights[one]
        if (tuple(found.shape), found.dtype) != (shape, dtype):
            raise InputError(
                f"the model does not fit together ({one!r} of {name} has the size {tuple(found.shape)} in "
                f"{_short(found.dtype)}, but {shape} in {_short(dtype)} by its settings): use the model as it was saved"
            )
        if found.dtype.is_floating_point and not bool(found.isfinite().all()):
            raise InputError(f"{one!r} of {name} holds numbers that are not finite: use the model as it was saved")


class _Outline(TorchFunctionMode):
    """On the meta device nothing is drawn or computed; what torch would load to do so takes it a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in LIKE:
            return next(one for one in (*args, *kwargs.values()) if isinstance(one, Tensor))
        return torch.empty(*args, **kwargs) if func is torch.randn else func(*args, **kwargs)


def _outline(make: Callable[[], nn.Module]) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    with torch.device("meta"), _Outline():
        state = make().state_dict()
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in state.items()}


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
