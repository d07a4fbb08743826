"""From a row's steps to one vector a row, whatever lies past the row's end."""

import math

import torch
from torch import Tensor

POOLS = ("last", "mean", "max", "concat")


def inside(steps: int, lengths: Tensor) -> Tensor:
    """(T, B) booleans: whether step t belongs to its row; lengths (B,) on any device, and the result there."""
    return torch.arange(steps, device=lengths.device)[:, None] < lengths


def outside(x: Tensor, lengths: Tensor | None) -> Tensor | None:
    """(T, B) booleans on the device of x (T, B, ...): whether step t lies past its row's end; None where none can.

    Raises: ValueError unless there is a length a row, each in 1..T.
    """
    if lengths is None:
        return None
    steps, rows = x.shape[:2]
    if lengths.shape != (rows,):
        raise ValueError(f"lengths has the shape {tuple(lengths.shape)}, but ({rows},) is needed: pass one a row")
    if rows and not 1 <= int(lengths.min()) <= int(lengths.max()) <= steps:
        wrong = int(lengths.min()) if int(lengths.min()) < 1 else int(lengths.max())
        raise ValueError(f"a length is {wrong}, but a row has between 1 and T={steps} steps: correct it")
    return ~inside(steps, lengths.to(x.device))


def pool(y: Tensor, lengths: Tensor | None = None, kind: str = "last", bidirectional: bool = False) -> Tensor:
    """One vector a row of y (T, B, H): "last", "mean", "max", or "concat", the three side by side.

    "last" is each row's own last step; with `bidirectional` the second half of H, which was read from the end to the
    start, is that of step 0. lengths (B,) in 1..T says where rows end, T everywhere without it.
    Returns (B, H), (B, 3H) of "concat".
    Raises: ValueError for another kind, or lengths that do not fit.
    """
    if kind not in POOLS:
        raise ValueError(f"kind is {kind!r}, but it must be one of {', '.join(POOLS)}: choose one of these")
    past = outside(y, lengths)
    if kind == "concat":
        return torch.cat([pool(y, lengths, each, bidirectional) for each in POOLS[:-1]], dim=-1)
    if kind == "last":
        ends = y[-1] if lengths is None else y[lengths.to(y.device) - 1, torch.arange(y.shape[1], device=y.device)]
        if not bidirectional:
            return ends
        half = y.shape[-1] // 2
        return torch.cat([ends[:, :half], y[0, :, half:]], dim=-1)
    if kind == "mean":
        if past is None or lengths is None:
            return y.mean(0)
        return y.masked_fill(past[..., None], 0).sum(0) / lengths.to(y.device, y.dtype)[:, None]
    return (y if past is None else y.masked_fill(past[..., None], -math.inf)).amax(0)
