"""The work that is timed: what people do with recurrent layers on a CPU, and who else can do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman import kernels, nn
from elman.bench import limits, onnx_peer, peers
from elman.bench.limits import Cost, Shape
from elman.errors import InputError

Call = Callable[[], Any]


class Contest(NamedTuple):
    """Calls that do the same work, "elman" among them; of several under one name the fastest counts.

    `pools` says that one of them brings threads of its own, which go on spinning for a while after a call.
    """

    calls: dict[str, tuple[Call, ...]]
    cost: Cost
    notes: tuple[str, ...] = ()
    pools: bool = False


class Workload(NamedTuple):
    """A shape and what makes the contest of it, given the number of threads."""

    shape: Shape
    build: Callable[[Shape, int], Contest]


def trained(forward: Callable[[], Tensor], leaves: Sequence[Tensor]) -> Call:
    """A call that runs `forward` and the backward pass to every leaf; returns the output and the gradients.

    The gradient that comes from above is drawn from one seed, the same for every output of a shape.
    """
    with torch.no_grad():
        towards = torch.randn(forward().shape, generator=torch.Generator().manual_seed(0))

    def once() -> tuple[Tensor, ...]:
        y = forward()
        return y.detach(), *torch.autograd.grad(y, leaves, towards)

    return once


def plain_training(kind: str, gates: int, kept: int, shape: Shape, threads: int) -> Contest:
    x = _input(shape)
    ours = getattr(nn, kind)(shape.features, shape.hidden)
    theirs = peers.torch_layer(ours, kind, shape.features, shape.hidden)
    return Contest(
        {
            "elman": (_trained(lambda: ours(x)[0], x, ours),),
            "torch": (_trained(lambda: theirs(x)[0], x, theirs),),
        },
        limits.training(shape, gates, kept),
    )


def bfloat16_training(shape: Shape, threads: int) -> Contest:
    """Products alone in bfloat16, beside the same in float32, torch's float32 and torch's layer wholly in bfloat16.

    Raises: RuntimeError where elman has no such products.
    """
    if not kernels.library.amx():
        raise RuntimeError("products in bfloat16 need a CPU with AMX")
    x = _input(shape)
    ours = nn.LSTM(shape.features, shape.hidden)
    theirs = peers.torch_layer(ours, "LSTM", shape.features, shape.hidden)
    half, half_x = deepcopy(theirs).bfloat16(), x.detach().bfloat16().requires_grad_()
    float32 = _trained(lambda: ours(x)[0], x, ours)

    def rounded() -> tuple[Tensor, ...]:
        before = torch.backends.mkldnn.matmul.fp32_precision  # type: ignore[attr-defined]
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # type: ignore[attr-defined]
        try:
            return float32()
        finally:
            torch.backends.mkldnn.matmul.fp32_precision = before  # type: ignore[attr-defined]

    return Contest(
        {
            "elman": (rounded,),
            "float32": (float32,),
            "torch": (_trained(lambda: theirs(x)[0], x, theirs),),
            "torch bfloat16": (_trained(lambda: half(half_x)[0].float(), half_x, half),),
        },
        limits.training(shape, gates=4, kept=5),
        notes=("the limit is that of products in float32",),
    )


def ragged_training(shape: Shape, threads: int) -> Contest:
    """Both directions over rows of 10 % to all of T steps; "torch padded" computes, wrongly, over the padding too."""
    x = _input(shape)
    lengths = torch.randint(max(1, shape.steps // 10), shape.steps + 1, (shape.rows,))
    lengths[0] = shape.steps
    ours = nn.LSTM(shape.features, shape.hidden, bidirectional=True)
    theirs = peers.torch_layer(ours, "LSTM", shape.features, shape.hidden, bidirectional=True)

    def packed() -> Tensor:
        y, _ = theirs(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return pad_packed_sequence(y)[0]

    return Contest(
        {
            "elman": (_trained(lambda: ours(x, lengths=lengths)[0], x, ours),),
            "torch packed": (_trained(packed, x, theirs),),
            "torch padded": (_trained(lambda: theirs(x)[0], x, theirs),),
        },
        limits.training(shape, gates=4, kept=5, directions=2, positions=int(lengths.sum())),
    )


def variant_training(options: dict[str, Any], shape: Shape, threads: int) -> Contest:
    """An LSTM of a kind that torch lacks, beside a loop of torch operations and elman's own LSTM without the option."""
    x = _input(shape)
    ours = nn.LSTM(shape.features, shape.hidden, **options)
    plain = nn.LSTM(shape.features, shape.hidden)
    loop = partial(peers.lstm_loop, ours, x, zoneout=options.get("zoneout", 0.0))
    return Contest(
        {
            "elman": (_trained(lambda: ours(x)[0], x, ours),),
            "torch": (_trained(loop, x, ours),),
            "plain": (_trained(lambda: plain(x)[0], x, plain),),
        },
        limits.training(shape, gates=4, kept=5),
    )


