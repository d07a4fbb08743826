"""The gated cells on the native library: the recurrence in C++, the largest products torch's own."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from elman.kernels import library, pool
from elman.kernels.abi import SUFFIX, bits, call
from elman.kernels.options import Options
from elman.kernels.product import EPSILON
from elman.kernels.rows import Rows, lay_out
from elman.kernels.weights import Weights

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "slstm": 4}
STATES = {"rnn": "h", "lstm": "hc", "gru": "h", "slstm": "hcnm"}
_ACTIVATIONS = ("tanh", "relu", "sigmoid")
_FIELDS = Weights._fields[:-1]  # no cell here has a decay
_IN_KERNEL = ("weight_hh", "bias_hh", "weight_hr", "weight_ch", "gain_hh", "gain_c", "bias_c")

# Up to so many multiply-adds the library's own products outrun torch's, whose every call has its price.
_OWN_PRODUCTS = 8_000_000
# Below so many in the recurrence, waking a second thread costs more than it saves.
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
    return _no_library()


@torch.compiler.assume_constant_result
def _no_library() -> str | None:
    return library.which() if library.native() is None else None


class Call(NamedTuple):
    """What a layer is beside its tensors: plain values, which torch.library can carry."""

    operation: str
    ways: int
    fields: str  # the fields of Weights that are there, by number
    activation: str = "tanh"
    reset: str = "after"
    clip: float = 0.0
    heads: int = 1
    cells: bool = False

    def weights(self, flat: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """The flat weights by name, way by way."""
        names = _names(self.fields)
        count = len(names)
        return [dict(zip(names, flat[w * count :], strict=False)) for w in range(self.ways)]

    def sizes(self, rows: Rows, inputs: int, hidden: int, outputs: int, training: bool) -> list[int]:
        """The sizes of a layer, in the order of abi.SIZES."""
        work = rows.size * GATES[self.operation] * hidden * outputs // self.heads * self.ways
        threads = torch.get_num_threads() if work >= _WORTH_A_THREAD else 1
        tasks = max(1, min(rows.count, -(-threads // self.ways)))
        sizes = [rows.steps, rows.count, inputs, hidden, outputs, self.heads, self.ways, tasks]
        sizes += [self.ways * outputs, self.ways * hidden, training]
        return [*sizes, _ACTIVATIONS.index(self.activation), self.reset == "before", bits(self.clip)]


@cache
def _names(fields: str) -> tuple[str, ...]:
    return tuple(_FIELDS[int(number)] for number in fields)


class Block(NamedTuple):
    """Several (size, columns) matrices in one flat buffer: where each begins, and its columns, by name."""

    size: int
    numbers: int
    parts: dict[str, tuple[int, int]]

    def addresses(self, buffer: Tensor) -> dict[str, int]:
        """Where each matrix lies in this buffer."""
        base, width = buffer.data_ptr(), buffer.element_size()
        return {name: base + at * width for name, (at, _) in self.parts.items()}

    def view(self, buffer: Tensor, name: str) -> Tensor:
        """One of the matrices."""
        at, columns = self.parts[name]
        return buffer.as_strided((self.size, columns), (columns, 1), at)


def _block(size: int, columns: dict[str, int]) -> Block:
    parts, at = {}, 0
    for name, wide in columns.items():
        parts[name] = (at, wide)
        at += (size * wide + 15) // 16 * 16  # each begins at a cache line
    return Block(size, at, parts)


@cache
def kept(what: Call, size: int, hidden: int) -> Block:
    """What the forward pass keeps for the backward pass of one way, and, as c, n and m, of all ways."""
    names, width = _names(what.fields), GATES[what.operation] * hidden
    columns = {name: what.ways * hidden for name in STATES[what.operation][1:]}
    for w in range(what.ways):
        own = {"gates": width}
        if what.operation == "gru" and what.reset == "after":
            own["unreset"] = hidden
        if "weight_hr" in names:
            own["unprojected"] = hidden
        if "gain_hh" in names:
            own |= {"normal": width, "scale": 1, "raw": width, "mean": 1, "deviation": 1}
        columns |= {f"{name}{w}": wide for name, wide in own.items()}
    return _block(size, columns)


@cache
def _working(what: Call, size: int, hidden: int, outputs: int, tasks: int) -> Block:
    """What the backward pass of one way writes and nobody reads after it."""
    names, width = _names(what.fields), GATES[what.operation] * hidden
    columns = {"d_gates": width, "before": outputs}
    if "gain_hh" in names or (what.operation == "gru" and what.reset == "after"):
        columns["d_product"] = width
    if what.reset == "before":
        columns["reset"] = outputs
    if "weight_hr" in names:
        columns["d_projected"] = outputs
    return _block(size, columns)


def _own(kept_addresses: dict[str, int], way: int) -> dict[str, int]:
    """One way's part of what is kept, without what torch alone reads."""
    mine = {name[:-1]: at for name, at in kept_addresses.items() if name[-1] == str(way)}
    for name in ("raw", "mean", "deviation"):
        mine.pop(name, None)
    return mine


