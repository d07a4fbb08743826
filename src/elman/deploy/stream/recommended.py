"""Recommenders along a stream: what is likely next after each item of a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.data.sessions.items import FIRST, UNKNOWN
from elman.deploy.stream.reader import Reader, State, over
from elman.errors import InputError
from elman.kernels.slots import Affine

TOP = 10  # items of an answer


class Recommended(Reader):
    """The stack over items, the scores of all items, and which ones a session had already."""

    def __init__(self, model: Any, count: int, together: int) -> None:
        super().__init__(model, count, together)
        network = model.network_
        self.vectors = network.embedding.weight.detach() * network.scale
        self.stack = network.stack.slots(count, together)
        self.stacks.append(self.stack)
        self.inner = None if network.inner is None else Affine(network.inner.weight, None, together)
        weight = network.embedding.weight if network.weight is None else network.weight
        self.scores = Affine(weight, network.bias, min(together, 16))
        self.again = None if network.again is None else Affine(network.again.weight, network.again.bias, together)
        self.end = self.part("end", network.stack.hidden_size)

    @staticmethod
    def refusal(model: Any) -> str | None:
        return None

    def fresh(self) -> State:
        return {"had": torch.zeros(0, dtype=torch.int64)}

    def check(self, own: State) -> None:
        had, items = own["had"], len(self.model.items_)
        if len(had) > items or bool(((had < 0) | (had >= items)).any()):
            raise ValueError("had names items that are none")

    def read(self, slot: int, x: Any) -> tuple[list[str], Tensor]:
        names = list(x) if isinstance(x, list | tuple) else [x]
        if not names or not all(isinstance(name, str | int) and name != "" and name is not True for name in names):
            raise InputError(f"an item or a list of items is needed, but this was given: {str(x)[:60]!r}")
        names = [str(name) for name in names]
        codes = torch.tensor([self.model.items_.number(name) for name in names])
        return [name for name, code in zip(names, codes.tolist(), strict=True) if code == UNKNOWN], codes

    def last(self, slot: int) -> tuple[list[str], Tensor]:
        return [], torch.empty(0, dtype=torch.int64)

    def _step(self, x: Tensor, at: Tensor) -> None:
        self.end[at] = self.stack.step(x, at)

    def advance(self, slots: Sequence[int], inputs: Sequence[tuple[list[str], Tensor]]) -> list[Any]:
        over(self._step, slots, [self.vectors[codes] for _, codes in inputs])
        at, found = torch.tensor(slots), []
        h = self.end[at]
        z = self.scores(h if self.inner is None else self.inner(h)).clone()
        again = None if self.again is None else self.again(h)
        for row, (slot, (strange, codes)) in enumerate(zip(slots, inputs, strict=True)):
            had = torch.cat([self.own[slot]["had"], codes]).unique()
            self.own[slot] = {"had": had}
            if again is not None:
                z[row, had] += again[row]
            z[row, :FIRST] = -torch.inf
            shares, best = z[row].softmax(-1).topk(min(TOP, z.shape[1] - FIRST))
            items = [self.model.items_.names[code] for code in best.tolist()]
            found.append({"items": items, "scores": shares.tolist()} | ({"unknown": strange} if strange else {}))
        return found
