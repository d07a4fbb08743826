"""What every reader gives: the layers of a file, and the comparison of their outputs with those of the original."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.errors import ElmanError, InputError
from elman.nn.layers import Layers

# Of the largest difference, as a share of how far the original's outputs lie apart: where small weights make all of
# them nearly equal, a plain limit would let wrong gates pass.
LIMIT = 1e-4
ROUNDING = 1e-6  # of the largest output, which float32 may always lose
STEPS, ROWS = 7, 3


class Chain:
    """Layers while they are being read: their descriptions and their weights, in order."""

    def __init__(self) -> None:
        self.described: list[dict[str, Any]] = []
        self.weights: dict[str, Tensor] = {}

    def add(self, kind: str, weights: Mapping[str, Tensor] | None = None, **settings: Any) -> None:
        at = len(self.described)
        self.described.append({"kind": kind, **settings})
        self.weights |= {f"{at}.{name}": weight for name, weight in (weights or {}).items()}

    def layers(self, file: str) -> Layers:
        """Raises InputError where the layers do not fit together, or a weight is not finite."""
        weights = {name: weight.detach().float().contiguous() for name, weight in self.weights.items()}
        for name, weight in weights.items():
            if not weight.isfinite().all():
                raise InputError(f"{name} of {file} holds NaN or infinity: repair the model where it was trained")
        try:
            return Layers.of(self.described, weights)
        except ValueError as error:
            raise InputError(f"the layers of {file} do not fit together: {error}") from None


class Unchecked(ElmanError):
    """The original cannot be run here, and why."""


class Check(NamedTuple):
    """The largest difference from the original's outputs, None where it could not be run; and a sentence."""

    difference: float | None
    note: str


@dataclass(frozen=True)
class Imported:
    """Layers, and ``original``, which computes the same from x as `Layers` takes it, to an output as `Layers` gives it.

    ``kind`` is what the file is, ``library`` what runs the original, ``steps`` and ``rows`` the T and B of a model that
    takes no others, ``notes`` what was left out.
    """

    layers: Layers
    kind: str
    library: str
    original: Callable[[Tensor], Tensor]
    steps: int | None = None
    rows: int | None = None
    notes: tuple[str, ...] = field(default=())

    def check(self) -> Check:
        """Compare both on the same random inputs. Raises ElmanError where the outputs differ by more than rounding."""
        x = sample(self.layers, self.steps or STEPS, self.rows or ROWS)
        try:
            theirs = self.original(x)
        except Unchecked as error:
            return Check(None, f"not checked: {error}")
        with torch.no_grad():
            ours = self.layers(x)
        if ours.shape != theirs.shape:
            raise ElmanError(
                f"the imported layers give the shape {tuple(ours.shape)}, but {self.library} gives "
                f"{tuple(theirs.shape)}: nothing was imported"
            )
        difference = float((ours - theirs).abs().max())
        apart, largest = float(theirs.max() - theirs.min()), float(theirs.abs().max())
        allowed = max(LIMIT * apart, ROUNDING * largest)
        if not difference <= allowed:
            raise ElmanError(
                f"the outputs of the imported layers differ from those of {self.library} by {difference:.2g}, but "
                f"at most {allowed:.2g} can be rounding: nothing was imported"
            )
        if not apart > ROUNDING * largest:
            return Check(None, f"not checked: {self.library} gives the same for all inputs that were tried")
        return Check(difference, f"outputs as {self.library}'s, largest difference {difference:.1e}")


def sample(layers: Layers, steps: int, rows: int) -> Tensor:
    """Random inputs (T, B, F) or (T, B), the same each time, with padding in them where the layers know any."""
    draw = torch.Generator().manual_seed(0)
    first = layers.described[0]
    if layers.inputs is None:
        x = torch.randint(0, first["symbols"], (steps, rows), generator=draw)
        hidden = first.get("mask", False)
        padding = 0.0
    else:
        x = torch.randn(steps, rows, layers.inputs, generator=draw)
        masking = [one for one in layers.described if one["kind"] == "masking"]
        hidden, padding = bool(masking), masking[0].get("value", 0.0) if masking else 0.0
    if hidden and steps > 2:  # at the beginning of a row, in its middle, at its end
        x[0, 0] = x[-1, -1] = x[steps // 2, rows // 2] = padding
    return x


class readable:
    """While a library parses a file that anybody may have written: whatever it raises becomes one InputError."""

    def __init__(self, file: str, need: str) -> None:
        self.file, self.need = file, need

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, ElmanError):
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise InputError(f"{self.file} cannot be read as {self.need} ({reason}): save it again") from None