def _part(tensor: Tensor, way: int, stride: int) -> int:
    """The address of one way's part of a tensor, `stride` numbers after the part before."""
    return tensor.data_ptr() + way * stride * tensor.element_size()


def _masks(rows: Rows, masks: Sequence[Tensor | None], way: int) -> dict[str, Tensor]:
    drop, zone_h, zone_c = masks
    packed = {} if drop is None else {"drop": rows.sort(drop)[way]}
    for name, zone in (("zone_h", zone_h), ("zone_c", zone_c)):
        if zone is not None:
            packed[name] = rows.pack(zone[way])
    return packed


def forward(
    x: Tensor,
    lengths: Tensor | None,
    state: Sequence[Tensor],
    flat: Sequence[Tensor],
    masks: Sequence[Tensor | None],
    what: Call,
    buffer: Tensor | None,
) -> list[Tensor]:
    """Run a layer: y (T, B, D*P), the final states and, if asked for, every c_t.

    `buffer` takes what the backward pass will read, None where there will be none.
    Raises: ValueError for a length outside 1..T.
    """
    steps, count, inputs = x.shape
    rows, weights, names = lay_out(steps, count, lengths), what.weights(flat), STATES[what.operation]
    size, width, outputs = rows.size, weights[0]["weight_ih"].shape[0], state[0].shape[2]
    hidden, training = width // GATES[what.operation], buffer is not None
    packed, starts = rows.pack(x), [rows.sort(s) for s in state]
    block = kept(what, steps * count, hidden)
    if buffer is None:
        working = pool.take(block.numbers, x)
        addresses = {n: a for n, a in block.addresses(working).items() if n[:-1] == "gates" or (what.cells and n == "c")}
    else:
        working, addresses = buffer, block.addresses(buffer)
    y, last = x.new_empty(size, what.ways * outputs), [torch.empty_like(s) for s in starts]
    ways, alive = [], []
    for w, weight in enumerate(weights):
        way: dict[str, Tensor | int | None] = {name: weight[name] for name in _IN_KERNEL if name in weight}
        way |= _own(addresses, w)
        if "gain_ih" in weight or width * inputs * size > _OWN_PRODUCTS:
            _input_product(packed.view(size, inputs), weight, block, working, w, training)
        else:
            way["weight_ih"], way["bias_ih"] = weight["weight_ih"], weight.get("bias_ih")
        around = _masks(rows, masks, w)
        alive.append(around)
        way |= around
        for name, first, end in zip(names, starts, last, strict=True):
            stride = count * first.shape[2]
            way[f"{name}_0"], way[f"{name}_n"] = _part(first, w, stride), _part(end, w, stride)
            if name in addresses:
                way[name] = addresses[name] + w * hidden * x.element_size()
        way["y"] = _part(y, w, outputs)
        ways.append(way)
    sizes = what.sizes(rows, inputs, hidden, outputs, training)
    call(f"{what.operation}_forward", x.dtype, sizes, rows.begin, packed, ways)
    results = [rows.unpack(y), *(rows.unsort(s) for s in last)]
    if what.cells:
        # A copy, because the caller may change what it gets, and the backward pass must not see that.
        results.append(rows.unpack(block.view(working, "c")[:size].clone()))
    if buffer is None:
        pool.give(working)
    return results


