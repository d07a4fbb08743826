"""Generators along a stream: what was read, what is likely next, and text that goes on from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from elman.data.text.tokens import PAD, UNKNOWN
from elman.deploy.stream.reader import Reader, over
from elman.errors import InputError
from elman.kernels.slots import Affine
from elman.nn.language import LanguageNetwork
from elman.tasks.generate import sampler

LIKELY = 5  # symbols of an answer


class Voice:
    """One `LanguageNetwork`: its states and the last y of each stream are the reader's."""

    def __init__(self, network: LanguageNetwork, reader: Reader, name: str) -> None:
        self.vectors = network.embedding.weight.detach() * network.scale
        self.stack = network.stack.slots(reader.count, reader.together)
        reader.stacks.append(self.stack)
        weight = network.embedding.weight if network.weight is None else network.weight
        self.inner = None if network.inner is None else Affine(network.inner.weight, None, reader.together)
        self.head = Affine(weight, network.bias, reader.together)
        self.end = reader.part(f"{name}.end", network.stack.hidden_size)

    def step(self, x: Tensor, at: Tensor) -> None:
        self.end[at] = self.stack.step(x, at)

    def logits(self, at: Tensor) -> Tensor:
        y = self.end[at]
        return self.head(y if self.inner is None else self.inner(y)).clone()


class Generated(Reader):
    """The members' voices; the mean of their logits says what is next."""

    def __init__(self, model: Any, count: int, together: int) -> None:
        super().__init__(model, count, together)
        self.voices = [Voice(member, self, str(at)) for at, member in enumerate(model.network_.members)]
        self.steps = self.part("steps", dtype=torch.int64)

    @staticmethod
    def refusal(model: Any) -> str | None:
        return None

    def read(self, slot: int, x: Any) -> Tensor:
        if not isinstance(x, str) or not x:
            raise InputError(f"a text is needed, but this was given: {str(x)[:60]!r}")
        return self.model.tokens_.encode([x]).values.long()

    def last(self, slot: int) -> Tensor:
        return torch.empty(0, dtype=torch.int64)

    def advance(self, slots: Sequence[int], inputs: Sequence[Tensor]) -> list[Any]:
        self._say(slots, inputs)
        symbols = self.model.tokens_.symbols
        found = []
        for z in self._logits(torch.tensor(slots)).softmax(-1):
            shares, best = z.topk(min(LIKELY, len(z)))
            found.append({"next": [[symbols[at], p] for at, p in zip(best.tolist(), shares.tolist(), strict=True)]})
        return found

    def _say(self, slots: Sequence[int], inputs: Sequence[Tensor]) -> None:
        for voice in self.voices:
            over(voice.step, slots, [voice.vectors[ids] for ids in inputs])
        for slot, ids in zip(slots, inputs, strict=True):
            self.steps[slot] += len(ids)

    def _logits(self, at: Tensor) -> Tensor:
        """(n, V): the mean of the voices', without what is never said."""
        z = torch.stack([voice.logits(at) for voice in self.voices]).mean(0)
        z[:, [PAD, UNKNOWN]] = -torch.inf
        return z

    def write(
        self,
        slot: int,
        length: int,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Pieces of text, symbol by symbol; each is read before it is handed out."""
        draw = sampler(length, temperature, top_k, top_p, seed)
        if not self.steps[slot]:
            self._say([slot], [self.read(slot, "\n")])  # as after the end of a line

        def drawn() -> Iterator[int]:
            for _ in range(length):
                symbol = draw(self._logits(torch.tensor([slot]))[0])
                self._say([slot], [torch.tensor([symbol])])
                yield symbol

        return self.model.tokens_.stream(drawn())