def slstm_training(heads: int, shape: Shape, threads: int) -> Contest:
    x = _input(shape)
    ours = nn.SLSTM(shape.features, shape.hidden, heads=heads)
    return Contest(
        {
            "elman": (_trained(lambda: ours(x)[0], x, ours),),
            "torch": (_trained(partial(peers.slstm_loop, ours, x, heads), x, ours),),
        },
        limits.training(shape, gates=4, kept=7, blocks=heads),
    )


def scan_training(shape: Shape, threads: int) -> Contest:
    """a in (0.5, 1) and b, h_0 above zero, which the logarithms need; the others take any sign."""
    rows, steps, _, hidden = shape
    a = (torch.rand(steps, rows, hidden) / 2 + 0.5).requires_grad_()
    b = (torch.rand(steps, rows, hidden) + 0.01).requires_grad_()
    h_0 = (torch.rand(rows, hidden) + 0.01).requires_grad_()
    leaves = (a, b, h_0)
    chunks = [partial(peers.scan_in_chunks, chunks=count) for count in (64, 256)]
    torch_ways: tuple[Callable[..., Tensor], ...] = (peers.scan_loop, *chunks, peers.scan_in_logs)
    return Contest(
        {
            "elman": (trained(lambda: kernels.linear_scan(a, b, h_0)[0], leaves),),
            "torch": tuple(trained(partial(way, a, b, h_0), leaves) for way in torch_ways),
        },
        limits.scan(shape),
    )


def lstm_step(layers: int, shape: Shape, threads: int) -> Contest:
    """One row, one step, the state carried from call to call."""
    ours = nn.LSTM(shape.features, shape.hidden, layers).eval()
    theirs = peers.torch_layer(ours, "LSTM", shape.features, shape.hidden, num_layers=layers)
    x = torch.randn(1, 1, shape.features)
    stepper = ours.stepper(rows=1)
    state = [torch.zeros(layers, 1, shape.hidden)] * 2

    @torch.no_grad()
    def torch_step() -> Tensor:
        y, state[:] = theirs(x, (state[0], state[1]))
        return y

    cost = limits.forward(shape, gates=4)
    for _ in range(1, layers):
        cost = cost.both(limits.forward(shape._replace(features=shape.hidden), gates=4))
    calls: dict[str, Callable[[], Call]] = {
        "elman": lambda: partial(stepper.step, x[0]),
        "torch": lambda: torch_step,
        "onnx runtime": lambda: onnx_peer.stepper(ours, x, threads),
    }
    return _with_onnx(calls, cost)


def gru_step(shape: Shape, threads: int) -> Contest:
    ours = nn.GRU(shape.features, shape.hidden).eval()
    theirs = torch.nn.GRUCell(shape.features, shape.hidden)
    theirs.load_state_dict({name.removesuffix("_l0"): value for name, value in ours.state_dict().items()})
    x = torch.randn(1, shape.features)
    stepper = ours.stepper(rows=1)
    state = [torch.zeros(1, shape.hidden)]

    @torch.no_grad()
    def torch_step() -> Tensor:
        state[0] = theirs(x, state[0])
        return state[0]

    return Contest({"elman": (partial(stepper.step, x),), "torch": (torch_step,)}, limits.forward(shape, gates=3))


