"""The gated cells on the native library: what a layer's tensors are, entered into one call each way."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from elman.kernels import abi, library, pool, precision
from elman.kernels.abi import SUFFIX
from elman.kernels.options import Options
from elman.kernels.rows import Rows, lay_out
from elman.kernels.weights import Weights

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "slstm": 4}
STATES = {"rnn": "h", "lstm": "hc", "gru": "h", "slstm": "hcnm"}
_ACTIVATIONS = ("tanh", "relu", "sigmoid")
_FIELDS = Weights._fields[:-1]  # no cell here has a decay

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
    return "no native library is loaded" if library.native() is None else None


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
            places.append((abi.place(name, w), at))
            at += (size * columns + 15) // 16 * 16
    return Block(at, parts, places)


def block_of_kept(what: Call, size: int, hidden: int, training: bool) -> Block:
    """What the forward pass writes beside its results; in training the backward pass reads it."""
    names, width = _names(what.fields), GATES[what.operation] * hidden
    # An sLSTM's m is not read again.
    shared = dict.fromkeys(STATES[what.operation][1:3] if training else "c" * what.cells, hidden)
    own = {"gates": width} if training else {}
    if training and what.operation == "gru" and what.reset == "after":
        own["unreset"] = hidden
    if training and "weight_hr" in names:
        own["unprojected"] = hidden
    if training and "gain_hh" in names:
        own |= {"normal_ih": width, "scale_ih": 1, "normal_hh": width, "scale_hh": 1}
    return _block(size, what.ways, shared, own)


kept = lru_cache(256)(block_of_kept)


class Sheet(NamedTuple):
    """Where among the words of a call the weights' addresses go, and their gradients': place, and which of the flat
    weights. A second bias that is added to the first one has its gradient: (which, whose)."""

    weights: list[tuple[int, int]]
    gradients: list[tuple[int, int]]
    shared: list[tuple[int, int]]


@lru_cache(256)
def _sheet(what: Call) -> Sheet:
    names = _names(what.fields)
    added = "gain_ih" not in names and not (what.operation == "gru" and what.reset == "after")
    sheet = Sheet([], [], [])
    for w in range(what.ways):
        first = w * len(names)
        for number, name in enumerate(names, first):
            sheet.weights.append((abi.place(name, w), number))
            if name == "bias_hh" and added:
                sheet.shared.append((number, first + names.index("bias_ih")))
            else:
                sheet.gradients.append((abi.place(f"d_{name}", w), number))
    return sheet


def _enter_sizes(words: list[int], what: Call, rows: Rows, shape: Shape, training: bool, half: bool) -> int:
    """Write the sizes, and return how many tasks each way's rows are dealt to."""
    work = shape.size * shape.width * shape.outputs // what.heads * what.ways
    threads = torch.get_num_threads() if work >= _WORTH_A_THREAD else 1
    tasks = max(1, min(rows.batch, -(-threads // what.ways)))
    words[: len(abi.SIZES) + 1] = (
        rows.steps, rows.batch, shape.inputs, shape.hidden, shape.outputs, what.heads, what.ways, tasks,
        what.ways * shape.outputs, what.ways * shape.hidden, training, _ACTIVATIONS.index(what.activation),
        what.reset == "before", half, _bits(what.clip), rows.begin.data_ptr(),
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
    sheet, block = _sheet(what), kept(what, rows.steps * rows.batch, shape.hidden, training)
    packed, starts = rows.pack(x), [rows.sort(s) for s in state]
    working = pool.take(block.numbers, x) if buffer is None else buffer
    y, last = x.new_empty(rows.size, what.ways * shape.outputs), [torch.empty_like(s) for s in starts]

    words = abi.blank(what.ways)
    _enter_sizes(words, what, rows, shape, training, precision.in_bfloat16(x.dtype))
    words[len(abi.SIZES) + 1] = packed.data_ptr()
    for place, number in sheet.weights:
        words[place] = flat[number].data_ptr()
    block.enter(words, working)
    _enter_states(words, what, "{}_0", starts)
    _enter_states(words, what, "{}_n", last)
    _enter_columns(words, what, "y", y, shape.outputs)
    alive = _enter_masks(words, what, rows, masks) if any(mask is not None for mask in masks) else []
    abi.call(f"{what.operation}_forward", x.dtype, words)
    del alive

    results = [rows.unpack(y), *([rows.unsort(s) for s in last])]
    if what.cells:
        # A copy, because the caller may change what it gets, and the backward pass must not see that.
        results.append(rows.unpack(block.view(working, "c", 0, shape.size).clone()))
    if buffer is None:
        pool.give(working)
    return results


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
    sheet, block = _sheet(what), kept(what, rows.steps * rows.batch, shape.hidden, True)
    packed, starts = rows.pack(x), [rows.sort(s) for s in state]
    d_y, *d_last = d_results
    d_cells = d_last.pop() if what.cells else None
    y, d_y = rows.pack(y), rows.pack(torch.zeros_like(y) if d_y is None else d_y)
    d_ends = [None if d is None else rows.sort(d) for d in d_last]
    d_starts = [torch.empty_like(s) for s in starts]
    words = abi.blank(what.ways)
    tasks = _enter_sizes(words, what, rows, shape, True, precision.in_bfloat16(x.dtype))
    words[len(abi.SIZES) + 1] = packed.data_ptr()
    for place, number in sheet.weights:
        words[place] = flat[number].data_ptr()
    block.enter(words, buffer)
    _enter_states(words, what, "{}_0", starts)
    _enter_states(words, what, "d_{}_0", d_starts)
    _enter_states(words, what, "d_{}_n", d_ends)
    _enter_columns(words, what, "y", y, shape.outputs)
    _enter_columns(words, what, "d_y", d_y, shape.outputs)
    if d_cells is not None:
        d_cells = rows.pack(d_cells)
        _enter_columns(words, what, "d_cells", d_cells, shape.hidden)
    alive = _enter_masks(words, what, rows, masks) if any(mask is not None for mask in masks) else []
    shares: list[Tensor | None] = [None] * len(flat)
    for place, number in sheet.gradients:
        weight = flat[number]
        shares[number] = made = torch.empty_like(weight) if tasks == 1 else x.new_empty(tasks, *weight.shape)
        words[place] = made.data_ptr()
    d_inputs = [x.new_empty(shape.size, shape.inputs) for _ in range(what.ways * needs_x)]
    for w, d in enumerate(d_inputs):
        words[abi.place("d_x", w)] = d.data_ptr()
    abi.call(f"{what.operation}_backward", x.dtype, words)
    del alive

    d_flat = shares if tasks == 1 else [None if share is None else share.sum(0) for share in shares]
    for number, whose in sheet.shared:
        d_flat[number] = d_flat[whose]
    d_x: Tensor | None = None
    if needs_x:
        d_x = rows.unpack(d_inputs[0] if what.ways == 1 else d_inputs[0] + d_inputs[1])
    return [d_x, *[rows.unsort(d) for d in d_starts], *d_flat]