def _input_product(
    x: Tensor, weight: dict[str, Tensor], block: Block, buffer: Tensor, way: int, training: bool
) -> None:
    """W_ih x + b_ih by torch, with layer norm or without, into the gates."""
    size, product, bias = len(x), weight["weight_ih"].t(), weight.get("bias_ih")
    gates = block.view(buffer, f"gates{way}")[:size]
    if "gain_ih" not in weight:
        if bias is None:
            torch.mm(x, product, out=gates)
        else:
            torch.addmm(bias, x, product, out=gates)
        return
    raw = x @ product
    normal, mean, deviation = torch.native_layer_norm(raw, [raw.shape[1]], weight["gain_ih"], bias, EPSILON)
    gates.copy_(normal)
    if training:
        for name, found in (("raw", raw), ("mean", mean), ("deviation", deviation)):
            block.view(buffer, f"{name}{way}")[:size].copy_(found)


def backward(
    x: Tensor,
    lengths: Tensor | None,
    state: Sequence[Tensor],
    flat: Sequence[Tensor],
    masks: Sequence[Tensor | None],
    what: Call,
    y: Tensor,
    buffer: Tensor,
    d_results: Sequence[Tensor | None],
    needs_x: bool,
) -> list[Tensor | None]:
    """The gradients of x, the states and the flat weights, from those of the results."""
    steps, count, inputs = x.shape
    rows, weights, names = lay_out(steps, count, lengths), what.weights(flat), STATES[what.operation]
    size, width, outputs = rows.size, weights[0]["weight_ih"].shape[0], state[0].shape[2]
    hidden, item = width // GATES[what.operation], x.element_size()
    packed, starts = rows.pack(x), [rows.sort(s) for s in state]
    d_y, *d_last = d_results
    d_cells = d_last.pop() if what.cells else None
    d_y = torch.zeros_like(y) if d_y is None else d_y
    d_y, y, d_cells = rows.pack(d_y), rows.pack(y), None if d_cells is None else rows.pack(d_cells)
    d_ends = [None if d is None else rows.sort(d) for d in d_last]
    d_starts = [torch.empty_like(s) for s in starts]
    sizes = what.sizes(rows, inputs, hidden, outputs, True)
    block = kept(what, steps * count, hidden)
    addresses = block.addresses(buffer)
    own_input, own_state = width * inputs * size <= _OWN_PRODUCTS, width * outputs * size <= _OWN_PRODUCTS
    own_state = own_state and what.heads == 1 and what.reset == "after"
    working = _working(what, steps * count, hidden, outputs, sizes[7])
    ways: list[dict[str, Tensor | int | None]] = []
    made: list[dict[str, Tensor]] = []
    rooms, alive = [], []
    for w, weight in enumerate(weights):
        room = pool.take(working.numbers, x)
        rooms.append(room)
        way: dict[str, Tensor | int | None] = {name: weight[name] for name in _IN_KERNEL if name in weight}
        way |= _own(addresses, w) | working.addresses(room)
        norm = "gain_ih" in weight
        out = {}
        for name in ("weight_ch", "gain_c", "bias_c", "gain_hh", *(["bias_hh"] if norm else [])):
            if name in weight:
                out[f"d_{name}"] = x.new_empty(sizes[7], len(weight[name]))
        if "bias_ih" in weight and not norm:
            out["d_input_bias"] = x.new_empty(width)
            if "bias_hh" in weight and "d_product" in working.parts:
                out["d_product_bias"] = x.new_empty(width)
        if own_input and not norm:
            out["d_weight_ih"] = torch.empty_like(weight["weight_ih"])
            if needs_x:
                out["d_x"], way["weight_ih"] = x.new_empty(size, inputs), weight["weight_ih"]
        if own_state:
            out["d_weight_hh"] = torch.empty_like(weight["weight_hh"])
        way |= out
        around = _masks(rows, masks, w)
        alive.append(around)
        way |= around
        for name, first, d_first, d_end in zip(names, starts, d_starts, d_ends, strict=True):
            stride = count * first.shape[2]
            way[f"{name}_0"], way[f"d_{name}_0"] = _part(first, w, stride), _part(d_first, w, stride)
            way[f"d_{name}_n"] = None if d_end is None else _part(d_end, w, stride)
            if name in addresses:
                way[name] = addresses[name] + w * hidden * item
        way["y"], way["d_y"] = _part(y, w, outputs), _part(d_y, w, outputs)
        way["d_cells"] = None if d_cells is None else _part(d_cells, w, hidden)
        ways.append(way)
        made.append(out)
    call(f"{what.operation}_backward", x.dtype, sizes, rows.begin, packed, ways)

    d_x: Tensor | None = None
    d_weights: list[Tensor | None] = []
    flat_x = packed.view(size, inputs)
    for w, (weight, out, room) in enumerate(zip(weights, made, rooms, strict=True)):

        def of(name: str, room: Tensor = room) -> Tensor:
            return working.view(room, name)[:size]

        d_input = None if "d_weight_ih" in out else of("d_gates")
        if "gain_ih" in weight:
            statistics = [block.view(buffer, f"{name}{w}")[:size] for name in ("raw", "mean", "deviation")]
            d_input = _unnormalise(of("d_gates"), weight, statistics, out)
        if d_input is not None:
            out["d_weight_ih"] = d_input.t() @ flat_x
            if needs_x:
                out["d_x"] = d_input @ weight["weight_ih"]
        if not own_state:
            product = of("d_product" if "d_product" in working.parts else "d_gates")
            reset = of("reset") if "reset" in working.parts else None
            out["d_weight_hh"] = _of_recurrent_weight(product, of("before"), reset, what.heads)
        if "weight_hr" in weight:
            out["d_weight_hr"] = of("d_projected").t() @ block.view(buffer, f"unprojected{w}")[:size]
        if "d_input_bias" in out:
            out["d_bias_ih"] = out["d_input_bias"]
            out["d_bias_hh"] = out.get("d_product_bias", out["d_input_bias"])
        for name in ("weight_ch", "gain_hh", "gain_c", "bias_c", *(["bias_hh"] if "gain_hh" in weight else [])):
            if f"d_{name}" in out:
                out[f"d_{name}"] = out[f"d_{name}"].sum(0)
        d_weights += [out[f"d_{name}"] for name in _names(what.fields)]
        if needs_x:
            d_x = out["d_x"] if d_x is None else d_x + out["d_x"]
        pool.give(room)
    return [None if d_x is None else rows.unpack(d_x), *(rows.unsort(d) for d in d_starts), *d_weights]


def _unnormalise(
    d_gates: Tensor, weight: dict[str, Tensor], statistics: Sequence[Tensor], out: dict[str, Tensor]
) -> Tensor:
    """Through the layer norm of W_ih x: the gradient of that product; those of gain and bias go into `out`."""
    raw, mean, deviation = statistics
    gain, bias = weight["gain_ih"], weight.get("bias_ih")
    d_raw, out["d_gain_ih"], d_bias = torch.ops.aten.native_layer_norm_backward(
        d_gates, raw, [len(gain)], mean, deviation, gain, bias, [True, True, bias is not None]
    )
    if bias is not None:
        out["d_bias_ih"] = d_bias
    return d_raw


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
