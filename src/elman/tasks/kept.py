"""The tensors that a model keeps beside its weights: of each its type, its size, and what its numbers may be.

Sizes are letters, and equal letters are equal sizes: what points into something else stays inside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from elman.errors import InputError
from elman.evaluate.linear import SLOTS

Numbers = Callable[[Tensor], Any]

# (type, size, what must hold of the numbers)
Kept = Mapping[str, tuple[torch.dtype, str, Numbers]]

DAYS = 86_400_000_000  # microseconds of one
FIRST, LAST = -719_162 * DAYS, 2_932_896 * DAYS  # the years 1 to 9999
MOST_PANEL = 1 << 25  # moments times groups, where these are put side by side


def anything(x: Tensor) -> bool:
    return True


def finite(x: Tensor) -> Tensor:
    return x.isfinite().all()


def positive(x: Tensor) -> Tensor:
    return ((x > 0) & x.isfinite()).all()


def logits(x: Tensor) -> Tensor:
    """A label that was never seen has -inf."""
    return (x < torch.inf).all()


def rising(x: Tensor) -> Tensor:
    return (x[1:] > x[:-1]).all()


def between(least: int, most: int) -> Numbers:
    return lambda x: ((x >= least) & (x <= most)).all()


def starts(rows: int) -> Numbers:
    """Where each of some rows begins in ``rows`` values, and where the last ends."""
    return lambda x: len(x) > 0 and x[0] == 0 and x[-1] == rows and (x[1:] >= x[:-1]).all()


def _forecast(encoders: Mapping[str, Any], kept: Mapping[str, Tensor]) -> tuple[Kept, dict[str, int]]:
    rows = len(kept["times"]) if "times" in kept else 0
    groups, series = len(encoders["groups"]), encoders["series"]
    beside = len(series["groups"]) * rows if any(series["factors"]) else 0
    stamps = between(-(1 << 53), 1 << 53) if series["clock"]["step"] == "row" else between(FIRST, LAST)
    found: Kept = {
        "values": (torch.float64, "N F", lambda x: beside <= MOST_PANEL),
        "times": (torch.int64, "N", stamps),
        "starts": (torch.int64, "S", lambda x: starts(rows)(x) and rising(x)),
        "first_rows": (torch.float64, "K", anything),
    }
    return found, {"F": len(series["columns"]), "S": groups + 1}


def _linear(encoders: Mapping[str, Any], kept: Mapping[str, Tensor]) -> tuple[Kept, dict[str, int]]:
    if encoders["linear"] is None:
        return {}, {}
    texts = encoders["linear"] == "n-grams"
    found: Kept = {
        "weight": (torch.float32, "O K", finite),
        "bias": (torch.float32, "O", logits),
        "flags": (torch.bool, "B", lambda x: bool(x[-1]) == ("classes" not in encoders)),
    }
    grams: Kept = {
        "columns": (torch.int64, "K", between(0, SLOTS - 1)),
        "idf": (torch.float32, "K", finite),
    }
    sizes = {"O": len(encoders["classes"]) if "classes" in encoders else 1, "B": 2 if texts else 1}
    return {**found, **grams} if texts else found, sizes


def _generate(encoders: Mapping[str, Any], kept: Mapping[str, Tensor]) -> tuple[Kept, dict[str, int]]:
    found: dict[str, tuple[torch.dtype, str, Numbers]] = {"shares": (torch.float64, "V", positive)}
    if encoders["counted"]:
        found["counted_vocabulary"] = (torch.int64, "1", lambda x: int(x[0]) == len(kept["shares"]))
        for n in range(1, 1 + sum(name.startswith("counted_keys_") for name in kept)):
            found[f"counted_keys_{n}"] = (torch.int64, f"K{n}", lambda x: len(x) and rising(x) and x[0] >= 0)
            found[f"counted_value_{n}"] = (torch.float64, f"K{n}", between(0, 2))
            # What an order frees is handed to the one below, by that one's keys.
            found[f"counted_rest_{n}"] = (torch.float64, f"K{n - 1}", between(0, 2))
    return found, {"K0": 1, "1": 1}


def _paint(encoders: Mapping[str, Any], kept: Mapping[str, Tensor]) -> tuple[Kept, dict[str, int]]:
    tall, wide, channels = encoders["shape"]
    found: Kept = {
        "places": (torch.float64, "Y X C L", positive),
        "neighbours": (torch.float64, "M L", lambda x: positive(x) and len(x) == x.shape[1] ** encoders["neighbours"]),
    }
    return found, {"Y": tall, "X": wide, "C": channels}


def _translate(encoders: Mapping[str, Any], kept: Mapping[str, Tensor]) -> tuple[Kept, dict[str, int]]:
    return {"memory": (torch.uint8, "N", anything)}, {}


def _recommend(encoders: Mapping[str, Any], kept: Mapping[str, Tensor]) -> tuple[Kept, dict[str, int]]:
    events = len(kept["events"]) if "events" in kept else 0
    found: Kept = {
        "events": (torch.int32, "N", between(0, len(encoders["items"]) + 1)),
        "starts": (torch.int64, "S", starts(events)),
    }
    return found, {}


TASKS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Tensor]], tuple[Kept, dict[str, int]]]] = {
    "forecast": _forecast,
    "classify": _linear,
    "regress": _linear,
    "generate": _generate,
    "paint": _paint,
    "translate": _translate,
    "recommend": _recommend,
}


def check_kept(task: str, encoders: Mapping[str, Any], kept: Mapping[str, Tensor], name: str) -> None:
    """Raise InputError unless these are the tensors that a model of this task keeps with these encoders."""
    wanted, sizes = TASKS[task](encoders, kept) if task in TASKS else ({}, {})
    if set(wanted) != set(kept):
        raise InputError(
            f"{name} holds {', '.join(map(repr, sorted(kept)[:8])) or 'nothing'}, but {', '.join(wanted) or 'nothing'} "
            "is needed: use the model as it was saved"
        )
    for one, (dtype, letters, holds) in wanted.items():
        found, named = kept[one], letters.split()
        shape = tuple(sizes.setdefault(letter, size) for letter, size in zip(named, found.shape, strict=False))
        if found.dtype != dtype or len(named) != found.dim() or shape != tuple(found.shape) or not holds(found):
            raise InputError(
                f"{one!r} of {name} is of {found.dtype} and size {tuple(found.shape)}, which does not fit the rest of "
                "the model, or holds numbers that do not: use the model as it was saved"
            )
