"""The gated cells on the native library: the recurrence in C++, the large products torch's own."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from elman.kernels import library
from elman.kernels.abi import SUFFIX, address, call
from elman.kernels.options import PLAIN, Options
from elman.kernels.product import EPSILON
from elman.kernels.time_loop import both_ways
from elman.kernels.weights import Output, State, Weights

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "slstm": 4}
STATES = {"rnn": 1, "lstm": 2, "gru": 1, "slstm": 4}
_ACTIVATIONS = ("tanh", "relu", "sigmoid")
_FIELDS = Weights._fields[:-1]  # no cell here has a decay

# Below about this many multiply-adds, waking a second thread costs more than it saves.
_WORTH_A_THREAD = 400_000


def lacks(
    operation: str, device: torch.device | str, dtype: torch.dtype, options: Options, weights: Weights | None
) -> str | None:
    """Say what there is no native kernel for, or None where there is one."""
    if operation not in GATES:
        return f"there is no native kernel of {operation}"
    if dtype not in SUFFIX:
        return f"there is no native kernel for {str(dtype).removeprefix('torch.')}"
    if torch.device(device).type != "cpu":
        return f"there is no native kernel on {torch.device(device).type}"
    return library.which() if library.native() is None else None


class Plan(NamedTuple):
    """How the rows of a batch lie packed: the real steps alone, longest row first.

    begin (T + 1,) says where each step's rows begin; order (B,) and places (N,) which row comes where, None where
    rows are not ragged and so lie as they are.
    """

    steps: int
    rows: int
    begin: Tensor
    order: Tensor | None = None
    places: Tensor | None = None

    @property
    def size(self) -> int:
        """N, the packed rows in all."""
        return self.steps * self.rows if self.places is None else len(self.places)

    def pack(self, x: Tensor) -> Tensor:
        """(T, B, F) to (N, F)."""
        flat = x.reshape(self.steps * self.rows, -1)
        return flat if self.places is None else flat.index_select(0, self.places)

    def unpack(self, data: Tensor) -> Tensor:
        """(N, F) to (T, B, F), zero past each row's end."""
        if self.places is not None:
            padded = data.new_zeros(self.steps * self.rows, data.shape[-1])
            data = padded.index_copy_(0, self.places, data[: self.size])
        return data.view(self.steps, self.rows, -1)

    def sort(self, state: Tensor) -> Tensor:
        """(D, B, .) in the order of the packed rows."""
        return state.contiguous() if self.order is None else state.index_select(1, self.order)

    def unsort(self, state: Tensor) -> Tensor:
        """The inverse of `sort`."""
        return state if self.order is None else torch.empty_like(state).index_copy_(1, self.order, state)


@cache
def _padded(steps: int, rows: int) -> Plan:
    return Plan(steps, rows, torch.arange(steps + 1) * rows)


def plan(steps: int, rows: int, lengths: Tensor | None) -> Plan:
    """Lay out rows of these lengths.

    Raises: ValueError for a length outside 1..T.
    """
    if lengths is None or rows == 0:
        return _padded(steps, rows)
    lengths = lengths.to("cpu", torch.int64)
    shortest, longest = map(int, lengths.aminmax())
    if not 1 <= shortest <= longest <= steps:
        raise ValueError(f"lengths go from {shortest} to {longest}, but 1 to T={steps} is needed: correct them")
    if shortest == steps:
        return _padded(steps, rows)
    running, order = lengths.sort(descending=True, stable=True)
    time = torch.arange(steps)[:, None]
    inside = time < running
    begin = torch.zeros(steps + 1, dtype=torch.int64)
    torch.cumsum(inside.sum(1), 0, out=begin[1:])
    return Plan(steps, rows, begin, order, (time * rows + order)[inside])


