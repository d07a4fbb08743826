"""The gated cells on the native library: the recurrence in C++, the largest products torch's own."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from elman.kernels import abi, library, pool
from elman.kernels.abi import SUFFIX
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


@cache
def _names(fields: str) -> tuple[str, ...]:
    return tuple(_FIELDS[int(number)] for number in fields)


class Shape(NamedTuple):
    """A layer's sizes: N packed rows, F inputs, H hidden units, P outputs, G*H rows in a weight."""

    size: int
    inputs: int
    hidden: int
    outputs: int
    width: int


def shape_of(what: Call, size: int, x: Tensor, state: Sequence[Tensor], flat: Sequence[Tensor]) -> Shape:
    """The sizes of this layer over so many packed rows."""
    width = flat[0].shape[0]
    return Shape(size, x.shape[2], width // GATES[what.operation], state[0].shape[2], width)


class Block(NamedTuple):
    """Several matrices of N rows in one flat buffer, by name and way: where each begins, and its columns."""

    numbers: int
    parts: dict[tuple[str, int], tuple[int, int]]
    places: list[tuple[int, int]]  # among the words of a call, and the number at which the matrix begins there

    def enter(self, words: list[int], buffer: Tensor) -> None:
        """Write the addresses of all matrices in this buffer."""
        base, item = buffer.data_ptr(), buffer.element_size()
        for place, at in self.places:
            words[place] = base + at * item

    def view(self, buffer: Tensor, name: str, way: int, size: int) -> Tensor:
        """The first `size` rows of one of the matrices."""
        at, columns = self.parts[name, way]
        return buffer.as_strided((size, columns), (columns, 1), at)


_FOR_TORCH = ("raw", "mean", "deviation")  # the kernel does not read these


def _block(size: int, ways: int, shared: dict[str, int], own: dict[str, int]) -> Block:
    """Lay out matrices that all ways share, of so many columns each, and others that each way has for itself."""
    parts, places, at = {}, [], 0
    for name, columns in shared.items():
        parts[name, 0] = (at, columns * ways)
        places += [(abi.place(name, w), at + w * columns) for w in range(ways)]
        at += (size * columns * ways + 15) // 16 * 16  # each begins at a cache line
    for w in range(ways):
        for name, columns in own.items():
            parts[name, w] = (at, columns)
            if name not in _FOR_TORCH:
                places.append((abi.place(name, w), at))
            at += (size * columns + 15) // 16 * 16
    return Block(at, parts, places)


def block_of_kept(what: Call, size: int, hidden: int, training: bool) -> Block:
    """What the forward pass writes beside its results; in training the backward pass reads it."""
    names, width = _names(what.fields), GATES[what.operation] * hidden
    # An sLSTM's m is not read again.
    shared = dict.fromkeys(STATES[what.operation][1:3] if training else "c" * what.cells, hidden)
    own = {"gates": width}
    if training and what.operation == "gru" and what.reset == "after":
        own["unreset"] = hidden
    if training and "weight_hr" in names:
        own["unprojected"] = hidden
    if training and "gain_hh" in names:
        own |= {"normal": width, "scale": 1, "raw": width, "mean": 1, "deviation": 1}
    return _block(size, what.ways, shared, own)


kept = lru_cache(256)(block_of_kept)


@lru_cache(256)
def _working(what: Call, shape: Shape) -> Block:
    """What the backward pass writes and nobody reads after it."""
    names = _names(what.fields)
    own = {"d_gates": shape.width, "before": shape.outputs}
    if "gain_hh" in names or (what.operation == "gru" and what.reset == "after"):
        own["d_product"] = shape.width
    if what.reset == "before":
        own["reset"] = shape.outputs
    if "weight_hr" in names:
        own["d_projected"] = shape.outputs
    return _block(shape.size, what.ways, {}, own)


class Sheet(NamedTuple):
    """Who makes which product, and where among the words of a call the tensors' addresses go."""

    own_input: bool  # W_ih x, and its gradients, in the kernel
    own_state: bool  # the gradient of W_hh in the kernel
    weights: list[tuple[int, int]]  # place, and which of the flat weights
    gradients: list[tuple[int, int]]  # place, and of which of the flat weights


@lru_cache(256)
def _sheet(what: Call, shape: Shape) -> Sheet:
    names = _names(what.fields)
    norm = "gain_ih" in names
    own_input = not norm and shape.width * shape.inputs * shape.size <= _OWN_PRODUCTS
    own_state = shape.width * shape.outputs * shape.size <= _OWN_PRODUCTS
    own_state = own_state and what.heads == 1 and what.reset == "after"
    in_kernel = {*_IN_KERNEL, *(("weight_ih", "bias_ih") if own_input else ())}
    products = {"weight_ih"} if own_input else set()
    products |= {"weight_hh"} if own_state else set()
    weights, gradients = [], []
    for w in range(what.ways):
        for number, name in enumerate(names, w * len(names)):
            if name in in_kernel:
                weights.append((abi.place(name, w), number))
            if name in products:
                gradients.append((abi.place(f"d_{name}", w), number))
            elif name == "bias_ih" and not norm:
                gradients.append((abi.place("d_input_bias", w), number))
            elif name == "bias_hh" and not norm and what.operation == "gru" and what.reset == "after":
                gradients.append((abi.place("d_product_bias", w), number))
    return Sheet(own_input, own_state, weights, gradients)


def _enter_sizes(words: list[int], what: Call, rows: Rows, shape: Shape, training: bool) -> int:
    """Write the sizes, and return how many tasks each way's rows are dealt to."""
    work = shape.size * shape.width * shape.outputs // what.heads * what.ways
    threads = torch.get_num_threads() if work >= _WORTH_A_THREAD else 1
    tasks = max(1, min(rows.count, -(-threads // what.ways)))
    words[: len(abi.SIZES) + 1] = (
        rows.steps, rows.count, shape.inputs, shape.hidden, shape.outputs, what.heads, what.ways, tasks,
        what.ways * shape.outputs, what.ways * shape.hidden, training, _ACTIVATIONS.index(what.activation),
        what.reset == "before", _bits(what.clip), rows.begin.data_ptr(),
    )  # fmt: skip
    return tasks


_bits = cache(abi.bits)


@cache
def _state_places(what: Call, pattern: str) -> list[list[int]]:
    return [[abi.place(pattern.format(name), w) for w in range(what.ways)] for name in STATES[what.operation]]


def _enter_states(words: list[int], what: Call, pattern: str, states: Sequence[Tensor | None]) -> None:
    """Write the addresses of states (D, B, .), each way's part its own."""
    for places, state in zip(_state_places(what, pattern), states, strict=True):
        if state is not None:
            words[places[0]] = at = state.data_ptr()
            if len(places) == 2:
                words[places[1]] = at + state[0].numel() * state.element_size()


def _enter_columns(words: list[int], what: Call, name: str, tensor: Tensor, columns: int) -> None:
    """Write the addresses of a matrix of all ways' columns, side by side."""
    at = tensor.data_ptr()
    for w in range(what.ways):
        words[abi.place(name, w)] = at + w * columns * tensor.element_size()


def _enter_masks(words: list[int], what: Call, rows: Rows, masks: Sequence[Tensor | None]) -> list[Tensor]:
    """Write the addresses of the masks as the packed rows need them; the tensors must outlive the call."""
    packed = []
    for name, mask in zip(("drop", "zone_h", "zone_c"), masks, strict=True):
        if mask is not None:
            for w in range(what.ways):
                packed.append(rows.sort(mask)[w] if name == "drop" else rows.pack(mask[w]))
                words[abi.place(name, w)] = packed[-1].data_ptr()
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
    training = buffer is not None
    rows = lay_out(x.shape[0], x.shape[1], lengths)
    shape = shape_of(what, rows.size, x, state, flat)
    sheet, block = _sheet(what, shape), kept(what, rows.steps * rows.count, shape.hidden, training)
    packed, starts = rows.pack(x), [rows.sort(s) for s in state]
    working = pool.take(block.numbers, x) if buffer is None else buffer
    y, last = x.new_empty(rows.size, what.ways * shape.outputs), [torch.empty_like(s) for s in starts]

    words = abi.blank(what.ways)
    _enter_sizes(words, what, rows, shape, training)
    words[len(abi.SIZES) + 1] = packed.data_ptr()
    for place, number in sheet.weights:
        words[place] = flat[number].data_ptr()
    block.enter(words, working)
    _enter_states(words, what, "{}_0", starts)
    _enter_states(words, what, "{}_n", last)
    _enter_columns(words, what, "y", y, shape.outputs)
    alive = _enter_masks(words, what, rows, masks) if any([mask is not None for mask in masks]) else []
    if not sheet.own_input:
        for w, weight in enumerate(what.weights(flat)):
            _input_product(packed.view(shape.size, shape.inputs), weight, block, working, w, training)
    abi.call(f"{what.operation}_forward", x.dtype, words)
    del alive

    results = [rows.unpack(y), *([rows.unsort(s) for s in last])]
    if what.cells:
        # A copy, because the caller may change what it gets, and the backward pass must not see that.
        results.append(rows.unpack(block.view(working, "c", 0, shape.size).clone()))
    if buffer is None:
        pool.give(working)
    return results


def _input_product(
    x: Tensor, weight: dict[str, Tensor], block: Block, buffer: Tensor, way: int, training: bool
) -> None:
    """W_ih x + b_ih by torch, with layer norm or without, into the gates."""
    size, product, bias = len(x), weight["weight_ih"].t(), weight.get("bias_ih")
    gates = block.view(buffer, "gates", way, size)
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
        for name, found in zip(_FOR_TORCH, (raw, mean, deviation), strict=True):
            block.view(buffer, name, way, size).copy_(found)


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
    rows = lay_out(x.shape[0], x.shape[1], lengths)
    shape = shape_of(what, rows.size, x, state, flat)
    sheet, block = _sheet(what, shape), kept(what, rows.steps * rows.count, shape.hidden, True)
    packed, starts = rows.pack(x), [rows.sort(s) for s in state]
    d_y, *d_last = d_results
    d_cells = d_last.pop() if what.cells else None
    y, d_y = rows.pack(y), rows.pack(torch.zeros_like(y) if d_y is None else d_y)
    d_ends = [None if d is None else rows.sort(d) for d in d_last]
    d_starts = [torch.empty_like(s) for s in starts]
    d_flat: list[Tensor | None] = [None] * len(flat)
    working = _working(what, shape)
    room = pool.take(working.numbers, x)

    words = abi.blank(what.ways)
    tasks = _enter_sizes(words, what, rows, shape, True)
    words[len(abi.SIZES) + 1] = packed.data_ptr()
    for place, number in sheet.weights:
        words[place] = flat[number].data_ptr()
    block.enter(words, buffer)
    working.enter(words, room)
    _enter_states(words, what, "{}_0", starts)
    _enter_states(words, what, "d_{}_0", d_starts)
    _enter_states(words, what, "d_{}_n", d_ends)
    _enter_columns(words, what, "y", y, shape.outputs)
    _enter_columns(words, what, "d_y", d_y, shape.outputs)
    if d_cells is not None:
        d_cells = rows.pack(d_cells)
        _enter_columns(words, what, "d_cells", d_cells, shape.hidden)
    alive = _enter_masks(words, what, rows, masks) if any([mask is not None for mask in masks]) else []
    for place, number in sheet.gradients:
        d_flat[number] = made = torch.empty_like(flat[number])
        words[place] = made.data_ptr()
    d_inputs = []
    if needs_x and sheet.own_input:
        d_inputs = [x.new_empty(shape.size, shape.inputs) for _ in range(what.ways)]
        for w, d in enumerate(d_inputs):
            words[abi.place("d_x", w)] = d.data_ptr()
    shares = _enter_shares(words, what, flat, tasks)
    abi.call(f"{what.operation}_backward", x.dtype, words)
    del alive

    for number, share in shares:
        d_flat[number] = share.sum(0)
    names = _names(what.fields)
    if "bias_hh" in names and "gain_hh" not in names:
        for w in range(what.ways):
            at = w * len(names)
            if d_flat[at + names.index("bias_hh")] is None:
                d_flat[at + names.index("bias_hh")] = d_flat[at + names.index("bias_ih")]
    if not (sheet.own_input and sheet.own_state) or "weight_hr" in names:

        def of(name: str, way: int) -> Tensor:
            from_kept = (name, way) in block.parts
            return (block if from_kept else working).view(buffer if from_kept else room, name, way, shape.size)

        d_inputs += _large_products(packed.view(shape.size, shape.inputs), what, flat, d_flat, sheet, working, of, needs_x)
    pool.give(room)
    d_x = None
    for d in d_inputs:
        d_x = d if d_x is None else d_x + d
    return [None if d_x is None else rows.unpack(d_x), *[rows.unsort(d) for d in d_starts], *d_flat]


def _enter_shares(words: list[int], what: Call, flat: Sequence[Tensor], tasks: int) -> list[tuple[int, Tensor]]:
    """Room for what each task sums up by itself: which of the flat weights, and the (tasks, .) tensor."""
    names = _names(what.fields)
    summed = ["weight_ch", "gain_c", "bias_c", "gain_hh", *(["bias_hh"] if "gain_hh" in names else [])]
    shares = []
    for w in range(what.ways):
        for number, name in enumerate(names, w * len(names)):
            if name in summed:
                share = flat[number].new_empty(tasks, len(flat[number]))
                words[abi.place(f"d_{name}", w)] = share.data_ptr()
                shares.append((number, share))
    return shares


def _large_products(
    x: Tensor,
    what: Call,
    flat: Sequence[Tensor],
    d_flat: list[Tensor | None],
    sheet: Sheet,
    working: Block,
    of: Callable[[str, int], Tensor],
    needs_x: bool,
) -> list[Tensor]:
    """The gradients that are torch's to compute: of weights into `d_flat`, and each way's of x."""
    names, d_inputs = _names(what.fields), []
    for w, weight in enumerate(what.weights(flat)):
        found: dict[str, Tensor] = {}
        if not sheet.own_input:
            d_input = of("d_gates", w)
            if "gain_ih" in weight:
                d_input = _unnormalise(d_input, weight, [of(name, w) for name in _FOR_TORCH], found)
            found["weight_ih"] = d_input.t() @ x
            if needs_x:
                d_inputs.append(d_input @ weight["weight_ih"])
        if not sheet.own_state:
            product = of("d_product" if ("d_product", w) in working.parts else "d_gates", w)
            reset = of("reset", w) if what.reset == "before" else None
            found["weight_hh"] = _of_recurrent_weight(product, of("before", w), reset, what.heads)
        if "weight_hr" in weight:
            found["weight_hr"] = of("d_projected", w).t() @ of("unprojected", w)
        for name, gradient in found.items():
            d_flat[w * len(names) + names.index(name)] = gradient
    return d_inputs


def _unnormalise(
    d_gates: Tensor, weight: dict[str, Tensor], statistics: Sequence[Tensor], found: dict[str, Tensor]
) -> Tensor:
    """Through the layer norm of W_ih x: the gradient of that product; those of gain and bias go into `found`."""
    raw, mean, deviation = statistics
    gain, bias = weight["gain_ih"], weight.get("bias_ih")
    d_raw, found["gain_ih"], d_bias = torch.ops.aten.native_layer_norm_backward(
        d_gates, raw, [len(gain)], mean, deviation, gain, bias, [True, True, bias is not None]
    )
    if bias is not None:
        found["bias_ih"] = d_bias
    return d_raw


def _of_recurrent_weight(d_product: Tensor, before: Tensor, reset: Tensor | None, heads: int) -> Tensor:
    if reset is not None:
        gates = 2 * before.shape[1]
        return torch.cat([d_product[:, :gates].t() @ before, d_product[:, gates:].t() @ reset])
    if heads == 1:
        return d_product.t() @ before
    # A product for each gate over all heads, whose strides BLAS takes as they are: copying costs more than multiplying.
    blocks = (heads, before.shape[1] // heads)
    seen = before.unflatten(1, blocks).transpose(0, 1)
    by_gate = d_product.unflatten(1, (-1, *blocks)).permute(1, 2, 3, 0)
    return torch.cat([(d @ seen).flatten(0, 1) for d in by_gate])
