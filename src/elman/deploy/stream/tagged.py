"""Taggers along a stream: a tag for each word as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.deploy.stream import sequences
from elman.deploy.stream.body import Body
from elman.deploy.stream.reader import Reader, over
from elman.errors import InputError
from elman.kernels.slots import Affine

Chunk = tuple[list[str], Tensor]  # words, and their vectors (T, E)


class Tagged(Reader):
    """The body of a `TaggerNetwork`, and its head at every step."""

    def __init__(self, model: Any, count: int, together: int) -> None:
        super().__init__(model, count, together)
        network = model.network_
        self.body, self.head = Body(network.body, self, "0"), Affine(network.head.weight, network.head.bias, together)
        self.entrance = sequences.Entrance(model, [self.body])

    @staticmethod
    def refusal(model: Any) -> str | None:
        return sequences.refusal(model)

    def read(self, slot: int, x: Any) -> Chunk:
        words = x.split() if isinstance(x, str) else x
        if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
            raise InputError(f"words are needed, as a text or a list, but this was given: {str(x)[:60]!r}")
        return words, self.entrance.words(words)[0]

    def last(self, slot: int) -> Chunk:
        return [], torch.empty(0, 1)

    def advance(self, slots: Sequence[int], inputs: Sequence[Chunk]) -> list[Any]:
        found = over(lambda e, at: self.head(self.body.step(e, at)), slots, [e for _, e in inputs])
        return [
            {"words": words, "tags": [self.model.tags_[int(z.argmax())] for z in logits]}
            for (words, _), logits in zip(inputs, found, strict=True)
        ]
