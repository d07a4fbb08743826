"""What tasks share in explaining one answer: the networks opened, and what each part of what they read has of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elman.evaluate.weighed import Weighed
from elman.explain.attribution import AT_ONCE, Function, integrated_gradients, occlusion
from elman.explain.entry import entry


@dataclass(frozen=True)
class Answer:
    """What a model says, what of it is explained (``about``, in words), and that of outputs (N, ...): (N,), linear."""

    said: str
    about: str
    of: Function


def against_others(best: int, classes: int) -> Function:
    """Of logits (N, C): the best class's, less the mean of the others', which no shift of all of them changes."""
    return lambda outputs: (classes * outputs[:, best] - outputs.sum(1)) / (classes - 1)


def weigh(
    answer: Answer,
    members: Iterable[nn.Module],
    call: Callable[[Any], Callable[..., Tensor]],
    inputs: Mapping[str, Tensor],
    front: Callable[[Any], nn.Module | None],
    parts: Tensor,
    names: Sequence[str],
    at_once: int = AT_ONCE,
) -> tuple[Weighed, np.ndarray]:
    """What the ``parts`` (M, T, F) have of the answer to ``inputs`` of one row; and what hiding them takes off outputs.

    Means over the members, in double precision: ``call`` says what of a member is asked, ``front`` where its numbers
    enter (`entry`). Hidden numbers are 0: of symbols the vector that embedding dropout gives, of scaled numbers their
    mean.
    """
    x = {name: value.double() if value.is_floating_point() else value for name, value in inputs.items()}
    found, effects = [], []
    for member in members:
        member = deepcopy(member).double().eval()
        opened = entry(call(member), x, front(member))
        run, nothing = opened.run, opened.x.new_zeros(1)

        def function(rows: Tensor, run: Function = run) -> Tensor:
            return answer.of(run(rows))

        found.append(integrated_gradients(function, opened.x, nothing, at_once=at_once))
        effects.append(occlusion(run, opened.x, nothing, parts.to(nothing.device), at_once=at_once))
    effect, values = torch.stack(effects).mean(0), torch.stack([one.values for one in found]).mean(0).cpu()
    weighed = Weighed(
        answer.said,
        answer.about,
        names,
        values.numpy(),
        np.array([float(values[part.expand_as(values)].sum()) for part in parts]),
        answer.of(effect).cpu().numpy(),
        float(np.mean([one.difference for one in found])),
        max(one.points for one in found),
    )
    return weighed, effect.cpu().numpy()
