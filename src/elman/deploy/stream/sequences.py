"""Texts and numbers as a stream gives them: whole words, or rows of numbers, checked and made what a network reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.data.arrays import Numbers
from elman.data.ragged import Ragged
from elman.data.text.spelling import Spelled
from elman.deploy.stream.body import Body
from elman.deploy.stream.reader import finite
from elman.errors import InputError

SHORT, KEPT = 32, 8192  # characters of a text whose vectors are kept, and how many texts


def refusal(model: Any) -> str | None:
    """Why a model of sequences cannot be streamed."""
    config = model.config_
    if config.bidirectional:
        return "this model reads each sequence from both ends, and has to wait for the last step: fit with --causal"
    if config.conv and not config.causal:
        return f"--conv {config.conv} of this model looks ahead, and has to wait for later steps: fit with --causal"
    return None


class Entrance:
    """What a chunk is to each of the networks: its vectors (T, E).

    Of short texts these are kept: a stream brings the same words again and again, and to cut a text into words and to
    spell them takes longer than the network's step.
    """

    def __init__(self, model: Any, bodies: Sequence[Body]) -> None:
        self.model, self.bodies = model, bodies
        self._kept: dict[str, list[Tensor]] = {}

    def vectors(self, x: Any) -> list[Tensor]:
        """Of a text, or of numbers (F,) or (T, F)."""
        encoder = self.model.encoder_
        if isinstance(encoder, Numbers):
            rows = _rows(x, encoder.features)
            found = encoder.encode(Ragged(rows.float(), torch.tensor([0, len(rows)]))).values
            return [found] * len(self.bodies)
        text = _text(x)
        return self.spelled(text, text)

    def words(self, words: list[str]) -> list[Tensor]:
        """Of a list of words."""
        return self.spelled(words, "\n".join(words))

    def spelled(self, text: Any, name: str) -> list[Tensor]:
        found = self._kept.get(name)
        if found is None:
            found = self._made(text)
            if len(name) <= SHORT:
                if len(self._kept) >= KEPT:
                    self._kept.clear()
                self._kept[name] = found
        return found

    def _made(self, text: Any) -> list[Tensor]:
        found = self.model.spelled([text])
        numbers, _ = found.padded(torch.tensor([0]))
        inputs = dict(found.inputs(numbers[:, 0]))
        places = inputs.pop("x") if isinstance(found, Spelled) else numbers[:, 0]
        return [body.enter(places, inputs) for body in self.bodies]


def _text(x: Any) -> str:
    if not isinstance(x, str) or not x.strip():
        raise InputError(f"a text with a word in it is needed, but this was given: {str(x)[:60]!r}")
    return x


def _rows(x: Any, features: int) -> Tensor:
    """(T, F) of numbers (T, F), or of a step (F,); of a single feature (T,) are T steps."""
    rows = finite(x, "the numbers of a step")
    if rows.dim() < 2:
        rows = rows.reshape(-1, 1) if features == 1 else rows.reshape(1, -1)
    if rows.dim() != 2 or rows.shape[1] != features or not len(rows):
        raise InputError(
            f"the numbers have the shape {tuple(rows.shape)}, but a step has {features}: give (F,) or (T, F)"
        )
    return rows
