"""Transcribers along a stream: what was heard so far, by the likeliest symbol of each step (``beam`` 1 of predict)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.data.text.tokens import UNKNOWN
from elman.deploy.stream.ear import Ear
from elman.deploy.stream.reader import Reader, State, over
from elman.kernels.slots import Affine
from elman.nn.ctc import BLANK

KEPT = 1 << 16  # symbols of the text: what was heard long before is let go of


class Heard(Reader):
    """The layers of a `Listener`, each fed as soon as as many steps are there as it reads as one, and the head."""

    def __init__(self, model: Any, count: int, together: int) -> None:
        super().__init__(model, count, together)
        network = model.network_
        self.listener = network.listener
        self.layers = [layer.slots(count, together) for layer in self.listener.layers]
        self.stacks += self.layers
        self.head = Affine(network.head.weight, network.head.bias, together)
        self.before = self.part("before", start=-1, dtype=torch.int64)
        self.ear = Ear(model.encoder_)
        self.rate = model.encoder_.rate

    @staticmethod
    def refusal(model: Any) -> str | None:
        if model.config_.by != "ctc" or not model.config_.causal:
            return "this model hears each sound from both ends, or as a whole: fit with --by ctc --causal"
        return Ear.refusal(model.encoder_)

    @property
    def _joins(self) -> list[int]:
        """How many steps of what lies below each layer reads as one."""
        return [self.listener.stack, *[self.listener.join] * (len(self.layers) - 1)]

    def fresh(self) -> State:
        sizes = [self.ear.encoder.features, *[self.listener.outputs] * (len(self.layers) - 1)]
        piles = {f"pile.{at}": torch.zeros(0, size) for at, size in enumerate(sizes)}
        return self.ear.fresh() | piles | {"heard": torch.zeros(0, dtype=torch.int64)}

    def check(self, own: State) -> None:
        self.ear.check(own)
        begun, heard = self.fresh(), own["heard"]
        for at, join in enumerate(self._joins):
            pile = own[f"pile.{at}"]
            if pile.shape[1:] != begun[f"pile.{at}"].shape[1:] or len(pile) >= max(2, join):
                raise ValueError(f"pile.{at} has another size")
        if len(heard) > KEPT or bool(((heard < 0) | (heard >= self.model.target_tokens_.size)).any()):
            raise ValueError("heard holds symbols that are none")

    def read(self, slot: int, x: Any) -> tuple[Tensor, State, bool]:
        return *self.ear.hear(self.own[slot], x), False

    def last(self, slot: int) -> tuple[Tensor, State, bool]:
        return *self.ear.rest(self.own[slot]), True

    def advance(self, slots: Sequence[int], inputs: Sequence[tuple[Tensor, State, bool]]) -> list[Any]:
        steps, ends = [frames for frames, _, _ in inputs], [end for _, _, end in inputs]
        for slot, (_, ear, _) in zip(slots, inputs, strict=True):
            self.own[slot] |= ear
        for at, (layer, join) in enumerate(zip(self.layers, self._joins, strict=True)):
            steps = [self._joined(*given, f"pile.{at}", join) for given in zip(slots, steps, ends, strict=True)]
            found = over(layer.step, slots, steps)
            empty = torch.zeros(0, self.listener.outputs)
            steps = [torch.stack(rows) if rows else empty for rows in found]
        over(self._hear, slots, steps)
        return [{"text": self.model.target_tokens_.decode(self.own[slot]["heard"].tolist())} for slot in slots]

    def _joined(self, slot: int, x: Tensor, end: bool, name: str, join: int) -> Tensor:
        """x (T, F), after what waits, as rows of ``join`` steps; at the end zeros fill the last one."""
        own = self.own[slot]
        x = torch.cat([own[name], x])
        if end:
            x = torch.nn.functional.pad(x, (0, 0, 0, -len(x) % join))
        whole = len(x) // join * join
        own[name] = x[whole:].clone()
        return x[:whole].reshape(-1, join * x.shape[1])

    def _hear(self, y: Tensor, at: Tensor) -> None:
        z = self.head(y)
        z[:, UNKNOWN] = -torch.inf
        best = z.argmax(-1)
        for slot, symbol in zip(at.tolist(), best.tolist(), strict=True):
            if symbol not in (BLANK, int(self.before[slot])):
                own = self.own[slot]
                own["heard"] = torch.cat([own["heard"], torch.tensor([symbol])])[-KEPT:]
            self.before[slot] = symbol