def gru_inference(shape: Shape, threads: int) -> Contest:
    ours = nn.GRU(shape.features, shape.hidden).eval()
    theirs = peers.torch_layer(ours, "GRU", shape.features, shape.hidden)
    x = torch.randn(shape.steps, shape.rows, shape.features)
    calls: dict[str, Callable[[], Call]] = {
        "elman": lambda: torch.no_grad()(lambda: ours(x)[0]),
        "torch": lambda: torch.no_grad()(lambda: theirs(x)[0]),
        "onnx runtime": lambda: onnx_peer.over_time(ours, x, threads),
    }
    return _with_onnx(calls, limits.forward(shape, gates=3))


WORKLOADS: dict[str, Workload] = {
    "rnn train, tiny": Workload(Shape(32, 10, 1, 50), partial(plain_training, "RNN", 1, 0)),
    "gru train, forecasting": Workload(Shape(64, 24, 7, 64), partial(plain_training, "GRU", 3, 4)),
    "gru train, text": Workload(Shape(32, 100, 64, 128), partial(plain_training, "GRU", 3, 4)),
    "lstm train, tiny": Workload(Shape(32, 10, 1, 50), partial(plain_training, "LSTM", 4, 5)),
    "lstm train, forecasting": Workload(Shape(64, 24, 7, 64), partial(plain_training, "LSTM", 4, 5)),
    "lstm train": Workload(Shape(32, 100, 256, 256), partial(plain_training, "LSTM", 4, 5)),
    "lstm train, large": Workload(Shape(64, 50, 500, 500), partial(plain_training, "LSTM", 4, 5)),
    "lstm train, bfloat16": Workload(Shape(32, 100, 256, 256), bfloat16_training),
    "lstm train, large, bfloat16": Workload(Shape(64, 50, 500, 500), bfloat16_training),
    "bi-lstm train, lengths 10-100": Workload(Shape(32, 100, 128, 128), ragged_training),
    "layer-norm lstm train": Workload(Shape(32, 100, 128, 128), partial(variant_training, {"layer_norm": True})),
    "peephole lstm train": Workload(Shape(32, 100, 128, 128), partial(variant_training, {"peephole": True})),
    "zoneout lstm train": Workload(Shape(32, 100, 128, 128), partial(variant_training, {"zoneout": 0.1})),
    "slstm train, 4 heads": Workload(Shape(16, 128, 256, 256), partial(slstm_training, 4)),
    "linear scan train": Workload(Shape(16, 4096, 0, 256), scan_training),
    "lstm streaming step, 1 layer": Workload(Shape(1, 1, 80, 256), partial(lstm_step, 1)),
    "lstm streaming step, 2 layers": Workload(Shape(1, 1, 80, 256), partial(lstm_step, 2)),
    "gru streaming step": Workload(Shape(1, 1, 80, 64), gru_step),
    "gru inference, long": Workload(Shape(1, 1000, 80, 256), gru_inference),
}


def chosen(only: Sequence[str] = ()) -> dict[str, Workload]:
    """The workloads of these names, or whose names hold these words; all where none is given.

    Raises: InputError for one that fits none.
    """
    names: set[str] = set()
    for word in (part.lower() for part in only):
        found = {word} & set(WORKLOADS) or {name for name in WORKLOADS if word in name}
        if not found:
            raise InputError(f"there is no workload {word!r}, but {'; '.join(WORKLOADS)}: choose one of these")
        names |= found
    return {name: workload for name, workload in WORKLOADS.items() if name in names or not only}


def _input(shape: Shape) -> Tensor:
    return torch.randn(shape.steps, shape.rows, shape.features, requires_grad=True)


def _trained(forward: Callable[[], Tensor], x: Tensor, module: torch.nn.Module) -> Call:
    return trained(forward, (x, *module.parameters()))


def _with_onnx(calls: dict[str, Callable[[], Call]], cost: Cost) -> Contest:
    reason = onnx_peer.absent()
    made: dict[str, tuple[Call, ...]] = {
        name: (make(),) for name, make in calls.items() if name != "onnx runtime" or not reason
    }
    return Contest(made, cost, notes=(reason,) if reason else (), pools=not reason)
