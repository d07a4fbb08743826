"""Where a training is, as facts and tensors: with them it goes on to the same bits.

The facts are JSON, the tensors have names: ``network.*``, ``best.*``, ``average.*``, ``optimizer.*`` and ``feed`` are
those of all processes, ``own.<rank>.*`` those of each: its generators, and the states that its network carries to its
next batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor, nn

from elman.data.batch import Feed
from elman.train.step import Step
from elman.train.world import World


@dataclass(frozen=True)
class Kept:
    """``facts`` of the training as JSON, and its ``tensors``."""

    facts: dict[str, Any]
    tensors: dict[str, Tensor]


class Keeper(Protocol):
    """Who keeps what is needed to go on, in the first process; ``due`` says whether it is time to, or the ``end``."""

    def due(self, end: bool) -> bool: ...
    def keep(self, kept: Kept) -> None: ...


def tensors_of(step: Step, feed: Feed, best: Mapping[str, Tensor], world: World, device: str) -> dict[str, Tensor]:
    """Everything but the facts; of every process its own. All must ask at the same step."""
    found = {f"network.{name}": value for name, value in step.network.state_dict().items()}
    found |= {f"best.{name}": value for name, value in best.items()}
    found |= {f"average.{at}": value for at, value in enumerate(step.average.average)}
    for at, state in step.optimizer.state_dict()["state"].items():
        found |= {f"optimizer.{at}.{name}": value for name, value in state.items() if isinstance(value, Tensor)}
    found["feed"] = feed.start
    own = world.collect(dump_tensors(_copied(_own(step.network, device))))
    for rank, raw in enumerate(own):
        found |= {f"own.{rank}.{name}": value for name, value in parse_tensors(raw).items()}
    return _copied(found)


def put_back(
    kept: Mapping[str, Tensor], step: Step, feed: Feed, taken: int, world: World, device: str
) -> dict[str, Tensor]:
    """Bring everything to where it was; returns the best weights. Raises KeyError for what is missing,
    ValueError or RuntimeError for what does not fit.

    The generators and carried states of as many processes as there were: of another number each begins anew.
    """
    network = step.network
    network.load_state_dict(_below(kept, "network."))
    for at, value in enumerate(step.average.average):
        value.copy_(_like(kept[f"average.{at}"], value))
    state: dict[int, dict[str, Tensor]] = {}
    weights = [p for group in step.optimizer.param_groups for p in group["params"]]
    for name, value in _below(kept, "optimizer.").items():
        at_, _, what = name.partition(".")
        # Neither torch nor its fused kernels look whether these are as long as what they belong to.
        state.setdefault(int(at_), {})[what] = (
            value if what == "step" and value.dim() == 0 else _like(value, weights[int(at_)])
        )
    step.optimizer.load_state_dict({**step.optimizer.state_dict(), "state": state})
    feed.seek(kept["feed"], taken)
    if f"own.{world.size}.random" not in kept and f"own.{world.size - 1}.random" in kept:
        _take_own(network, _below(kept, f"own.{world.rank}."), device)
    best = _below(kept, "best.")
    return {name: _like(best[name], value.cpu()).to(device) for name, value in network.state_dict().items()}


def _like(value: Tensor, wanted: Tensor) -> Tensor:
    if value.shape != wanted.shape or value.dtype != wanted.dtype:
        raise ValueError(f"a tensor is {tuple(value.shape)}, but {tuple(wanted.shape)} is needed")
    return value


def _own(network: nn.Module, device: str) -> dict[str, Tensor]:
    found = {"random": torch.get_rng_state()}
    if device.startswith("cuda"):
        found["cuda"] = torch.cuda.get_rng_state(device)
    for name, module in _carrying(network):
        found |= {f"carried.{name}.{at}": value for at, value in enumerate(module.carried())}
    return found


def _take_own(network: nn.Module, own: Mapping[str, Tensor], device: str) -> None:
    torch.set_rng_state(own["random"])
    if "cuda" in own and device.startswith("cuda"):
        torch.cuda.set_rng_state(own["cuda"], device)
    for name, module in _carrying(network):
        mine = _below(own, f"carried.{name}.")
        module.carry([mine[str(at)].to(device) for at in range(len(mine))])


def _carrying(network: nn.Module) -> Iterator[tuple[str, Any]]:
    """The modules that carry a state from one batch to the next."""
    return ((name, module) for name, module in network.named_modules() if hasattr(module, "carried"))


def let_go(network: nn.Module) -> None:
    """Carry nothing into the next batch."""
    for _, module in _carrying(network):
        module.carry([])


def _below(tensors: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, each with memory of its own, so that what goes on does not change them."""
    return {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}


def plain(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records whose numbers are JSON's: a score that is infinite is said to be so."""
    return [{k: "inf" if v == math.inf else v for k, v in record.items()} for record in records]


def read_back(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: math.inf if v == "inf" else v for k, v in record.items()} for record in records]
