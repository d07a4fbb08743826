"""Gradients through time: how far back the error of a sequence's last step reaches, in each layer of a network.

The chain rule makes of every step back one more factor, ∂s_t/∂s_{t-1}: where these are mostly below 1 the error fades
before it comes to what caused it (it vanishes), where they are above 1 it grows without bound (it explodes).
Source: Hochreiter (1991); Bengio, Simard and Frasconi, IEEE Trans. Neural Networks 5 (1994); Pascanu, Mikolov and
Bengio, arXiv:1211.5063.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from elman.explain.calls import Heard, Loss, exact, heard
from elman.explain.gates import gates, radii, silent, stuck
from elman.nn.unrolled import Unrolled, unrolled

ROWS = 16  # looked at
LONGEST = 512  # steps of a row that are written out, its last ones
STACKS = 4  # of a network's that are looked at, the first ones
FAINT, LOUD = 1e-3, 1e2  # of the error is left where it is called vanishing; times the error where exploding
HEARD = 1e-2  # of the error must arrive for a step to count as remembered
LARGEST = 1e300  # what has grown out of all numbers is written as this
POINTS = 128  # of a curve that are kept

Verdict = Literal["vanishing", "exploding", "healthy"]


@dataclass(frozen=True)
class Flow:
    """One direction of one layer. ``norms[i]`` is ‖∂L_T/∂s_{T-k}‖ / ‖∂L_T/∂s_T‖ at k = lags[i], a mean over rows.

    L_T is what the loss says of a row's last step; s is the whole state, h and an LSTM's c. ``memory`` is the farthest
    lag at which a hundredth of the error arrives, ``factor`` what a step back multiplies it by on average. ``direct``
    is the share of the loss's gradient that comes to earlier steps straight from the loss, as by attention, and not
    through time. ``radius`` is the spectral radius of each gate's part of W_hh; ``stuck`` the shares of each gate's
    values at the low and the high end of its range; ``silent`` how many of the ``units`` hardly ever change.
    """

    name: str
    cell: str
    steps: int
    lags: list[int]
    norms: list[float]
    verdict: Verdict
    memory: int
    factor: float
    direct: float
    radius: dict[str, float]
    stuck: dict[str, tuple[float, float]]
    silent: int
    units: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Flow:
        return cls(**{**state, "stuck": {name: tuple(shares) for name, shares in state["stuck"].items()}})


def flows(network: nn.Module, loss: Loss, *, each_step: bool = False) -> list[Flow]:
    """Each layer and direction of the recurrent stacks in ``network`` while it computes ``loss`` of some rows.

    ``each_step`` says that the loss has a part for every step, so that none of it is a way around time.
    It is a copy in evaluation mode that ``loss`` is called with, so nothing of the network changes. Of rows longer than
    512 steps the last ones are looked at. Stacks that the loss does not reach are left out.
    """
    with exact(), torch.random.fork_rng(devices=[]):
        parts = heard(deepcopy(network).eval(), loss, STACKS)
        return [flow for part in parts for flow in _flows(part, each_step)]


def _flows(part: Heard, each_step: bool) -> Iterator[Flow]:
    stack, (steps, rows) = part.stack, part.x.shape[:2]
    out, ways = stack.proj_size or stack.hidden_size, 2 if stack.bidirectional else 1
    # What the loss says of the last step alone: the other direction's last step is the row's first.
    ends = part.d_y[part.lengths - 1, torch.arange(rows)].clone()
    ends[:, out:] = part.d_y[0, :, out:]
    whole = sum((d.square().sum((0, 2)) for d in part.d_final), part.d_y.square().sum((0, 2)))
    last = sum((d.square().sum((0, 2)) for d in part.d_final), ends.square().sum(1))
    finals = part.d_final
    chosen = (last > 0).nonzero()[:ROWS, 0].cpu()
    if not len(chosen):
        # A head that starts at 0 lets nothing through yet: what would come back of any error is asked instead.
        ends, finals = torch.ones_like(ends), tuple(torch.ones_like(d) for d in finals)
        last = whole = torch.ones_like(last)
        chosen = torch.arange(min(rows, ROWS))
    lengths = part.lengths[chosen].clamp(max=LONGEST)
    # In double precision, so that what has faded over hundreds of steps is still a number.
    x = _tails(part.x[:, chosen].double(), part.lengths[chosen], lengths)
    state = _rows(part.state, chosen) if len(x) == steps else None
    with torch.enable_grad():
        run = unrolled(stack, x.requires_grad_(), state, lengths)
        said = _said(run, lengths, ends[chosen].double(), [d[:, chosen].double() for d in finals], out)
    nodes = [node for layer in run.states for way in layer for after in way for node in after]
    found = torch.autograd.grad(said, nodes, allow_unused=True)
    sizes = iter(torch.zeros(len(chosen)) if d is None else d.square().sum(1).cpu() for d in found)
    parts = len(run.states[0][0][0])
    for layer, along in enumerate(run.states):
        for way, after in enumerate(along):
            norms = torch.stack([sum(next(sizes) for _ in range(parts)) for _ in after]).sqrt()  # type: ignore[misc]
            by_lag = _by_lag(norms, lengths, backward=way == 1)
            name = _name(part.name, layer if stack.num_layers > 1 else None, way if ways > 1 else None)
            yield Flow(
                name=name,
                cell=stack.mode.partition("_")[0].lower(),
                **_summary(by_lag),
                direct=0.0 if each_step else float(1 - last[chosen].sum() / whole[chosen].sum()),
                **_inside(part, run, layer, way, lengths),
            )


def _tails(x: Tensor, lengths: Tensor, kept: Tensor) -> Tensor:
    """The last ``kept`` steps of each row of x (T, B, F)."""
    steps = int(kept.max())
    at = (lengths - kept) + torch.arange(steps)[:, None]
    return x[at.clamp(max=len(x) - 1), torch.arange(x.shape[1])].clone()


def _rows(state: Any, rows: Tensor) -> Any:
    if state is None:
        return None
    return tuple(one[:, rows] for one in state) if isinstance(state, tuple) else state[:, rows]


def _said(run: Unrolled, lengths: Tensor, ends: Tensor, finals: list[Tensor], out: int) -> Tensor:
    """A number whose gradient with respect to the last states is that of the loss's last step."""
    rows = torch.arange(len(lengths))
    last = run.y[lengths - 1, rows]
    total = (last[:, :out] * ends[:, :out]).sum() + (run.y[0, :, out:] * ends[:, out:]).sum()
    ways = len(run.states[0])
    for place in range(len(run.states) * ways):
        after = run.states[place // ways][place % ways]
        for part, d in zip(after[0 if place % ways else -1], finals, strict=True):
            total = total + (part * d[place]).sum()
    return total


def _by_lag(norms: Tensor, lengths: Tensor, *, backward: bool) -> Tensor:
    """norms (T, B) by time to (K,) by lag from each row's last step, relative to it; NaN of rows that are shorter."""
    lag = torch.arange(len(norms))[:, None]
    at = lag.expand_as(norms) if backward else lengths - 1 - lag
    turned = norms.gather(0, at.clamp(min=0).expand_as(norms))
    relative = (turned / turned[0].clamp(min=1e-300)).nan_to_num(nan=LARGEST, posinf=LARGEST)
    return relative.masked_fill(lag >= lengths, math.nan).nanmean(1)


def _summary(norms: Tensor) -> dict[str, Any]:
    far, steps = float(norms[-1]), len(norms)
    loudest = float(norms.max())
    verdict: Verdict = "healthy"
    if loudest > LOUD:
        verdict = "exploding"
    elif far < FAINT:
        verdict = "vanishing"
    at = torch.linspace(0, steps - 1, min(steps, POINTS)).round().long()
    heard_at = (norms >= HEARD).nonzero()
    return {
        "steps": steps,
        "lags": at.tolist(),
        "norms": norms[at].tolist(),
        "verdict": verdict,
        "memory": int(heard_at[-1]) if len(heard_at) else 0,
        "factor": max(far, 1e-300) ** (1 / max(1, steps - 1)),
    }


@torch.no_grad()
def _inside(part: Heard, run: Unrolled, layer: int, way: int, lengths: Tensor) -> dict[str, Any]:
    """What the gates and units did at the steps that rows have."""
    after, start = run.states[layer][way], run.start[layer][way]
    order = [*after[1:], start] if way else [start, *after[:-1]]
    here = torch.arange(len(after))[:, None] < lengths
    before = tuple(torch.stack(one)[here] for one in zip(*order, strict=True))
    y = torch.stack([one[0] for one in after])[here]
    values = gates(part.stack, layer, way, run.inputs[layer][here], before)
    return {
        "radius": radii(part.stack, layer, way),
        "stuck": {name: stuck(name, value) for name, value in values.items()},
        "silent": silent(y),
        "units": y.shape[1],
    }


def _name(path: str, layer: int | None, way: int | None) -> str:
    """ "members.0.body.stack" to "recurrent layer", "encoder" to "encoder, layer 2, backward"."""
    piece = [piece for piece in path.split(".") if not piece.isdigit()][-1]
    piece = {"layers": "layer 1"}.get(piece, piece)  # of a list of them the first is looked at
    place = "" if layer is None else f" {layer + 1}"
    name = f"layer{place}" if piece in ("stack", "recurrent") else f"{piece}{place and f', layer{place}'}"
    return name + ("" if way is None else ", backward" if way else ", forward")
