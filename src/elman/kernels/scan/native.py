"""The recurrences whose units see only themselves, on the native library: one pass over memory each way."""

from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import linear

from elman.kernels import library
from elman.kernels.options import PLAIN, Options, extras
from elman.kernels.scan.call import SUFFIX, Scan, check_range
from elman.kernels.scan.operators import OWN, STEPS, by_definition, run
from elman.kernels.weights import Output, State, Weights


def lacks(
    operation: str, device: torch.device | str, dtype: torch.dtype, options: Options, weights: Weights | None
) -> str | None:
    """Say what there is no native scan for, or None where there is one."""
    if operation not in STEPS:
        return f"there is no native scan of {operation}"
    for extra in extras(options, weights):
        if extra != "decay":
            return f"there is no native {operation} with {extra}"
    if dtype not in SUFFIX:
        return f"there is no native kernel for {str(dtype).removeprefix('torch.')}"
    if torch.device(device).type != "cpu":
        return f"there is no native kernel on {torch.device(device).type}"
    return "no native library is loaded" if library.native() is None else None


def layer(
    operation: str,
    x: Tensor,
    state: State,
    weights: tuple[Weights, ...],
    *,
    lengths: Tensor | None = None,
    options: Options = PLAIN,
) -> Output:
    """Run one layer that is not lacking here, in one direction or in both at once; see `choose.layer`."""
    joint, bias = weights[0].weight_ih, weights[0].bias_ih
    if len(weights) > 1:
        joint = torch.cat([own.weight_ih for own in weights])
        bias = None if bias is None else torch.cat([cast(Tensor, own.bias_ih) for own in weights])
    own = torch.stack([getattr(w, OWN[operation]) for w in weights]) if operation in OWN else None
    if lengths is not None:
        lengths = lengths.to("cpu", torch.int64)
        # What lies past a row's end must not reach the weights' gradient, not even as 0 times NaN.
        past = torch.arange(x.shape[0], device=x.device)[:, None] >= lengths
        x = x.masked_fill(past[..., None], 0)
    # Under autocast the product comes in a lower precision than the state has.
    gates = linear(x, joint, bias).to(state[0].dtype)
    y, h_n = run(Scan(_cell(operation, options), 0b10, lengths, gates, None, state[0], own))
    return Output(y, (h_n,))


def linear_scan(
    a: Tensor, b: Tensor, h_0: Tensor | None = None, lengths: Tensor | None = None, reverse: bool = False
) -> tuple[Tensor, Tensor]:
    """Compute every state of a linear recurrence, with gradients.

        h_t = a_t h_{t-1} + b_t,    t = 0..T-1, or T-1..0 when reversed

    Shapes: a and b (T, B, H); h_0 (B, H), zeros if absent; lengths (B,) of integers in 1..T: row b takes the
    steps t < lengths[b] only, and a reversed row starts at its own end.
    Returns h (T, B, H), zero past each row's end, and the final state h_n (B, H).
    Raises: ValueError for other shapes or types, or for lengths outside 1..T.
    """
    if a.dim() != 3 or a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
        raise ValueError(
            f"a is {tuple(a.shape)} in {a.dtype} on {a.device} and b {tuple(b.shape)} in {b.dtype} on {b.device}, "
            "but both must be (T, B, H), alike in type and device: reshape or convert one"
        )
    if not a.is_floating_point():
        raise ValueError(f"a is in {a.dtype}, but a scan needs a floating type: convert with a.float()")
    if h_0 is None:
        h_0 = a.new_zeros(a.shape[1:])
    if h_0.shape != a.shape[1:] or h_0.dtype != a.dtype or h_0.device != a.device:
        raise ValueError(
            f"h_0 is {tuple(h_0.shape)} in {h_0.dtype} on {h_0.device}, but a needs one of {tuple(a.shape[1:])} in "
            f"{a.dtype} on {a.device}: reshape or convert it"
        )
    scan = Scan("linear", int(reverse), _checked(lengths, a), a, b, h_0[None], None)
    h, h_n = run(scan) if lacks("linear", a.device, a.dtype, PLAIN, None) is None else by_definition(scan)
    return h, h_n[0]


def _checked(lengths: Tensor | None, x: Tensor) -> Tensor | None:
    if lengths is None:
        return None
    kind = lengths.dtype
    if lengths.shape != x.shape[1:2] or kind.is_floating_point or kind.is_complex or kind == torch.bool:
        raise ValueError(
            f"lengths are {tuple(lengths.shape)} in {kind}, but {x.shape[1]} integers are needed, one a row: give these"
        )
    lengths = lengths.to("cpu", torch.int64)
    if not torch.compiler.is_compiling():  # compiled, the operator checks them when it runs
        check_range(lengths, x.shape[0])
    return lengths


def _cell(operation: str, options: Options) -> str:
    return f"indrnn_{options.activation}" if operation == "indrnn" else operation
