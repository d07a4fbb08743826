"""Classifiers and regressors along a stream: an answer for what was read so far, after each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.data.arrays import Numbers
from elman.data.sound.features import SoundEncoder
from elman.data.text.tokens import Tokens
from elman.deploy.stream import sequences
from elman.deploy.stream.body import Body, Pool
from elman.deploy.stream.ear import Ear
from elman.deploy.stream.reader import Reader, State, over
from elman.kernels.slots import Affine
from elman.nn.sequence import ClassifierNetwork
from elman.tasks.classify import Classifier

Chunk = tuple[list[Tensor], State]  # the vectors (T, E) for each member, and what the ear keeps


class Member:
    """One `ClassifierNetwork`: its body and its pool step by step, and its head whenever it is asked."""

    def __init__(self, network: ClassifierNetwork, reader: Reader, name: str) -> None:
        self.body, self.pool = Body(network.body, reader, name), Pool(network, reader, name)
        self.head = Affine(network.head.weight, network.head.bias, reader.together)

    def step(self, e: Tensor, at: Tensor) -> None:
        self.pool.step(self.body.step(e, at), at)

    def outputs(self, at: Tensor) -> Tensor:
        return self.head(self.pool.pooled(at)).clone()


class Pooled(Reader):
    """The members of the ensemble; their mean is the answer."""

    def __init__(self, model: Any, count: int, together: int) -> None:
        super().__init__(model, count, together)
        self.members = [Member(one, self, str(at)) for at, one in enumerate(model.network_.members)]
        self.entrance = sequences.Entrance(model, [one.body for one in self.members])
        self.steps = self.part("steps", dtype=torch.int64)
        self.ear = Ear(model.encoder_) if isinstance(model.encoder_, SoundEncoder) else None
        self.rate = None if self.ear is None else self.ear.encoder.rate

    @staticmethod
    def refusal(model: Any) -> str | None:
        if (why := sequences.refusal(model)) is not None:
            return why
        if model.weights_[1] if isinstance(model, Classifier) else model.share_ < 1:
            return "this model is blended with a linear one, which reads whole sequences: fit with --causal"
        if isinstance(model.encoder_, SoundEncoder):
            return Ear.refusal(model.encoder_)
        if not isinstance(model.encoder_, Tokens | Numbers):
            return "a model of pictures or clips cannot be streamed: models of texts, numbers and sounds can"
        return None

    def read(self, slot: int, x: Any) -> Chunk:
        own: State = {}
        if self.ear is None:
            vectors = self.entrance.vectors(x)
        else:
            frames, own = self.ear.hear(self.own[slot], x)
            vectors = [frames] * len(self.members)
        return self._left(slot, vectors), own

    def last(self, slot: int) -> Chunk:
        if self.ear is None:
            return [torch.empty(0, 1)] * len(self.members), {}
        frames, own = self.ear.rest(self.own[slot])
        return self._left(slot, [frames] * len(self.members)), own

    def _left(self, slot: int, vectors: list[Tensor]) -> list[Tensor]:
        """Those that are read: as in the fit, the first ``longest`` of a stream."""
        longest = self.model.config_.longest
        return vectors if longest is None else [e[: max(0, longest - int(self.steps[slot]))] for e in vectors]

    def fresh(self) -> State:
        return {} if self.ear is None else self.ear.fresh()

    def check(self, own: State) -> None:
        if self.ear is not None:
            self.ear.check(own)

    def advance(self, slots: Sequence[int], inputs: Sequence[Chunk]) -> list[Any]:
        for k, member in enumerate(self.members):
            over(member.step, slots, [vectors[k] for vectors, _ in inputs])
        at = torch.tensor(slots)
        self.steps[at] += torch.tensor([len(vectors[0]) for vectors, _ in inputs])
        for slot, (_, own) in zip(slots, inputs, strict=True):
            self.own[slot] = own
        mean = torch.stack([member.outputs(at) for member in self.members]).mean(0).double()
        return self._answers(mean, self.steps[at].tolist())

    def _answers(self, z: Tensor, steps: list[int]) -> list[Any]:
        """Of outputs z (n, C) after so many steps; after none there is no answer."""
        model = self.model
        if not isinstance(model, Classifier):
            values = model.scaler_.restore(z[:, 0].numpy()).tolist()
            return [{"value": value if t else None, "steps": t} for value, t in zip(values, steps, strict=True)]
        labels, found = model.classes_.tolist(), []
        names = list(map(str, labels))
        for shares, t in zip((model.weights_[0] * z).softmax(-1).tolist(), steps, strict=True):
            best = labels[shares.index(max(shares))] if t else None
            found.append(
                {"label": best, "probabilities": dict(zip(names, shares, strict=True)) if t else {}, "steps": t}
            )
        return found
