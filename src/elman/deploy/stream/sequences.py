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


def refusal(model: Any) -> str | None:
    """Why a model of sequences cannot be streamed."""
    config = model.config_
    if config.bidirectional:
        return "this model reads each sequence from both ends, and has to wait for the last step: fit with --causal"
    if config.conv and not config.causal:
        return f"--conv {config.conv} of this model looks ahead, and has to wait for later steps: fit with --causal"
    return None


def vectors(model: Any, bodies: Sequence[Body], x: Any) -> list[Tensor]:
    """The vectors (T, E) of a chunk for each of the networks: a text, or numbers (F,) or (T, F)."""
    if isinstance(model.encoder_, Numbers):
        rows = _rows(x, model.encoder_.features)
        return [model.encoder_.encode(Ragged(rows.float(), torch.tensor([0, len(rows)]))).values] * len(bodies)
    return spelled(model, bodies, _text(x))


def spelled(model: Any, bodies: Sequence[Body], text: Any) -> list[Tensor]:
    """The vectors of a text, or of a list of words."""
    found = model.spelled([text])
    numbers, _ = found.padded(torch.tensor([0]))
    inputs = dict(found.inputs(numbers[:, 0]))
    places = inputs.pop("x") if isinstance(found, Spelled) else numbers[:, 0]
    return [body.enter(places, inputs) for body in bodies]


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