class Call(NamedTuple):
    """What a layer is beside its tensors: plain values, which torch.library can carry."""

    operation: str
    ways: int
    fields: str  # the fields of Weights that are there, by number
    activation: str
    reset: str
    clip: float
    heads: int
    cells: bool

    @property
    def names(self) -> list[str]:
        """The fields of Weights that are there."""
        return [_FIELDS[int(number)] for number in self.fields]

    def weights(self, flat: Sequence[Tensor]) -> list[Weights]:
        """The flat weights, way by way."""
        names = self.names
        return [
            Weights(**dict(zip(names, flat[w * len(names) : (w + 1) * len(names)], strict=True)))
            for w in range(self.ways)
        ]

    def options(self, masks: Sequence[Tensor | None]) -> Options:
        """The options again, as `layer` was given them."""
        return Options(self.activation, self.reset, self.clip or None, self.heads, self.cells, *masks)

    def sizes(self, begin: Tensor, layout: Plan, hidden: int, outputs: int, training: bool) -> dict[str, float]:
        """The sizes of abi.Layer."""
        products = layout.size * GATES[self.operation] * hidden * outputs // self.heads
        threads = torch.get_num_threads() if products * self.ways >= _WORTH_A_THREAD else 1
        return {
            "steps": layout.steps,
            "rows": layout.rows,
            "hidden": hidden,
            "outputs": outputs,
            "heads": self.heads,
            "ways": self.ways,
            "tasks": max(1, min(layout.rows, -(-threads // self.ways))),
            "y_stride": self.ways * outputs,
            "cells_stride": self.ways * hidden,
            "training": training,
            "activation": _ACTIVATIONS.index(self.activation),
            "reset_before": self.reset == "before",
            "clip": self.clip,
            "begin": address(begin),
        }


class Made(NamedTuple):
    """What the forward pass gives: results, and per way what the backward pass will read."""

    y: Tensor  # (N, D*P)
    last: list[Tensor]  # (D, B, .)
    cells: list[Tensor]  # (N, D*H): c, n and m
    saved: list[dict[str, Tensor]]


def _masks(layout: Plan, masks: Sequence[Tensor | None], way: int) -> dict[str, Tensor]:
    drop, zone_h, zone_c = masks
    packed = {} if drop is None else {"drop": layout.sort(drop)[way]}
    for name, zone in (("zone_h", zone_h), ("zone_c", zone_c)):
        if zone is not None:
            packed[name] = layout.pack(zone[way]).contiguous()
    return packed


def _forward(
    x: Tensor, layout: Plan, state: Sequence[Tensor], weights: list[Weights], masks: Sequence[Tensor | None],
    what: Call, training: bool,
) -> Made:
    """Run a layer on packed rows x (N, F); states sorted."""
    width, ways, size = weights[0].weight_ih.shape[0], what.ways, layout.size
    hidden = width // GATES[what.operation]
    outputs = state[0].shape[-1]
    y, last = x.new_empty(size, ways * outputs), [torch.empty_like(s) for s in state]
    keep = training or what.cells
    cells = [x.new_empty(size, ways * hidden) for _ in state[1:]] if keep else []
    saved, given = [], []
    for w, own in enumerate(weights):
        tensors: dict[str, Tensor] = {}
        if own.gain_ih is None:
            product = own.weight_ih.t()
            tensors["gates"] = x @ product if own.bias_ih is None else torch.addmm(own.bias_ih, x, product)
        else:
            raw = x @ own.weight_ih.t()
            tensors["gates"], mean, deviation = torch.native_layer_norm(
                raw, [width], own.gain_ih, own.bias_ih, EPSILON
            )
            tensors |= {"raw": raw, "mean": mean, "deviation": deviation} if training else {}
        if training and what.operation == "gru" and what.reset == "after":
            tensors["unreset"] = x.new_empty(size, hidden)
        if training and own.weight_hr is not None:
            tensors["unprojected"] = x.new_empty(size, hidden)
        if training and own.gain_hh is not None:
            tensors |= {"normal": x.new_empty(size, width), "scale": x.new_empty(size)}
        addresses = _weight_addresses(own) | {name: address(t) for name, t in tensors.items() if name in _IN_LAYER}
        # The masks stay alive in `given` until the call is over.
        around = _masks(layout, masks, w)
        addresses |= {name: address(t) for name, t in around.items()}
        for s, (first, end) in enumerate(zip(state, last, strict=True)):
            addresses |= {f"first_{s}": address(first[w]), f"last_{s}": address(end[w])}
        addresses |= {"reverse": w, "y": address(y, w * outputs)}
        addresses |= {f"cells_{s}": address(c, w * hidden) for s, c in enumerate(cells)}
        saved.append(tensors)
        given.append((addresses, around))
    sizes = what.sizes(layout.begin, layout, hidden, outputs, training)
    call(f"{what.operation}_forward", x.dtype, sizes, [addresses for addresses, _ in given])
    return Made(y, last, cells, saved)


_IN_LAYER = {"gates", "unreset", "unprojected", "normal", "scale"}
_WEIGHTS_IN_LAYER = ("weight_hh", "bias_hh", "weight_hr", "weight_ch", "gain_hh", "gain_c", "bias_c")


def _weight_addresses(own: Weights) -> dict[str, int]:
    return {name: address(getattr(own, name)) for name in _WEIGHTS_IN_LAYER}


class Gradients(NamedTuple):
    """Of x (N, F), of the states (D, B, .), and of each way's weights by name."""

    x: Tensor | None
    state: list[Tensor]
    weights: list[dict[str, Tensor]]


def _backward(
    x: Tensor, layout: Plan, state: Sequence[Tensor], weights: list[Weights], masks: Sequence[Tensor | None],
    what: Call, made: Made, d_y: Tensor, d_last: Sequence[Tensor | None], d_cells: Tensor | None, needs_x: bool,
) -> Gradients:
    """Run a layer's backward pass; d_y (N, D*P), d_last (D, B, .) sorted, d_cells (N, D*H)."""
    width, ways, size = weights[0].weight_ih.shape[0], what.ways, layout.size
    hidden = width // GATES[what.operation]
    outputs = state[0].shape[-1]
    sizes = what.sizes(layout.begin, layout, hidden, outputs, True)
    tasks = int(sizes["tasks"])
    first = [torch.empty_like(s) for s in state]
    written, given = [], []
    for w, own in enumerate(weights):
        normal, gru = own.gain_hh is not None, what.operation == "gru"
        out = {"d_gates": x.new_empty(size, width), "before": x.new_empty(size, outputs)}
        if normal or (gru and what.reset == "after"):
            out["d_product"] = x.new_empty(size, width)
        if gru and what.reset == "before":
            out["reset"] = x.new_empty(size, outputs)
        if own.weight_hr is not None:
            out["d_projected"] = x.new_empty(size, outputs)
        for name, length in (("weight_ch", 3 * hidden), ("gain_c", hidden), ("bias_c", hidden)):
            if getattr(own, name) is not None:
                out[f"d_{name}"] = x.new_empty(tasks, length)
        if normal:
            out["d_gain_hh"] = x.new_empty(tasks, width)
            if own.bias_hh is not None:
                out["d_bias_hh"] = x.new_empty(tasks, width)
        around = _masks(layout, masks, w)
        addresses = _weight_addresses(own) | {name: address(t) for name, t in (out | around).items()}
        addresses |= {name: address(t) for name, t in made.saved[w].items() if name in _IN_LAYER}
        for s, before in enumerate(state):
            addresses |= {f"first_{s}": address(before[w]), f"d_first_{s}": address(first[s][w])}
            end = d_last[s]
            addresses[f"d_last_{s}"] = 0 if end is None else address(end[w])
        addresses |= {f"cells_{s}": address(c, w * hidden) for s, c in enumerate(made.cells)}
        addresses |= {"reverse": w, "y": address(made.y, w * outputs), "d_y": address(d_y, w * outputs)}
        addresses["d_cells"] = 0 if d_cells is None else address(d_cells, w * hidden)
        written.append(out)
        given.append((addresses, around))
    call(f"{what.operation}_backward", x.dtype, sizes, [addresses for addresses, _ in given])

    d_x: Tensor | None = None
    by_way = []
    for own, out, kept in zip(weights, written, made.saved, strict=True):
        d_input, found = _of_weights(x, own, out, kept, what)
        by_way.append(found)
        if needs_x:
            d_x = d_input @ own.weight_ih if d_x is None else d_x.addmm_(d_input, own.weight_ih)
    return Gradients(d_x, first, by_way)


def _of_weights(
    x: Tensor, own: Weights, out: dict[str, Tensor], kept: dict[str, Tensor], what: Call
) -> tuple[Tensor, dict[str, Tensor]]:
    """One way's large products: the gradient of W_ih x, and of every weight by name."""
    d_input = d_gates = out["d_gates"]
    found: dict[str, Tensor] = {}
    if own.gain_ih is not None:
        statistics = [kept["raw"], [len(own.gain_ih)], kept["mean"], kept["deviation"], own.gain_ih, own.bias_ih]
        wanted = [True, True, own.bias_ih is not None]
        d_input, found["gain_ih"], d_bias = torch.ops.aten.native_layer_norm_backward(d_gates, *statistics, wanted)
        if own.bias_ih is not None:
            found["bias_ih"] = d_bias
    elif own.bias_ih is not None:
        found["bias_ih"] = d_gates.sum(0)
    found["weight_ih"] = d_input.t() @ x

    d_product, before = out.get("d_product", d_gates), out["before"]
    found["weight_hh"] = _of_recurrent_weight(d_product, before, out.get("reset"), what.heads)
    if own.bias_hh is not None and own.gain_hh is None:
        found["bias_hh"] = d_product.sum(0) if "d_product" in out else found["bias_ih"]
    if own.weight_hr is not None:
        found["weight_hr"] = out["d_projected"].t() @ kept["unprojected"]
    for name in ("weight_ch", "gain_hh", "bias_hh", "gain_c", "bias_c"):
        if f"d_{name}" in out:
            found[name] = out[f"d_{name}"].sum(0)
    return d_input, found


def _of_recurrent_weight(d_product: Tensor, before: Tensor, reset: Tensor | None, heads: int) -> Tensor:
    if reset is not None:
        gates = 2 * before.shape[1]
        return torch.cat([d_product[:, :gates].t() @ before, d_product[:, gates:].t() @ reset])
    if heads == 1:
        return d_product.t() @ before
    # (N, G, heads, d) against (N, heads, d), head by head.
    size = before.shape[1] // heads
    d = d_product.view(len(before), -1, heads, size).permute(2, 1, 3, 0).reshape(heads, -1, len(before))
    found = d @ before.view(-1, heads, size).transpose(0, 1)
    return found.view(heads, -1, size, size).transpose(0, 1).reshape(-1, size)


class _Recurrence(torch.autograd.Function):
    """A layer as one node of the graph: its inputs are x, the states and the weights."""

    @staticmethod
    def forward(ctx: Any, what: Call, lengths: Tensor | None, masks: Any, states: int, x: Tensor, *rest: Tensor) -> Any:
        layout = plan(x.shape[0], x.shape[1], lengths)
        state, flat = rest[:states], rest[states:]
        packed, sorted_state = layout.pack(x), [layout.sort(s) for s in state]
        weights = what.weights([w.contiguous() for w in flat])
        made = _forward(packed, layout, sorted_state, weights, masks, what, True)
        kept = [t for way in made.saved for t in way.values()]
        ctx.what, ctx.layout, ctx.masks, ctx.lengths, ctx.states = what, layout, masks, lengths, states
        ctx.names = [list(way) for way in made.saved]
        ctx.save_for_backward(x, *rest, made.y, *made.cells, *kept)
        ctx.set_materialize_grads(False)
        y = layout.unpack(made.y)
        results = [y, *(layout.unsort(s) for s in made.last)]
        # What is saved must not be what is handed out: the caller may change that in place.
        return (*results, layout.unpack(made.cells[0]).clone()) if what.cells else tuple(results)

    @staticmethod
    def backward(ctx: Any, d_y: Tensor | None, *d_rest: Tensor | None) -> Any:
        what, layout, states = ctx.what, ctx.layout, ctx.states
        saved = list(ctx.saved_tensors)
        x, count = saved[0], states + what.ways * len(what.names)
        inputs, saved = saved[: 1 + count], saved[1 + count :]
        if torch.is_grad_enabled():
            grads = _through_the_reference(ctx, inputs, [d_y, *d_rest])
            return (None, None, None, None, *grads)
        state, flat = inputs[1 : 1 + states], inputs[1 + states :]
        y, cells, kept = saved[0], saved[1:states], saved[states:]
        by_way, at = [], 0
        for names in ctx.names:
            by_way.append(dict(zip(names, kept[at : at + len(names)], strict=True)))
            at += len(names)
        d_last = [None if d is None else layout.sort(d) for d in d_rest[:states]]
        d_cells = layout.pack(d_rest[states]).contiguous() if what.cells and d_rest[states] is not None else None
        d_packed = torch.zeros_like(y) if d_y is None else layout.pack(d_y).contiguous()
        packed, sorted_state = layout.pack(x), [layout.sort(s) for s in state]
        weights = what.weights([w.contiguous() for w in flat])
        made = Made(y, [], list(cells), by_way)
        found = _backward(
            packed, layout, sorted_state, weights, ctx.masks, what, made, d_packed, d_last, d_cells,
            ctx.needs_input_grad[4],
        )
        d_x = None if found.x is None else layout.unpack(found.x)
        d_weights = [way[name] for way in found.weights for name in what.names]
        return (None, None, None, None, d_x, *(layout.unsort(s) for s in found.state), *d_weights)


def _through_the_reference(ctx: Any, inputs: Sequence[Tensor], d_results: Sequence[Tensor | None]) -> list[Any]:
    """The gradients by a graph that can itself be differentiated."""
    what, states = ctx.what, ctx.states
    # Views, so that the gradient of a weight takes in no path by which x itself came of that weight.
    x, *rest = own = [t.view_as(t) for t in inputs]
    out = reference(what.operation)(
        x, tuple(rest[:states]), tuple(what.weights(rest[states:])), lengths=ctx.lengths, options=what.options(ctx.masks)
    )
    results = [out.y, *out.state, *([out.cells] if what.cells else [])]
    pairs = [(r, d) for r, d in zip(results, d_results, strict=True) if d is not None]
    wanted = [i for i, needed in enumerate(ctx.needs_input_grad[4:]) if needed]
    found = torch.autograd.grad(
        [r for r, _ in pairs], [own[i] for i in wanted], [d for _, d in pairs], create_graph=True, allow_unused=True
    )
    grads: list[Any] = [None] * len(own)
    for i, g in zip(wanted, found, strict=True):
        grads[i] = g
    return grads


def reference(operation: str) -> Any:
    """The reference layer of an operation, both ways."""
    from importlib import import_module

    module = import_module(f"elman.kernels.{operation}.reference")
    return lambda *given, **options: both_ways(module.layer, *given, **options)


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
    names = [number for number, name in enumerate(_FIELDS) if getattr(weights[0], name) is not None]
    flat = [cast(Tensor, own[number]) for own in weights for number in names]
    what = Call(
        operation,
        len(weights),
        "".join(map(str, names)),
        options.activation,
        options.reset,
        options.clip or 0.0,
        options.heads,
        options.cells,
    )
    masks = (options.drop, options.zone_h, options.zone_c)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x, *state, *flat)):
        y, *more = _Recurrence.apply(what, lengths, masks, len(state), x, *state, *flat)
        return Output(y, tuple(more[: len(state)]), more[-1] if options.cells else None)
    layout = plan(x.shape[0], x.shape[1], lengths)
    own = what.weights([w.contiguous() for w in flat])
    made = _forward(layout.pack(x), layout, [layout.sort(s) for s in state], own, masks, what, False)
    cells = layout.unpack(made.cells[0]) if options.cells else None
    return Output(layout.unpack(made.y), tuple(layout.unsort(s) for s in made.last), cells)
