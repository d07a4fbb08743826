"""One optimizer step: forward, loss, backward, clip, update; refused where nothing good can come of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from elman.data.batch import Batch, scored
from elman.train.average import Average
from elman.train.config import TrainConfig
from elman.train.optimizer import matrices, optimizer
from elman.train.world import ALONE, World

Loss = Callable[[Any, Batch], Tensor]  # (outputs of the network, batch) -> a scalar
Weigh = Callable[[Batch], float]  # how much of a batch the loss is a mean over


class Step:
    """One optimizer step on one batch or several. Returns the loss and the gradient's norm.

    Of several batches, or several processes, the loss is the mean over all that is scored in them, as if they were one.
    The weights are touched only where the gradient is finite; the norm of a step that was not made is not finite.
    With ``measuring`` it leaves in ``moved`` how far the step moved the matrices: ‖ΔW‖ / ‖W‖ over all of them.
    """

    def __init__(
        self, network: nn.Module, loss: Loss, config: TrainConfig, weigh: Weigh = scored, world: World = ALONE
    ) -> None:
        self.network, self.loss, self.config, self.weigh, self.world = network, loss, config, weigh, world
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.penalised = matrices(network) if config.l1 else []
        self.renew()
        self.moved = 0.0

    def renew(self) -> None:
        """Forget what the optimizer and the average have gathered."""
        self.optimizer = optimizer(self.network, self.config)
        self.average = Average(self.network, self.config.average)

    def __call__(
        self, batches: Batch | Sequence[Batch], rate: float, *, measuring: bool = False
    ) -> tuple[float, float]:
        batches = [batches] if isinstance(batches, Batch) else batches
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        value = self._gradient(batches) if len(batches) == self.world.size == 1 else self._summed(batches)
        if math.isnan(value):
            return value, math.nan
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.clip or math.inf).item()
        if math.isfinite(norm):  # also false where the loss is NaN: checked before the weights are touched
            before = [w.detach().clone() for w in matrices(self.network)] if measuring else []
            self.optimizer.step()
            self.average.update()
            if measuring:
                self.moved = _moved(before, matrices(self.network))
        return value, norm

    def _gradient(self, batches: Sequence[Batch]) -> float:
        """Of one batch: the gradient as torch makes it."""
        (batch,) = batches
        if not self.weigh(batch):
            return math.nan
        value = self.loss(self.network(**batch.inputs), batch)
        total = value
        if self.penalised:
            total = value + self.config.l1 * torch.stack([p.abs().sum() for p in self.penalised]).sum()
        total.backward()
        return value.item()

    def _summed(self, batches: Sequence[Batch]) -> float:
        """Of several: Σ w_i ∇L_i / Σ w_i, w_i what is scored in batch i, over the batches of all processes."""
        sums = torch.zeros(2)  # Σ w_i L_i and Σ w_i
        for batch in batches:
            if weight := self.weigh(batch) if len(batch) else 0:
                value = self.loss(self.network(**batch.inputs), batch)
                (value * weight).backward()
                sums += torch.tensor([value.item() * weight, weight])
        for p in self.parameters:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        own = sums.to(gradients[0].device)
        self.world.add([own, *gradients])
        total, weight = own.tolist()
        if not weight:
            return math.nan
        torch._foreach_div_(gradients, weight)
        for p in self.penalised:
            if p.grad is not None:
                p.grad += self.config.l1 * p.detach().sign()
        return total / weight


def _moved(before: list[Tensor], after: Sequence[Tensor]) -> float:
    pairs = zip(before, after, strict=True)
    squares = sum((float((new.detach() - old).square().sum()) for old, new in pairs), 0.0)
    return math.sqrt(squares / max(sum(float(old.square().sum()) for old in before), 1e-30))
