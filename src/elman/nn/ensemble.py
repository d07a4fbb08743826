"""Several networks of different starts that answer together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """The outputs of M networks for the same inputs, side by side.

    Their mean is mostly better than each of them, and better calibrated.
    Shapes: the inputs of a member, to (M, ...) of its output.
    Raises: ValueError without a member.
    Source: Lakshminarayanan et al., arXiv:1612.01474.
    """

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        if not len(self.members):
            raise ValueError("members is empty, but one network at least is needed: give some")

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        return torch.stack([member(*args, **kwargs) for member in self.members])

    def explain(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """The same, and the mean of the weights that the members' ``explain`` gives; None where it gives none."""
        outputs, weights = zip(*(member.explain(*args, **kwargs) for member in self.members), strict=True)  # type: ignore[operator]
        return torch.stack(outputs), None if weights[0] is None else torch.stack(weights).mean(0)
