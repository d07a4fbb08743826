"""The one recurrent stack: layers, directions, dropout, masks, residual sums and ragged rows around the kernels."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from elman import kernels
from elman.kernels import Options, Packing, State, Weights
from elman.kernels.slots import TOGETHER, Slots
from elman.kernels.stepper import Stepper, stepper
from elman.nn.cells import CELLS, EXTRAS, parameter_shapes, start
from elman.nn.checks import check_input, check_options, checked_lengths, checked_state, zoneout_pair

CUDNN = ("RNN_TANH", "RNN_RELU", "LSTM", "GRU")


class Recurrent(nn.Module):
    """A stack of L recurrent layers in D directions; use it through `RNN`, `LSTM`, `GRU` and the modern cells.

    Layer l reads x_l and gives y_l (B, T, D*H), both directions side by side; the next one reads
    x_{l+1} = dropout(y_l), or x_l + dropout(y_l) with `residual` wherever the two have the same size. The
    last layer has no dropout. Parameters, their names, order and initial values are torch.nn's.

    RNN, LSTM and GRU also have these, h~_t being what the cell would give, P the size of h:

        recurrent_dropout p   W_hh reads m * h_{t-1}, m (B, P) from {0, 1/(1-p)}, one draw for all t; training only
        zoneout p             h_t = z h_{t-1} + (1 - z) h~_t, z (B, P) drawn at every t, P(z = 1) = p; in evaluation
                              z = p. An LSTM does the same to c, with another p where it is given (p_h, p_c)
        layer_norm            g_ih N(W_ih x_t) + b_ih + g_hh N(W_hh h_{t-1}) + b_hh takes the place of the plain sum,
                              N(v) = (v - mean) / sqrt(var + 1e-5) over all gates; an LSTM's h~_t is then
                              o tanh(g_c N(c_t) + b_c). Without `bias` there is no b
        clip                  every pre-activation is held in [-clip, clip]; beyond, its gradient is 0

    Raises: TypeError or ValueError for a size or an option that is not usable.
    Source: Gal and Ghahramani, arXiv:1512.05287; Krueger et al., arXiv:1606.01305; Ba et al., arXiv:1607.06450.
    """

    weight_ih_l0: Tensor

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        residual: bool = False,
        heads: int = 1,
        peephole: bool = False,
        layer_norm: bool = False,
        zoneout: float | tuple[float, float] = 0.0,
        recurrent_dropout: float = 0.0,
        clip: float | None = None,
        reset_after: bool = True,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.residual = residual
        self.heads = heads
        self.peephole = peephole
        self.layer_norm = layer_norm
        self.zoneout = zoneout
        self.recurrent_dropout = recurrent_dropout
        self.clip = clip
        self.reset_after = reset_after
        check_options(self)
        self.dropout = float(dropout)
        if dropout and num_layers == 1:
            warnings.warn(
                f"dropout is {dropout}, but it acts between layers and num_layers is 1: raise it or set 0",
                stacklevel=3,
            )
        self._names = self._add_parameters({"device": device, "dtype": dtype})
        self.flatten_parameters()
        self.reset_parameters()

    def _add_parameters(self, factory: dict[str, Any]) -> list[list[list[str | None]]]:
        """Register the parameters; return their names by layer and direction, in the order of `Weights`."""
        ways = ["", "_reverse"] if self.bidirectional else [""]
        all_names = []
        for layer in range(self.num_layers):
            shapes = parameter_shapes(self, self._out * len(ways) if layer else self.input_size)
            names = [[f"{kind}_l{layer}{way}" if shapes[kind] else None for kind in shapes] for way in ways]
            for way in names:
                for name, shape in zip(way, shapes.values(), strict=True):
                    if name and shape:
                        self.register_parameter(name, nn.Parameter(torch.empty(shape, **factory)))
            all_names.append(names)
        return all_names

    def reset_parameters(self) -> None:
        """Draw every parameter as torch.nn does, from U(-1/√H, 1/√H); gains are 1, and `start` names the others."""
        for name, parameter in self.named_parameters():
            start(name, parameter, self.hidden_size)

    @property
    def _out(self) -> int:
        return self.proj_size or self.hidden_size

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters, one list for each layer and direction."""
        return [[getattr(self, name) for name in way if name] for layer in self._names for way in layer]

    def flatten_parameters(self) -> None:
        """Lay each layer's parameters in one block of memory, as cuDNN wants them; elsewhere do nothing."""
        for layer in self._names:
            weights = [getattr(self, name) for way in layer for name in way if name]
            known = all(w.is_cuda and torch.backends.cudnn.is_acceptable(w) for w in weights)
            if not known or self.mode not in CUDNN or self.peephole or self.layer_norm:
                return
            if len({w.dtype for w in weights}) > 1:
                return
            if len({w.data_ptr() for w in weights}) < len(weights):
                return  # tied weights cannot lie in two places
            with torch.no_grad(), torch.cuda.device_of(weights[0]):
                torch._cudnn_rnn_flatten_weight(
                    weights,
                    len(weights) // len(layer),
                    weights[0].shape[1],
                    torch.backends.cudnn.rnn.get_cudnn_mode(self.mode),
                    self.hidden_size,
                    self.proj_size,
                    1,
                    self.batch_first,
                    self.bidirectional,
                )

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Recurrent":
        super()._apply(fn, recurse)
        self.flatten_parameters()
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.flatten_parameters()

    def extra_repr(self) -> str:
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0}
        usual |= {"bidirectional": False, "residual": False} | EXTRAS
        changed = [f"{name}={getattr(self, name)}" for name in usual if getattr(self, name) != usual[name]]
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | tuple[Tensor, ...] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        cells: bool = False,
    ) -> tuple[Any, ...]:
        """Run the stack over a batch of sequences.

        Shapes: input (T, B, F), (B, T, F) with batch_first, (T, F) for one sequence, or a PackedSequence; hx
        is h_0, an LSTM's (h_0, c_0), an sLSTM's (h_0, c_0, n_0, m_0), zero (m_0 -inf) where not given: (L*D, B, H), or
        (L*D, H) for one sequence, and h has P in place of H with a projection. lengths (B,) of integers in
        1..T, in any order, says where each row of a padded input ends: past it outputs are zero, and the final
        state is the one at the row's end.
        Returns the output, (T, B, D*H) in the form of the input, and h_n, an LSTM's (h_n, c_n), an sLSTM's
        four: the cells' own states, without residual sums. With `cells`, an LSTM's third result is every c_t
        of its last layer, (T, B, D*H) in the form of the input.
        Raises: as torch.nn does, ValueError, TypeError or RuntimeError for an input, a state or lengths that
        do not fit.
        """
        if cells and self.mode != "LSTM":
            raise ValueError(f"cells is {cells!r}, but {self.mode} keeps no c_t for it: leave it out, or use an LSTM")
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ValueError("lengths are given, but a PackedSequence carries its own: leave them out")
            return self._forward_packed(input, hx, cells)
        if not isinstance(input, Tensor):
            raise TypeError(f"input is of type {type(input).__name__}, but a Tensor is needed: convert it")
        weight = self.weight_ih_l0
        check_input(input, self.input_size, weight)
        batched = input.dim() == 3
        turned = batched and self.batch_first
        x = input.transpose(0, 1) if turned else input if batched else input.unsqueeze(1)
        steps, rows = x.shape[:2]
        if steps == 0:
            raise RuntimeError("input has T=0 time steps, but 1 or more are needed: drop the empty sequences")
        if lengths is not None:
            lengths = checked_lengths(lengths, rows, steps)
        ways, names = 2 if self.bidirectional else 1, CELLS[self.mode].states
        sizes = (self._out, *[self.hidden_size] * (len(names) - 1))
        if hx is None:
            # An sLSTM's m is the exponent that c and n are scaled by: nothing yet is the exponent of 0.
            starts = [-math.inf if name == "m_0" else 0.0 for name in names]
            pairs = zip(sizes, starts, strict=True)
            states = [tuple(x.new_full((ways, rows, size), start) for size, start in pairs)] * self.num_layers
        else:
            places = (ways * self.num_layers, rows) if batched else (ways * self.num_layers,)
            state = checked_state(hx, names, [(*places, size) for size in sizes], weight)
            by_layer = [(s if batched else s.unsqueeze(1)).split(ways) for s in state]
            states = list(zip(*by_layer, strict=True))

        y, final, c = self._run(x, states, lengths, cells)

        if not batched:
            y, final = y.squeeze(1), tuple(s.squeeze(1) for s in final)
        elif turned:
            y = y.transpose(0, 1)
        after = final if len(final) > 1 else final[0]
        if c is None:
            return y, after
        return y, after, c.transpose(0, 1) if turned else c if batched else c.squeeze(1)

    def stepper(self, rows: int = 1) -> Stepper:
        """Return what runs the stack over `rows` streams, one step a call, as in evaluation; see `Stepper`.

        Raises: TypeError or ValueError for rows that are no count, and ValueError for a bidirectional stack.
        """
        layers, options = self._of_streams()
        return stepper(*layers, rows, **options)

    def slots(self, count: int, together: int = TOGETHER) -> Slots:
        """Return what keeps the states of `count` streams and steps any of them, `together` in one call; see `Slots`.

        Raises: ValueError for sizes below 1, and for a bidirectional stack.
        """
        layers, options = self._of_streams()
        return Slots(*layers, count, together, **options)

    def _of_streams(self) -> tuple[tuple[str, list[Weights], tuple[int, ...]], dict[str, Any]]:
        if self.bidirectional:
            raise ValueError(
                "bidirectional is True, but a reversed direction starts at the end of the sequence: "
                "step through a stack of one direction"
            )
        cell, reset = CELLS[self.mode], "after" if self.reset_after else "before"
        sizes = (self._out, *[self.hidden_size] * (len(cell.states) - 1))
        return (cell.operation, [self._weights(way) for (way,) in self._names], sizes), {
            "options": Options(cell.activation, reset, self.clip, self.heads),
            "zoneout": zoneout_pair(self.zoneout, len(cell.states)),
            "residual": self.residual,
        }

    def weights(self, layer: int, way: int = 0) -> Weights:
        """The weights of one layer in one direction (1: the reversed one), as the kernels are given them."""
        return self._weights(self._names[layer][way])

    def _run(
        self, x: Tensor, states: list[State], lengths: Tensor | None, cells: bool
    ) -> tuple[Tensor, State, Tensor | None]:
        """Run the layers: x (T, B, F) and a state for each, to y (T, B, D*H), the states (L*D, B, ...) and c_t."""
        operation, last, finals, c = CELLS[self.mode].operation, self.num_layers - 1, [], None
        if self.residual and lengths is not None:
            # The sum would carry what lies past a row's end into the output.
            time = torch.arange(x.shape[0], device=x.device)[:, None, None]
            x = x.masked_fill(time >= lengths.to(x.device)[:, None], 0)
        for layer, names in enumerate(self._names):
            weights = tuple(self._weights(way) for way in names)
            options = self._options(x, cells and layer == last)
            y, final, c = kernels.layer(operation, x, states[layer], weights, lengths=lengths, options=options)
            finals.append(final)
            if self.dropout and self.training and layer < last:
                y = nn.functional.dropout(y, self.dropout)
            x = x + y if self.residual and x.shape == y.shape else y
        return x, finals[0] if len(finals) == 1 else tuple(map(torch.cat, zip(*finals, strict=True))), c

    def _options(self, x: Tensor, cells: bool) -> Options:
        """One layer's options, with masks drawn for it alone; x (T, B, ...) gives their sizes, type and device."""
        cell, reset = CELLS[self.mode], "after" if self.reset_after else "before"
        if not self.zoneout and not self.recurrent_dropout:
            return Options(cell.activation, reset, self.clip, self.heads, cells)
        (steps, rows), ways, out = x.shape[:2], 2 if self.bidirectional else 1, self._out
        p_h, p_c = zoneout_pair(self.zoneout, len(cell.states))
        drop = zone_h = zone_c = None
        if self.recurrent_dropout and self.training:
            drop = nn.functional.dropout(x.new_ones(ways, rows, out), self.recurrent_dropout)
        if p_h:
            zone_h = self._zone(x, (ways, steps, rows, out), p_h)
        if p_c:
            zone_c = self._zone(x, (ways, steps, rows, self.hidden_size), p_c)
        return Options(cell.activation, reset, self.clip, self.heads, cells, drop, zone_h, zone_c)

    def _zone(self, x: Tensor, shape: tuple[int, ...], chance: float) -> Tensor:
        if not self.training:
            return x.new_full(shape, chance)
        if x.device.type != "cpu" or not 0.01 <= chance <= 0.99:
            return x.new_empty(shape).bernoulli_(chance)
        # bernoulli_ takes a quarter of a small layer's time; four draws come out of each 64 random bits here, and the
        # chance is rounded to 1/65536.
        count = math.prod(shape)
        bits = torch.randint(-(2**63), 2**63 - 1, ((count + 3) // 4,)).view(torch.int16)
        return (bits[:count].view(shape) < round(chance * 65536) - 32768).to(x.dtype)

    def _weights(self, names: list[str | None]) -> Weights:
        # Read by name at every call: pruning, parametrizations and torch.func put other tensors there. The
        # module's own lookup of an attribute is slow, which shows where the tensors are small.
        own = self._parameters
        found: list[Any] = [name and (own[name] if name in own else getattr(self, name)) for name in names]
        return Weights(*found)

    def _forward_packed(self, packed: PackedSequence, hx: Any, cells: bool) -> tuple[Any, ...]:
        data, counts, order, back = packed
        if data.dim() != 2:
            raise RuntimeError(f"packed data has {data.dim()} dimensions, but 2 are needed: pack (T, B, F) rows")
        rows = torch.arange(int(counts[0]), device=data.device)
        packing = Packing.of_counts(counts, rows if order is None else order, len(counts))
        ends = (counts[:, None] > torch.arange(len(rows))).sum(0)
        lengths = ends if back is None else ends[back.cpu()]
        x = packing.unpack(data)
        y, final, *c = self.forward(x.transpose(0, 1) if self.batch_first else x, hx, lengths=lengths, cells=cells)

        def packed_again(t: Tensor) -> PackedSequence:
            return PackedSequence(packing.pack(t.transpose(0, 1) if self.batch_first else t), counts, order, back)

        return packed_again(y), final, *map(packed_again, c)
