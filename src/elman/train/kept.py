"""Where a training is, as facts and tensors: with them it goes on to the same bits.

The facts are JSON, the tensors have names: ``network.*``, ``best.*``, ``average.*``, ``optimizer.*`` and ``feed`` are
those of all processes, ``own.<rank>.*`` those of each: its generators, and the states that its network carries to its
next batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor, nn

from elman.data.batch import Feed
from elman.errors import InputError
from elman.train.config import TrainConfig
from elman.train.optimizer import optimizer
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
    """Bring everything to where it was; returns the best weights. Raises what `fitting` makes a sentence of where it
    does not fit.

    The generators and carried states of as many processes as there were: of another number each begins anew.
    """
    network = step.network
    now, best = (_weights(_below(kept, start), network) for start in ("network.", "best."))
    network.load_state_dict(now)
    for at, value in enumerate(step.average.average):
        value.copy_(_like(kept[f"average.{at}"], value))
    state: dict[int, dict[str, Tensor]] = {}
    parameters = [p for group in step.optimizer.param_groups for p in group["params"]]
    gathers = _gathers(step.config)
    for name, value in _below(kept, "optimizer.").items():
        of, _, what = name.partition(".")
        if not of.isdecimal() or int(of) >= len(parameters) or what not in gathers:
            raise ValueError(f"the optimizer has no {name[:40]!r}")
        # Neither torch nor its fused kernels look whether these are as long as what they belong to.
        wanted = parameters[int(of)] if gathers[what].dim() else gathers[what]
        state.setdefault(int(of), {})[what] = _like(value, wanted)
    if any(found.keys() != gathers.keys() for found in state.values()):
        raise ValueError("what the optimizer gathered is not all there")
    step.optimizer.load_state_dict({**step.optimizer.state_dict(), "state": state})
    feed.seek(kept["feed"], taken)
    if f"own.{world.size}.random" not in kept and f"own.{world.size - 1}.random" in kept:
        _take_own(network, _below(kept, f"own.{world.rank}."), device)
    return {name: value.to(device) for name, value in best.items()}


@contextmanager
def fitting(step: int) -> Iterator[None]:
    """In this block the training goes on from ``step``: what fails because of what was kept is told in a sentence."""
    try:
        yield
    except (LookupError, ValueError, TypeError, RuntimeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error).splitlines()[0][:150]
        if "allocate" in reason:
            raise
        raise InputError(
            f"what was kept at step {step:,} does not fit this training ({reason}): begin anew with --overwrite "
            "instead of --resume"
        ) from error


def _gathers(config: TrainConfig) -> dict[str, Tensor]:
    """What the optimizer gathers for a weight, here for a single number: counts have no dimension, all else its own."""
    trial = nn.Module()
    trial.weight = nn.Parameter(torch.zeros(1, 1))
    found = optimizer(trial, config)
    trial.weight.grad = torch.zeros(1, 1)
    found.step()
    (state,) = found.state_dict()["state"].values()
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _weights(found: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    own = network.state_dict()
    if found.keys() != own.keys():
        raise ValueError("its weights are those of another network")
    return {name: _like(found[name], value) for name, value in own.items()}


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
